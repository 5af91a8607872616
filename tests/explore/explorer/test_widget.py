"""The widget's values in the kernel: measured by the package, guarded, linked and shown still."""

import base64
import io
import sys
from types import SimpleNamespace

import ipywidgets
import pytest
import torch
import traitlets
from PIL import Image

from mrcnn_lite.explore.explorer.figure import figure_of_error, trace_error
from mrcnn_lite.explore.explorer.web_sources import FOLDER, SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import (
    BEYOND,
    BOX,
    MAX_BINS,
    MAX_SAMPLING_RATIO,
    STRIDES,
    Explorer,
)
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.ops.by_name import OPERATIONS

# The left edge of a box of 112 pixels, at stride 16 and with 7 bins; its middle bin's error along
# x, by hand: half pixel, rounding, maximum.
BY_HAND = {
    64: (8, 0, 8),
    67: (8, -3, 8),
    71: (8, -7, 8),
    72: (8, 8, 8),
    75: (8, 5, 8),
    79: (8, 1, 8),
}


@pytest.fixture
def explorer():
    return Explorer()


@pytest.mark.parametrize(("x1", "causes"), BY_HAND.items())
def test_error_of_a_box_of_112_pixels(explorer, x1, causes):
    explorer.roi = (x1, 64, x1 + 112, 176)
    error = explorer.error
    found = [error[name][0] for name in ("half_pixel", "rounding", "maximum")]
    assert found == pytest.approx(causes)
    assert error["total"][0] == pytest.approx(sum(causes))
    explorer.operation = "align_unaligned"
    assert explorer.error["total"] == pytest.approx((8, 8))
    explorer.operation = "align"
    assert explorer.error["total"] == pytest.approx((0, 0))


