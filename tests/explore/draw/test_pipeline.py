import pytest
import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.pipeline import (
    channel_energy,
    draw_class_scores,
    draw_grid,
    draw_map,
    draw_montage,
    draw_scored_boxes,
    montage,
)


@pytest.fixture
def axes():
    return Figure().subplots()


def test_channel_energy():
    features = torch.tensor([3.0, 4.0])[:, None, None].expand(2, 3, 5)
    assert torch.allclose(channel_energy(features), torch.full((3, 5), 12.5**0.5))


def test_a_map_is_drawn_over_the_image(axes):
    draw_map(axes, torch.arange(15.0).reshape(3, 5), stride=8, title="P3")
    assert axes.images[0].get_extent() == [0, 40, 24, 0]
    assert axes.images[0].get_array().tolist()[1][0] == 5
    assert axes.get_title() == "P3"


def test_montage_lays_channels_in_rows(axes):
    features = torch.arange(5 * 2 * 3.0).reshape(5, 2, 3)
    tiles = montage(features, columns=3)
    assert tiles.shape == (2 * 3 - 1, 3 * 4 - 1)
    one = torch.arange(6.0).reshape(2, 3) / 5
    for row, column in ((0, 0), (0, 2), (1, 1)):
        top, left = 3 * row, 4 * column
        assert torch.allclose(tiles[top : top + 2, left : left + 3], one)
    assert tiles[2].isnan().all()
    assert tiles[:, 3].isnan().all()
    assert tiles[3:, 8:].isnan().all()
    draw_montage(axes, features, 3)
    assert axes.images[0].get_array().shape == (5, 11)


def test_a_channel_without_contrast_is_black():
    assert (montage(torch.full((1, 2, 2), 7.0), columns=1) == 0).all()


def test_the_best_box_lies_on_top_and_is_the_strongest(axes):
    boxes = torch.tensor([[0.0, 0, 4, 2], [1, 1, 3, 5]])
    draw_scored_boxes(axes, boxes, torch.tensor([0.9, 0.2]))
    weak, strong = axes.patches
    assert (strong.get_xy(), strong.get_width(), strong.get_height()) == ((0, 0), 4, 2)
    assert strong.get_alpha() > weak.get_alpha()
    assert strong.get_linewidth() > weak.get_linewidth()


def test_grid(axes):
    draw_grid(axes, (10, 20, 24, 27), bins=7)
    vertical, horizontal = (lines.get_segments() for lines in axes.collections)
    assert [segment[0, 0] for segment in vertical] == [10, 12, 14, 16, 18, 20, 22, 24]
    assert [segment[0, 1] for segment in horizontal] == [20, 21, 22, 23, 24, 25, 26, 27]


def test_class_scores(axes):
    draw_class_scores(axes, torch.tensor([0.5, 0.25, 0.25]), {1: "star", 2: "ring"})
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.25, 0.25]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["background", "star", "ring"]
