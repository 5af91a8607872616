import pytest
import torch

from mrcnn_lite.explore.measure.apparent_shift import apparent_shift
from mrcnn_lite.explore.measure.misalignment import split_shift

STRIDE, BINS = 16, 7


@pytest.fixture(scope="module")
def smooth_map():
    torch.manual_seed(0)
    noise = torch.randn(1, 8, 30, 30, dtype=torch.float64)
    return torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2)


def test_apparent_shift_of_what_is_only_displaced(smooth_map):
    rois = torch.tensor([[0.0, 80, 96, 250, 240], [0, 131, 70, 190, 300]], dtype=torch.float64)
    assert (apparent_shift("align", smooth_map, rois, BINS, STRIDE, 2) == 0).all()
    assert (apparent_shift("align_unaligned", smooth_map, rois, BINS, STRIDE, 2) == 8).all()
    assert apparent_shift("align", smooth_map, rois[:0], BINS, STRIDE).shape == (0, 2)


def test_apparent_shift_follows_the_rounded_box_and_not_the_maximum(smooth_map):
    """On a map that rises and falls alike, a maximum makes values larger but shifts nothing."""
    torch.manual_seed(1)
    corners = 100 + 60 * torch.rand(40, 2, dtype=torch.float64)
    rois = torch.cat([torch.zeros(40, 1), corners, corners + 160], dim=1)
    expected = split_shift("warp", (30, 30), rois, BINS, STRIDE, 2).total[:, :, 3, 3]
    pool_on_ramp = split_shift("pool", (30, 30), rois, BINS, STRIDE, 2).total[:, :, 3, 3]
    for operation in ("warp", "pool"):
        seen = apparent_shift(operation, smooth_map, rois, BINS, STRIDE, 2)
        assert (seen - expected).mean().abs() < 2
    assert (pool_on_ramp - expected).mean() > 7
