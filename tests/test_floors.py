"""The order of the house: no module imports from a floor above its own."""

import ast
from pathlib import Path

import mrcnn_lite

PACKAGE = Path(mrcnn_lite.__file__).parent
# From the ground up. What stands beside the folders is used by all of them.
FLOORS = (
    *("ops", "models", "datasets", "engine"),
    *("explore", "experiments", "course", "cli"),
)
GROUND = ("console", "errors", "files", "settings")
DRAWS = ("matplotlib", "ipywidgets", "anywidget", "mrcnn_lite.explore", "mrcnn_lite.experiments")


def imports_of(path: Path) -> list[str]:
    """The names of all modules that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def floor_of(module: str) -> int:
    """-1 for the ground, else the floor's number."""
    name = module.split(".")[1]
    return -1 if name in GROUND else FLOORS.index(name)


def test_every_folder_is_a_floor_and_every_file_beside_them_is_ground():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(FLOORS)
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", *GROUND}


def test_no_import_goes_up():
    up = []
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(("mrcnn_lite", *path.relative_to(PACKAGE).with_suffix("").parts))
        if module == "mrcnn_lite.__init__":
            continue  # gives `check` when it is asked for
        for name in imports_of(path):
            if name.startswith("mrcnn_lite.") and floor_of(name) > floor_of(module):
                up.append(f"{module} imports {name}")
    assert not up


def test_training_draws_nothing():
    for path in (PACKAGE / "engine").rglob("*.py"):
        drawing = [name for name in imports_of(path) if name.startswith(DRAWS)]
        assert not drawing, path
