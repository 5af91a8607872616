import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.heads import (
    draw_cost_per_image,
    draw_moved_mask,
    draw_steps,
    move_right,
    short,
)
from mrcnn_lite.explore.measure.head_costs import head_steps
from mrcnn_lite.explore.measure.layer_cost import Cost
from mrcnn_lite.explore.palette import GROUND_TRUTH
from mrcnn_lite.models import mask_rcnn, mini_config


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0"), (999, "999"), (12_345, "12.3 k"), (2_643_537, "2.64 M"), (434_000_000_000, "434 G")],
)
def test_short(number, expected):
    assert short(number) == expected


@pytest.mark.parametrize(("neck", "num_arrows"), [("fpn", 4), ("c4", 4)])
def test_every_step_is_drawn_once(axes, neck, num_arrows):
    steps = head_steps(mask_rcnn(mini_config(5, neck=neck)))
    draw_steps(axes, steps, "heads")
    texts = [text.get_text() for text in axes.texts]
    for branch in steps.values():
        for step in branch:
            size = " × ".join(map(str, step.sizes[0]))
            assert any(size in text for text in texts)
            if step.cost.parameters:
                words = f"{step.name}\n{short(step.cost.parameters)} par."
                assert sum(text.startswith(words) for text in texts) == 1
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == num_arrows
    assert axes.get_title() == "heads"


def test_bars_add_up(axes):
    designs = {
        "one": {"backbone": Cost(5, 2_000_000_000), "box branch": Cost(1, 500_000_000)},
        "other": {"backbone": Cost(5, 1_000_000_000), "shared head": Cost(1, 3_000_000_000)},
    }
    draw_cost_per_image(axes, designs)
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    assert spans == [(0, 2), (2, 2.5), (0, 1), (1, 4)]
    assert [text.get_text().strip() for text in axes.texts] == ["2.5", "4"]
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["backbone", "box branch", "shared head"]
    looks = {bar.get_hatch() for bar in axes.patches}
    assert len(looks) == 3


def test_move_right():
    maps = torch.arange(6.0).view(1, 2, 3)
    assert move_right(maps, 1).tolist() == [[[0, 0, 1], [0, 3, 4]]]
    assert torch.equal(move_right(maps, 0), maps)
    assert not move_right(maps, 5).any()


def test_moved_mask_shows_the_outline_that_should_be(axes):
    should_be = torch.zeros(6, 8)
    should_be[2:4, 3:6] = 1
    draw_moved_mask(axes, torch.full((6, 8), 0.25), should_be, "shifted")
    assert axes.images[0].get_extent() == [0, 8, 6, 0]
    assert axes.images[0].get_array()[0, 0] == 0.25
    (outline,) = axes.collections
    assert same_color(outline.get_edgecolor(), GROUND_TRUTH.color)
    x, y = outline.get_paths()[0].vertices.T
    assert (x.min(), x.max(), y.min(), y.max()) == (3, 6, 2, 4)


def test_an_empty_mask_has_no_outline(axes):
    draw_moved_mask(axes, torch.zeros(3, 4), torch.zeros(3, 4))
    assert not axes.collections
