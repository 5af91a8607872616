import base64
import io

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from mrcnn_lite.course.notebooks import METADATA, execute, main, shrink_png
from mrcnn_lite.errors import InputError


def write(path, *sources):
    cells = [new_markdown_cell("# Title"), *(new_code_cell(source) for source in sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_executes_in_the_notebooks_folder_and_is_stable(tmp_path):
    (tmp_path / "beside.txt").write_text("found", encoding="utf-8")
    path = write(
        tmp_path / "lesson.ipynb",
        "print(1)\nprint(open('beside.txt').read())",
        "import ipywidgets; ipywidgets.IntSlider()",
    )
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata = {"tags": ["kept"], "collapsed": True, "execution": {"start": 1}}
    nbformat.write(notebook, path)

    execute(path)
    first = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == METADATA
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2]
    assert notebook.cells[1].outputs[0].text == "1\nfound\n"
    assert notebook.cells[1].metadata == {"tags": ["kept"]}
    assert list(notebook.cells[2].outputs[0].data) == ["text/plain"]

    execute(path)
    assert path.read_bytes() == first


def test_a_cell_that_only_draws_is_folded(tmp_path):
    path = write(tmp_path / "lesson.ipynb", "x = 1", "y = 2")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].metadata = {"tags": ["hide-input"]}
    nbformat.write(notebook, path)
    execute(path)
    shown, folded = nbformat.read(path, as_version=4).cells[1:]
    assert shown.metadata == {}
    assert folded.metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def test_an_optional_part_is_folded(tmp_path):
    path = write(tmp_path / "lesson.ipynb", "x = 1")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata = {"tags": ["optional"]}
    nbformat.write(notebook, path)
    execute(path)
    heading = nbformat.read(path, as_version=4).cells[0]
    assert heading.metadata == {"tags": ["optional"], "jp-MarkdownHeadingCollapsed": True}


def test_a_failing_cell_is_named_and_the_file_untouched(tmp_path, capsys):
    path = write(tmp_path / "lesson.ipynb", "x = 1", "x / 0")
    before = path.read_bytes()
    assert main([str(path)]) == 1
    message = capsys.readouterr().err
    assert "lesson.ipynb, cell 3" in message
    assert "ZeroDivisionError" in message
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["lesson.ipynb"]


@pytest.mark.parametrize("content", [None, "no JSON", "{}"])
def test_what_is_no_notebook_is_named(tmp_path, content):
    path = tmp_path / "lesson.ipynb"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"lesson\.ipynb"):
        execute(path)


def test_without_notebooks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "no notebooks in" in capsys.readouterr().err


def test_pictures_get_small_and_stay_the_same_to_the_eye():
    generator = np.random.default_rng(0)
    pixels = generator.normal(128, 20, (80, 120, 3)).clip(0, 255).astype(np.uint8)
    large = io.BytesIO()
    Image.fromarray(pixels).save(large, "PNG")
    small = base64.b64decode(shrink_png(base64.b64encode(large.getvalue()).decode()))
    assert len(small) < 0.5 * len(large.getvalue())
    seen = np.asarray(Image.open(io.BytesIO(small)).convert("RGB"), dtype=float)
    assert seen.shape == pixels.shape
    assert abs(seen - pixels).mean() < 10
