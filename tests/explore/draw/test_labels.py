"""Names beside boxes cover neither each other nor the picture's edge; objects keep their colour."""

import itertools

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.labels import instance_colors, label_boxes
from mrcnn_lite.explore.draw.scene import draw_image
from mrcnn_lite.explore.palette import INSTANCE_COLORS

TRUTH = torch.tensor([[0.0, 0, 20, 20], [60, 60, 90, 100], [100, 0, 128, 30]])
# Two of the second object, one of the first, and one where nothing is.
FOUND = torch.tensor([[58.0, 62, 90, 98], [1, 0, 20, 22], [62, 60, 88, 95], [30, 110, 40, 120]])


def test_an_object_keeps_its_colour():
    truth = instance_colors(TRUTH)
    assert truth == list(INSTANCE_COLORS[:3])
    second, first, again, nothing = instance_colors(FOUND, like=TRUTH)
    assert (second, first, again) == (truth[1], truth[0], truth[1])
    assert nothing not in truth
    assert len(set(instance_colors(FOUND, like=TRUTH[:0]))) == 4
    assert instance_colors(FOUND[:0], like=TRUTH) == []


@pytest.mark.parametrize("inches", [2.5, 5])
def test_labels_avoid_each_other_and_stay_inside(inches):
    figure = Figure(figsize=(inches, inches))
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw_image(axes, torch.zeros(3, 128, 128))
    boxes = torch.tensor([[60.0, 60, 90, 100], [61, 61, 90, 99], [62, 60, 92, 97], [110, 0, 128, 9]])
    label_boxes(axes, boxes, ["triangle 0.77", "cross 0.77", "square 0.50", "circle 1.00"])
    renderer = canvas.get_renderer()
    spans = [text.get_window_extent(renderer) for text in axes.texts]
    picture = axes.get_window_extent(renderer)
    for one, other in itertools.combinations(spans, 2):
        assert not one.shrunk(0.9, 0.9).overlaps(other.shrunk(0.9, 0.9))
    for span in spans:
        assert span.x0 >= picture.x0 - 2
        assert span.x1 <= picture.x1 + 2
        assert span.y1 <= picture.y1 + 2
