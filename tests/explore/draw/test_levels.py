import pytest
import torch
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.levels import (
    draw_boxes_by_level,
    draw_level_rule,
    draw_what_and_where,
)
from mrcnn_lite.explore.palette import LEVELS


@pytest.fixture
def axes():
    return Figure().subplots()


BOXES = torch.tensor([[0.0, 0, 50, 40], [10, 10, 160, 130], [0, 0, 300, 300], [5, 5, 45, 50]])


def test_boxes_have_the_style_of_their_level(axes):
    draw_boxes_by_level(axes, BOXES, torch.tensor([2, 3, 4, 2]))
    drawn = [(patch.get_width(), patch.get_edgecolor()) for patch in axes.patches]
    expected = [(50, 2), (40, 2), (150, 3), (300, 4)]
    assert drawn == [(width, to_rgba(LEVELS[level].color)) for width, level in expected]
    names = [(text.get_text(), text.xy) for text in axes.texts]
    assert names == [("P2", (0, 0)), ("P2", (5, 5)), ("P3", (10, 10)), ("P4", (0, 0))]


def test_the_rule_sorts_the_points(axes):
    draw_level_rule(axes, BOXES, 224, 4, finest_level=2, coarsest_level=5)
    points = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert points == {"P2": [[50, 40], [40, 45]], "P3": [[150, 120]], "P4": [[300, 300]], "P5": []}
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlim()[0] < 40
    assert axes.get_xlim()[1] > 300
    assert "64" in [label.get_text() for label in axes.get_xticklabels()]


def test_levels_can_be_told_apart_without_colour():
    assert len({meaning.line for meaning in LEVELS.values()}) == len(LEVELS)
    assert len({meaning.marker for meaning in LEVELS.values()}) == len(LEVELS)
    assert [meaning.label for meaning in LEVELS.values()] == [f"P{level}" for level in LEVELS]


def test_what_and_where_are_drawn_with_arrows(axes):
    what = {"C2": 0.3, "C3": 0.5, "P3": 0.6, "P4": 0.4}
    where = {"C2": 0.7, "C3": 0.8, "P3": 0.9, "P4": 0.6}
    spread = {name: (0.01, 0.02) for name in what}
    draw_what_and_where(axes, what, where, spread)
    points = [bar.lines[0].get_xydata()[0].tolist() for bar in axes.containers]
    assert points == [[0.7, 0.3], [0.8, 0.5], [0.9, 0.6], [0.6, 0.4]]
    across, up = (lines.get_segments()[0] for lines in axes.containers[0].lines[2])
    assert across[:, 0].tolist() == pytest.approx([0.68, 0.72])
    assert up[:, 1].tolist() == pytest.approx([0.29, 0.31])
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [((0.8, 0.5), (0.9, 0.6))]
    assert [text.get_text() for text in axes.texts if text.get_text()] == list(what)
