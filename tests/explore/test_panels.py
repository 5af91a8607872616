"""The panels: what is computed is right, what is drawn is what was computed, values are checked."""

import itertools
import json

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from traitlets import TraitError

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore import palette
from mrcnn_lite.explore.panels import Panel, levels_panel, move_panel, paste_panel
from mrcnn_lite.explore.panels.anchors import anchors_panel, propose, suppress
from mrcnn_lite.explore.panels.competition import compete, competition_panel
from mrcnn_lite.explore.panels.controls import Choice, Number
from mrcnn_lite.explore.panels.levels import find_level
from mrcnn_lite.explore.panels.move import make_wide_scene, move_object
from mrcnn_lite.explore.panels.panel import STATE
from mrcnn_lite.explore.panels.paste import paste_and_cut
from mrcnn_lite.explore.panels.web_sources import FOLDER, MODULES, module_source, style_source
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config
from mrcnn_lite.ops import box_iou
from mrcnn_lite.ops.by_name import OPERATIONS

NAMES = {1: "circle", 2: "square", 3: "star"}


@pytest.fixture(scope="module")
def image():
    return ShapesDataset(1, seed=1)[0][0]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(4)).eval()


@pytest.fixture(scope="module")
def scene():
    return make_wide_scene()


def count_panel(number=1):
    def draw(figure, computed):
        figure.subplots().plot([0, computed])

    controls = {"number": Number("number", 0, 9), "way": Choice("way", {"up": 1, "down": 2})}
    values = {"number": number, "way": 1}
    return Panel("count", {}, controls, values, lambda number, way: 2 * number, draw, (2, 2), "")


def test_panel_computes_and_draws_from_its_values():
    panel = count_panel()
    panel.set(number=4.0)
    assert panel.values == {"number": 4, "way": 1}
    assert panel.computed == 8
    assert panel.figure().axes[0].lines[0].get_ydata().tolist() == [0, 8]
    assert repr(panel) == "Panel(number=4, way=1)"


def test_values_that_cannot_be_are_refused_and_say_what_was_expected():
    panel = count_panel()
    for wrong, expected in (
        ({"number": 10}, "number must be a whole number from 0 to 9, got 10"),
        ({"number": 1.5}, "number must be a whole number from 0 to 9, got 1.5"),
        ({"number": float("nan")}, "number must be a whole number from 0 to 9, got nan"),
        ({"number": "two"}, "got 'two'"),
        ({"way": 3}, "way must be one of 1 .up., 2 .down., got 3"),
        ({"size": 3}, "values must be of number, way, got number, way, size"),
    ):
        with pytest.raises(TraitError, match=expected):
            panel.set(**wrong)
    assert panel.values == {"number": 1, "way": 1}
    with pytest.raises(TraitError, match="whole number from 0 to 9, got 12"):
        count_panel(12)


def test_panel_has_a_picture_without_widgets_and_its_state_beside_it():
    data, metadata = count_panel()._repr_mimebundle_()
    assert data["text/plain"] == "Panel(number=1, way=1)"
    assert data["image/png"]
    assert "application/vnd.jupyter.widget-view+json" in data
    state = json.loads(json.dumps(metadata[STATE]))
    assert state["values"] == {"number": 1, "way": 1}
    assert [control["name"] for control in state["controls"]] == ["number", "way"]


def test_sources_are_one_module_that_has_every_file_and_the_palettes_colours():
    source = module_source()
    assert "import " not in source.replace("// ", "")
    assert source.count("export ") == 1
    assert f"--prediction: {palette.PREDICTION.color}" in style_source()
    assert {path.stem for path in FOLDER.glob("*.js")} == {"compute", *MODULES}


@pytest.mark.parametrize("stride", [4, 8, 16])  # at 32 it would come from the border
def test_object_that_moves_by_a_cell_reads_the_same(scene, stride):
    moved = move_object(scene, stride, stride, bins=5)
    assert max(moved.change.values()) < 1e-9
    assert all(read.shape == (3, 5, 5) for read in moved.read.values())


def test_object_that_moves_by_less_jumps_only_where_boxes_are_rounded(scene):
    changes = [move_object(scene, shift, 16, bins=7).change for shift in range(17)]
    steps = {
        name: max(abs(a[name] - b[name]) for a, b in itertools.pairwise(changes))
        for name in OPERATIONS
    }
    assert min(steps["pool"], steps["warp"]) > 3 * max(steps["align"], steps["align_unaligned"])