def test_error_follows_every_setting(explorer):
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]), "error")
    for name, value in {
        "operation": "warp",
        "stride": 32,
        "bins": 4,
        "sampling_ratio": 2,
        "bin": (0, 3),
        "roi": (10.5, 20, 99, 120),
    }.items():
        setattr(explorer, name, value)
    error = split_shift("warp", (8, 8), slide((10.5, 20, 99, 120)), 4, 32, 2)
    assert explorer.error["total"] == pytest.approx(error.total[0, :, 0, 3].tolist())
    assert seen[-1] == explorer.error
    bags = explorer.bags()
    assert bags.map_size == (8, 8)
    assert bags.output_size == (4, 4)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("roi", (0, 0, 300, 100), "at most 32 pixels beyond the scene of 256 x 256 pixels"),
        ("roi", (-33, 0, 30, 100), "beyond the scene"),
        ("causes", "all three", "causes"),
        ("roi", (50, 50, 50, 100), "at least 1 pixel wide"),
        ("roi", (90, 50, 20, 100), "at least 1 pixel wide"),
        ("roi", (float("nan"), 0, 20, 20), "finite"),
        ("roi", (1, 2, 3), "roi"),
        ("roi", ("left", 0, 20, 20), "roi"),
        ("stride", 5, "stride"),
        ("bins", 0, "less than 1"),
        ("bins", 99, "greater than 14"),
        ("sampling_ratio", 7, "greater than 6"),
        ("operation", "crop", "operation"),
        ("bin", (7, 0), "from 0 to 6"),
        ("axis", "z", "axis"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(explorer, name, value, words):
    before = getattr(explorer, name), explorer.error
    with pytest.raises(traitlets.TraitError, match=words):
        setattr(explorer, name, value)
    assert (getattr(explorer, name), explorer.error) == before


def test_picture_of_the_readers_own():
    image = torch.rand(3, 96, 160)
    explorer = Explorer(image, stride=32, bins=3)
    assert explorer.map_size == (3, 5)
    assert explorer.picture_as_tensor().shape == image.shape
    x1, y1, x2, y2 = explorer.roi
    assert 0 <= x1 < x2 <= 160
    assert 0 <= y1 < y2 <= 96
    for wrong in (torch.rand(96, 160), torch.rand(3, 2000, 8), torch.rand(3, 0, 8)):
        with pytest.raises(ValueError, match="image must"):
            Explorer(wrong)


def test_box_may_reach_beyond_the_map(explorer):
    explorer.roi = (-32, 230, 20, 288)
    error = split_shift("pool", (16, 16), slide((-32, 230, 20, 288)), 7, 16, -1)
    assert explorer.error["rounding"] == pytest.approx(error.rounding[0, :, 3, 3].tolist())
    # In the first column and the last row the bins lie beyond the map.
    bags = explorer.bags()
    assert len(bags.bin(0, 0, 0).cells) == len(bags.bin(0, 6, 6).cells) == 0
    assert len(bags.bin(0, 0, 6).cells) > 0
    figure_of_error(explorer)
    explorer.roi = (-32, -32, 288, 288)
    positions, _ = trace_error(explorer)
    assert positions.tolist() == [0]
    figure_of_error(explorer)


def test_linked_slider(explorer):
    slider = ipywidgets.IntSlider(67, 0, 144)
    traitlets.dlink((slider, "value"), (explorer, "roi"), lambda x1: (x1, 64, x1 + 112, 176))
    slider.value = 72
    assert explorer.error["rounding"][0] == pytest.approx(8)


def test_fewer_bins_follow_the_middle_again(explorer):
    explorer.bin = (6, 6)
    explorer.bins = 5
    assert explorer.bin is None
    assert explorer.followed_bin == (2, 2)


def test_still_figure_stands_beside_the_widget(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width > 500
    assert data["text/plain"] == repr(explorer)
    assert repr(explorer) == (
        "Explorer(operation='pool', roi=(61, 81, 173, 188), stride=16, bins=7, sampling_ratio=-1)"
    )


def test_colab_is_asked_once_to_show_widgets(monkeypatch):
    """Otherwise Google Colab shows none but ipywidgets' own; anywidget asks."""
    asked = []
    colab = SimpleNamespace(
        enable_custom_widget_manager=lambda: asked.append("all widgets"),
        _widgets=SimpleNamespace(_installed_url="https://example.org/widgets"),
    )
    monkeypatch.setitem(sys.modules, "google.colab.output", colab)
    _, metadata = Explorer()._repr_mimebundle_()
    Explorer()
    assert asked == ["all widgets"]
    shown = metadata["application/vnd.jupyter.widget-view+json"]
    assert shown["colab"]["custom_widget_manager"]["url"] == colab._widgets._installed_url


@pytest.mark.parametrize("axis", ["x", "y"])
def test_still_figure_draws_what_is_measured(explorer, axis):
    explorer.axis = axis
    positions, error = trace_error(explorer)
    here = int((positions == explorer.roi["xy".index(axis)]).nonzero())
    total = error.total[here, "xy".index(axis), 3, 3].item()
    assert total == pytest.approx(explorer.error["total"]["xy".index(axis)])
    _, trace = figure_of_error(explorer).axes
    assert [round(total, 6)] in [
        line.get_ydata().round(6).tolist() for line in trace.lines if len(line.get_ydata()) == 1
    ]


def test_both_sides_have_the_same_settings_and_limits(explorer):
    assert set(SYNCED) <= set(explorer.traits(sync=True))
    settings = (FOLDER / "settings.js").read_text("utf-8")
    assert f"STRIDES = {list(STRIDES)};" in settings
    assert f"bins: [1, {MAX_BINS}], sampling_ratio: [0, {MAX_SAMPLING_RATIO}]" in settings
    assert f"BEYOND = {BEYOND};" in settings
    arithmetic = (FOLDER / "arithmetic.js").read_text("utf-8")
    for name, operation in OPERATIONS.items():
        half = str(operation.half_a_cell_off).lower()
        assert f'{name}: {{ label: "{operation.label}", halfACellOff: {half} }}' in arithmetic
    assert explorer.roi == BOX


def test_sources_are_one_module_with_the_palettes_colours():
    source = module_source()
    assert "import " not in source.replace("// ", "")
    assert source.count("export ") == 1
    assert "--true-box: #0072B2" in style_source()
