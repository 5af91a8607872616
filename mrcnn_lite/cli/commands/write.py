"""The commands that write what the course brings along; each imports what it alone needs."""

from argparse import Namespace

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import check_file_can_be_written


def write_shapes(options: Namespace) -> None:
    """Write Shapes as a COCO root."""
    from mrcnn_lite.datasets import ShapesDataset, export

    try:
        dataset = ShapesDataset(options.scenes, options.seed, options.size, options.crowded)
    except ValueError as error:
        raise InputError(str(error)) from error
    out = export(dataset, options.out, options.split)
    print(f"wrote {len(dataset)} scenes to {out}")


def write_explorer(options: Namespace) -> None:
    """Write the misalignment explorer as a page that needs no kernel and no network."""
    from mrcnn_lite.explore.explorer.page import write_page

    check_file_can_be_written(options.out)
    write_page(options.out)
    print(f"wrote {options.out}; open it in any browser")


def copy_lessons(options: Namespace) -> None:
    """Write the lessons as they came with the package."""
    from mrcnn_lite.course.lessons import write_lessons

    lessons = write_lessons(options.out)
    print(f"wrote {len(lessons)} lessons to {options.out}; next: jupyter lab {lessons[0]}")


def write_student_edition(options: Namespace) -> None:
    """Write the lessons without their solutions."""
    from mrcnn_lite.course.student import write_edition

    lessons = write_edition(options.out, options.solutions, options.hints, options.lessons)
    count = "1 lesson" if len(lessons) == 1 else f"{len(lessons)} lessons"
    print(f"wrote {count} to {options.out}")