def test_box_moves_with_the_object(scene):
    start, moved = move_object(scene, 0, 16, 7), move_object(scene, 5, 16, 7)
    assert moved.box == pytest.approx([e + d for e, d in zip(start.box, (5, 0, 5, 0))])
    assert torch.equal(start.window[:, :, :-5], moved.window[:, :, 5:])


@pytest.mark.parametrize(
    ("size", "level"), [(111, 2), (112, 3), (223, 3), (224, 4), (448, 5), (32, 2)]
)
def test_levels_are_those_of_the_paper(size, level):
    assert find_level(size, (512, 512), MaskRCNNConfig()).level == level


def test_suppression_keeps_no_two_that_overlap_more(model, image):
    levels = propose(model, image)
    assert len(levels) == 4
    for threshold in (0.0, 0.3, 0.7):
        found = suppress(levels, 0, threshold)
        kept = found.candidates.boxes[found.kept]
        overlaps = box_iou(kept, kept) - torch.eye(len(kept))
        assert overlaps.max() <= threshold + 1e-6
        assert found.kept[0] == 0
    assert len(suppress(levels, 0, 1.0).kept) == len(levels[0].boxes)
    anchors = levels[1].anchors
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert (centres == centres[0]).all()


def test_softmax_competes_and_sigmoid_does_not():
    torch.manual_seed(0)
    logits = torch.randn(4, 6, 6)
    found = compete(logits, 1, rival=3, boost=5.0, names=NAMES)
    assert torch.equal(found.sigmoid, logits[1].sigmoid())
    assert (found.softmax < found.before[1]).all()
    unchanged = compete(logits, 1, rival=3, boost=0.0, names=NAMES)
    assert torch.equal(unchanged.softmax, unchanged.before[1])
    assert found.names == ("circle", "star")


def test_higher_thresholds_paste_smaller_masks():
    small = torch.linspace(0, 1, 14).expand(14, 14)
    box, truth = torch.tensor([4.0, 4, 32, 32]), torch.zeros(40, 40)
    truth[4:32, 18:32] = 1
    sizes = [int(paste_and_cut(small, box, truth, t).mask.sum()) for t in (0.0, 0.3, 0.5, 0.9, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0
    assert paste_and_cut(small, box, truth, 0.5).iou == pytest.approx(1)
    assert paste_and_cut(small, box, torch.zeros(40, 40), 1.0).iou == 0


def make_panels(model, image):
    logits = torch.randn(4, 28, 28, generator=torch.Generator().manual_seed(0))
    box, truth = torch.tensor([20.0, 30, 90, 100]), torch.zeros(128, 128)
    truth[30:100, 20:90] = 1
    return {
        "move": (move_panel(), {"shift": 7, "stride": 8, "bins": 3}),
        "levels": (levels_panel(image), {"size": 30}),
        "anchors": (anchors_panel(model, image), {"level": 3, "threshold": 0.0}),
        "competition": (competition_panel(logits, 2, NAMES), {"rival": 3, "boost": 8.0}),
        "paste": (paste_panel(image, logits[0].sigmoid(), box, truth), {"threshold": 1.0}),
    }


@pytest.mark.parametrize("name", ["move", "levels", "anchors", "competition", "paste"])
def test_every_control_changes_what_is_shown(name, model, image):
    panel, values = make_panels(model, image)[name]
    assert list(values) == [control["name"] for control in panel.controls]
    for control, value in values.items():
        before = drawn(panel)
        panel.set(**{control: value})
        assert drawn(panel) != before, control
    again = Figure(figsize=panel.figure().get_size_inches())
    panel.draw(again, panel.compute(**panel.values))
    assert len(again.axes) == len(panel.figure().axes)
    # What a page without a kernel gets.
    assert len(json.dumps(panel.state())) < 200_000


def drawn(panel) -> bytes:
    figure = panel.figure()
    figure.set_dpi(40)
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.canvas.draw()
    return bytes(figure.canvas.buffer_rgba())


def test_kinds_are_those_that_the_browser_knows(model, image):
    kinds = {panel.kind for panel, _ in make_panels(model, image).values()}
    source = (FOLDER / "panel.js").read_text("utf-8")
    listed = source.partition("const KINDS = {")[2].partition("}")[0]
    assert {entry.partition(":")[0].strip() for entry in listed.split(",")} == kinds
