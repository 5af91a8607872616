"""Text is read and written in UTF-8 wherever this runs; Windows would take cp1252 for granted."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("mrcnn_lite", "tests", "benchmarks", "notebooks", "docs")
# The place of `encoding` where it is not named: open(file, mode, buffering, encoding).
PLACES = {"read_text": 0, "write_text": 1, "open": 3, "Path.open": 2}


def codes(path: Path) -> list[str]:
    """The code of a module, or of a notebook's cells without their magics."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return [text]
    cells = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    return ["\n".join(x for x in cell.splitlines() if x.lstrip()[:1] not in "%!") for cell in cells]


def calls_without_encoding(code: str) -> Iterator[ast.Call]:
    """Calls that read or write text and leave its encoding to the system."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            name, mode_place = node.func.id, 1
        elif isinstance(node.func, ast.Attribute):
            name, mode_place = node.func.attr, 0
            owner = ast.unparse(node.func.value)
            if name == "open" and owner in ("Image", "os", "webbrowser", "tarfile", "zipfile"):
                continue
            name = "Path.open" if name == "open" else name
        else:
            continue
        if name not in PLACES or len(node.args) > PLACES[name]:
            continue
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in ("open", "Path.open"):
            mode = keywords.get("mode") or (node.args[mode_place:] or [ast.Constant("r")])[0]
            if isinstance(mode, ast.Constant) and "b" in mode.value:
                continue
        if not {"encoding", None} & set(keywords):
            yield node


@pytest.mark.parametrize("folder", FOLDERS)
def test_encoding_of_text_is_named(folder):
    paths = [path for kind in ("*.py", "*.ipynb") for path in (ROOT / folder).rglob(kind)]
    assert paths
    found = [
        f"{path.relative_to(ROOT)}: {ast.unparse(call)}"
        for path in paths
        for code in codes(path)
        for call in calls_without_encoding(code)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("code", "is_missing"),
    [
        ("open('a')", True),
        ("open('a', 'w')", True),
        ("open('a', mode='a')", True),
        ("path.read_text()", True),
        ("Path('a').write_text('b')", True),
        ("path.open()", True),
        ("open('a', 'rb')", False),
        ("path.open('wb')", False),
        ("open('a', encoding='utf-8')", False),
        ("path.read_text('utf-8')", False),
        ("path.write_text('a', 'utf-8')", False),
        ("Image.open('a')", False),
    ],
)
def test_what_counts_as_naming_it(code, is_missing):
    assert bool(list(calls_without_encoding(code))) == is_missing
