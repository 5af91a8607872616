"""The lessons in a folder of one's own, wherever the package came from.

    mrcnn-lite lessons --out DIR

They run there as in a clone: what they read, the package brings along.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import NBVAL_SETTINGS, NOTEBOOKS, write_new_folder

# What lessons link to, and the settings of their plots.
BESIDE_THE_LESSONS = ("glossary.md", "matplotlibrc")
# Where a file of this name lies beside a notebook, `check.hint` gives none.
HINTS_OFF = "hints_off"


def write_lessons(out: str | Path) -> list[Path]:
    """Copy all lessons, what they need beside them, and nbval's settings into a new folder.

    Args:
        out: the folder to make. It may exist if it is empty.

    Returns:
        the notebooks.

    Raises:
        InputError: `out` is not a new or an empty folder, or cannot be written; or see
            `find_lessons`.
    """
    lessons = find_lessons()
    with write_new_folder(out) as folder:
        for path in lessons:
            shutil.copyfile(path, folder / path.name)
        copy_what_they_need(folder)
        shutil.copyfile(NBVAL_SETTINGS, folder / NBVAL_SETTINGS.name)
    return [Path(out, path.name) for path in lessons]


def find_lessons(numbers: Collection[int] | None = None) -> list[Path]:
    """List the notebooks that came with the package, in their order.

    Args:
        numbers: of the lessons to list; None for all.

    Raises:
        InputError: there are none, or none of one of these numbers.
    """
    lessons = {int(path.name[:2]): path for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    if not lessons:
        raise InputError(f"no lessons in {NOTEBOOKS}; install the package again, as a whole")
    if numbers is None:
        return list(lessons.values())
    if unknown := sorted(set(numbers) - set(lessons)):
        given = ", ".join(f"{number:02}" for number in unknown)
        there = ", ".join(f"{number:02}" for number in lessons)
        raise InputError(f"no lesson {given}; there are {there}")
    return [path for number, path in lessons.items() if number in numbers]


def copy_what_they_need(folder: Path) -> None:
    """Copy what every edition has beside its lessons."""
    for name in BESIDE_THE_LESSONS:
        # Without its permissions: an installation may be read-only, a reader's folder is not.
        shutil.copyfile(NOTEBOOKS / name, folder / name)
