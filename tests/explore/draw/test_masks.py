import numpy as np
import pytest
from matplotlib.figure import Figure
from pycocotools import mask as coco_mask

from mrcnn_lite.explore.draw.masks import (
    column_order,
    compare_masks,
    draw_label_map,
    draw_outline,
    draw_overlap,
    draw_polygon,
    draw_segments,
    draw_small_mask,
)
from mrcnn_lite.explore.palette import GROUND_TRUTH


@pytest.fixture
def axes():
    return Figure().subplots()


def test_compare_masks():
    mask, other = [[0, 1, 0, 1]], [[0, 0, 1, 1]]
    assert compare_masks(mask, other).tolist() == [[0, 1, 2, 3]]


def test_overlap_legend_counts_pixels(axes):
    mask, other = np.zeros((4, 6), dtype=bool), np.zeros((4, 6), dtype=bool)
    mask[1:3, 1:4] = True
    other[1:3, 2:6] = True
    draw_overlap(axes, mask, other)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [
        "only in the first: 2 pixels",
        "only in the second: 4 pixels",
        "in both: 4 pixels",
    ]


def test_a_single_pixel_is_no_pixels(axes):
    draw_overlap(axes, [[True, True]], [[False, True]])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [
        "only in the first: 1 pixel",
        "only in the second: 0 pixels",
        "in both: 1 pixel",
    ]


def test_label_map_names_each_label_in_its_middle(axes):
    labels = np.zeros((6, 10), dtype=np.int64)
    labels[1:3, 2:8] = 3
    draw_label_map(axes, labels, {3: "star", 4: "ring"})
    (text,) = axes.texts
    assert (text.get_text(), text.get_position()) == ("star", (5, 2))


def test_column_order_is_that_of_run_lengths():
    order = column_order(3, 5)
    for number in range(15):
        encoding = coco_mask.frPyObjects({"size": [3, 5], "counts": [number, 1, 14 - number]}, 3, 5)
        assert (coco_mask.decode(encoding) == (order == number)).all()


def test_small_mask_bears_its_texts(axes):
    draw_small_mask(axes, [[0, 1], [1, 0], [0, 0]], column_order(3, 2).tolist())
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts[0.5, 2.5] == "2"
    assert texts[1.5, 0.5] == "3"


def test_segments_are_painted_in_their_mean_colour(axes):
    image = np.zeros((3, 2, 3))
    image[0] = [[0.2, 0.4, 1], [0.2, 0.4, 1]]
    draw_segments(axes, image, [[0, 0, 1], [0, 0, 1]])
    painted = axes.images[0].get_array()
    assert np.allclose(painted[..., 0], [[0.3, 0.3, 1], [0.3, 0.3, 1]])
    assert painted.shape == (2, 3, 3)
    vertical, horizontal = axes.collections
    segments = [segment.tolist() for segment in vertical.get_segments()]
    assert segments == [[[2, 0], [2, 1]], [[2, 1], [2, 2]]]
    assert not horizontal.get_segments()


def test_outlines_lie_in_image_pixels(axes):
    mask = np.zeros((10, 8), dtype=bool)
    mask[2:6, 3:7] = True
    draw_outline(axes, mask, "black", hatched=True)
    draw_polygon(axes, [(3, 2), (7, 2), (7, 6), (3, 6)], GROUND_TRUTH)
    corners = np.concatenate([path.vertices for path in axes.collections[-1].get_paths()])
    assert np.abs(corners.min(axis=0) - (3, 2)).max() <= 0.5
    assert np.abs(corners.max(axis=0) - (7, 6)).max() <= 0.5
