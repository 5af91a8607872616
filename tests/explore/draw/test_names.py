"""Names of categories are any text; where they are drawn, they are drawn as they are."""

import io

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from mrcnn_lite.explore.draw.competition import draw_class_maps
from mrcnn_lite.explore.draw.masks import draw_label_map
from mrcnn_lite.explore.draw.pipeline import draw_class_scores
from mrcnn_lite.explore.draw.scene import figure_of_prediction
from mrcnn_lite.explore.panels.competition import compete, draw_competition

LABELS = torch.tensor([1, 2])
DETECTIONS = {
    "boxes": torch.tensor([[1.0, 1, 6, 6], [2, 2, 7, 7]]),
    "labels": LABELS,
    "masks": torch.ones(2, 1, 8, 8),
    "scores": torch.tensor([0.9, 0.8]),
}


def instances(names):
    return figure_of_prediction(torch.zeros(3, 8, 8), DETECTIONS, names)


def label_map(names):
    figure = Figure()
    draw_label_map(figure.subplots(), torch.tensor([[1, 1], [2, 2]]), names)
    return figure


def class_scores(names):
    figure = Figure()
    draw_class_scores(figure.subplots(), torch.tensor([0.2, 0.5, 0.3]), names)
    return figure


def class_maps(names):
    figure = Figure()
    draw_class_maps(figure.subplots(1, 2), torch.rand(2, 4, 4), list(names.values()), (0, 1))
    return figure


def competition(names):
    figure = Figure()
    draw_competition(figure, compete(torch.rand(3, 4, 4), 1, 2, 1.0, names))
    return figure


@pytest.mark.parametrize("draw", [instances, label_map, class_scores, class_maps, competition])
@pytest.mark.parametrize("name", [r"$\frac{$", "$x^2$", "5$ or 6$", r"a_b \& <i>{}"])
def test_a_name_is_no_formula(draw, name):
    figure = draw({1: name, 2: "cat"})
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    shown = [text for text in figure.findobj(Text) if name in text.get_text()]
    assert shown
    assert not any(text.get_parse_math() for text in shown)
