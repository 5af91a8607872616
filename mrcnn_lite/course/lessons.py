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


def number_of(lesson: str | Path) -> str:
    """The number that a lesson's file begins with: 04, or 11b for one between 11 and 12."""
    return Path(lesson).stem.partition("_")[0]


def find_lessons(numbers: Collection[str] | None = None) -> list[Path]:
    """List the notebooks that came with the package, in their order.

    Args:
        numbers: of the lessons to list, such as "04"; None for all.

    Raises:
        InputError: there are none, or none of one of these numbers.
    """
    lessons = {number_of(path): path for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    if not lessons:
        raise InputError(f"no lessons in {NOTEBOOKS}; install the package again, as a whole")
    if numbers is None:
        return list(lessons.values())
    if unknown := sorted(set(numbers) - set(lessons)):
        raise InputError(f"no lesson {', '.join(unknown)}; there are {', '.join(lessons)}")
    return [path for number, path in lessons.items() if number in numbers]


def copy_what_they_need(folder: Path) -> None:
    """Copy what every edition has beside its lessons."""
    for name in BESIDE_THE_LESSONS:
        # Without its permissions: an installation may be read-only, a reader's folder is not.
        shutil.copyfile(NOTEBOOKS / name, folder / name)
