"""The still picture that stands in a saved notebook for a widget."""

import base64
import io
import re

import ipywidgets
import nbformat
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mrcnn_lite.explore import still
from mrcnn_lite.explore.explorer.widget import Explorer
from mrcnn_lite.explore.panels import move_panel
from mrcnn_lite.explore.panels.panel import STATE
from mrcnn_lite.explore.still import WIDGET_VIEW, add_still, display_with_still, encode_png
from tests.project import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Bytes in base64, which a notebook is larger by.
MAX_BYTES = 250_000


@pytest.fixture
def published(monkeypatch):
    outputs = []
    monkeypatch.setattr(
        still, "publish_display_data", lambda data, metadata=None: outputs.append((data, metadata))
    )
    monkeypatch.delenv("VSCODE_PID", raising=False)
    return outputs


def explorer_below_a_slider():
    return Explorer().below(ipywidgets.IntSlider())


@pytest.mark.parametrize("make", [Explorer, move_panel, explorer_below_a_slider])
def test_picture_is_an_output_of_its_own_before_the_widgets(published, make):
    widget = make()
    widget._ipython_display_()
    (picture, metadata), (style, _), (view, _) = published
    assert list(view) == [WIDGET_VIEW]
    assert view[WIDGET_VIEW]["model_id"] == widget.model_id
    assert set(picture) == {"image/png", "text/plain"}
    shown = widget.children[-1] if make is explorer_below_a_slider else widget
    assert picture["text/plain"] == repr(shown)
    assert list(style) == ["text/html"]
    assert len(picture["image/png"]) < MAX_BYTES
    image = Image.open(io.BytesIO(base64.b64decode(picture["image/png"])))
    # Twice the pixels that it is shown with.
    shown = metadata["image/png"]
    assert image.size == (2 * shown["width"], pytest.approx(2 * shown["height"], abs=1))
    assert len(shown["alt"]) > 60


def test_style_is_the_same_for_every_widget(published):
    """Lessons are compared with what was committed, output by output."""
    for _ in range(2):
        display_with_still(*add_still(Figure(), {WIDGET_VIEW: {}, "text/plain": "x"}))
    assert published[1] == published[4]


def test_vs_code_takes_the_picture_from_the_widgets_own_output(published, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    explorer = Explorer()
    explorer._ipython_display_()
    ((data, metadata),) = published
    assert {WIDGET_VIEW, "image/png", "text/plain"} == set(data)
    assert "RoIPool at stride 16" in metadata["image/png"]["alt"]


def test_encoded_picture_has_a_palette_and_always_the_same_bytes():
    def draw():
        figure = Figure(figsize=(3, 2))
        figure.subplots().plot([1, 2, 4])
        return encode_png(figure)

    assert draw() == draw()
    image = Image.open(io.BytesIO(draw()))
    assert image.size == (432, 288)
    assert image.mode == "P"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lessons_keep_a_picture_of_each_widget_and_the_state_of_each_panel(lesson):
    for cell in nbformat.read(lesson, as_version=4).cells:
        made = re.search(r"\bExplorer\(|\b(\w+)_panel\(", cell.source)
        if cell.cell_type != "code" or not made:
            continue
        pictures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
        assert len(pictures) == 1, cell.id
        assert pictures[0].metadata.get(STATE, {}).get("kind") == made[1]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_lesson_leaves_but_a_widgets_name(lesson):
    """A plain widget has no picture; it is shown with what has one."""
    for cell in nbformat.read(lesson, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            name = str(data.get("text/plain", "")).partition("(")[0]
            assert not hasattr(ipywidgets, name) or "image/png" in data, cell.id
