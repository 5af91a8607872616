"""Each folder of the package opens with a map: every file in it, in the order to read them."""

import ast
import re
from pathlib import Path

import pytest

import mrcnn_lite

PACKAGE = Path(mrcnn_lite.__file__).parent
# One module for each lesson, which their names say.
BY_LESSON = ("course/checks", "course/questions")
ENTRY = re.compile(r"^    (\w+)(?:  +[^\s#].*)?$", re.MULTILINE)


def folder_name(folder: Path) -> str:
    return folder.relative_to(PACKAGE).as_posix()


def front_doors() -> list[Path]:
    folders = [path.parent for path in sorted(PACKAGE.rglob("__init__.py"))]
    return [folder for folder in folders if folder_name(folder) not in BY_LESSON]


def entries_of(folder: Path) -> list[str]:
    """The names in a folder's map, as they stand in it."""
    module = ast.parse((folder / "__init__.py").read_text("utf-8"))
    opening = ast.get_docstring(module, clean=False)
    return ENTRY.findall(opening)


def modules_of(folder: Path) -> set[str]:
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    return files | folders


@pytest.mark.parametrize("folder", front_doors(), ids=folder_name)
def test_the_map_names_every_file_once_and_nothing_else(folder):
    entries, modules = entries_of(folder), modules_of(folder)
    if folder == PACKAGE:
        # What all floors use stands beside them, and in a sentence.
        modules = {name for name in modules if (folder / name).is_dir()}
    assert sorted(entries) == sorted(modules)
