"""Enlargement by matrix products is bicubic interpolation, and finds the same keypoints."""

import pytest
import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

from mrcnn_lite.models.fast.enlarge import enlarge_by_products
from mrcnn_lite.models.keypoints import enlarge, find_keypoints


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (20, 56), (56, 56), (90, 31), (57, 200)])
def test_products_give_what_interpolation_gives(rows, columns):
    maps = torch.randn(3, 56, 56, dtype=torch.float64)
    by_products = enlarge_by_products(maps, rows, columns)
    torch.testing.assert_close(by_products, enlarge(maps, rows, columns), atol=1e-12, rtol=0)


def test_under_autocast_maps_stay_in_float32():
    maps = torch.randn(2, 14, 14)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(enlarge_by_products(maps, 40, 30), enlarge_by_products(maps, 40, 30))
        assert enlarge_by_products(maps, 40, 30).dtype == torch.float32


def test_the_same_keypoints_are_found():
    maps = torch.randn(5, 4, 28, 28, dtype=torch.float64)
    boxes = torch.tensor([[3.0, 4, 60.5, 90], [0, 0, 8, 8], [1, 2, 1.5, 3], [9, 9, 99, 40]])
    boxes = torch.cat([boxes, boxes[:1] + 0.3]).double()
    found, scores = find_keypoints(maps, boxes, enlarge_by_products)
    expected, expected_scores = heatmaps_to_keypoints(maps, boxes)
    torch.testing.assert_close(found, expected.double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores, expected_scores.double(), atol=1e-6, rtol=0)
