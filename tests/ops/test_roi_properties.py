import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_lite.ops import roi_align, roi_pool, roi_warp

STRIDE = 8
coordinate = st.floats(0, 120, width=32)
boxes = st.lists(st.tuples(*[coordinate] * 4), min_size=1, max_size=6)
seeds = st.integers(0, 1000)
OPS = [
    lambda x, b: roi_pool(x, b, 3, 1 / STRIDE),
    lambda x, b: roi_warp(x, b, 3, 1 / STRIDE, 2),
    lambda x, b: roi_align(x, b, 3, 1 / STRIDE, 2, True),
    lambda x, b: roi_align(x, b, 3, 1 / STRIDE, -1, False, reduce="max"),
]


def as_rois(boxes):
    boxes = torch.tensor(boxes, dtype=torch.float64)
    low, high = torch.minimum(boxes[:, :2], boxes[:, 2:]), torch.maximum(boxes[:, :2], boxes[:, 2:])
    return torch.cat([torch.zeros(len(boxes), 1), low, high], dim=1).double()


def random_map(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, 16, 16, dtype=torch.float64, generator=generator)


@given(boxes, seeds, st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=50)
def test_moves_with_the_image_by_whole_cells(boxes, seed, down, right):
    x, rois = random_map(seed), as_rois(boxes)
    # A map that goes on beyond what the boxes read, so that the border plays no part.
    x = torch.nn.functional.pad(x, (4, 12, 4, 12))
    rois[:, 1:] += 4 * STRIDE
    shift = torch.tensor([0, right, down, right, down]) * STRIDE
    moved = x.roll((down, right), dims=(2, 3))
    for op in OPS:
        torch.testing.assert_close(op(moved, rois + shift), op(x, rois), atol=1e-9, rtol=0)


@given(boxes, st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=50)
def test_align_of_a_linear_map_is_its_value_at_the_bins_centres(boxes, a, b, few, many):
    centres = torch.arange(24, dtype=torch.float64) - 4 + 0.5
    x = (a * centres + b * centres[:, None])[None, None]
    rois = as_rois(boxes)
    rois[:, 1:] += 4 * STRIDE
    coarse = roi_align(x, rois, 2, 1 / STRIDE, few, aligned=True)
    fine = roi_align(x, rois, 2, 1 / STRIDE, many, aligned=True)
    torch.testing.assert_close(coarse, fine, atol=1e-9, rtol=0)
    # Refining the map: four bins are the mean of which is one.
    parts = roi_align(x, rois, 4, 1 / STRIDE, few, aligned=True)
    merged = torch.nn.functional.avg_pool2d(parts, 2)
    torch.testing.assert_close(coarse, merged, atol=1e-9, rtol=0)
    width = (rois[:, 3] - rois[:, 1]) / STRIDE
    left, right = coarse[:, 0, 0, 0], coarse[:, 0, 0, 1]
    torch.testing.assert_close(right - left, a * width / 2, atol=1e-9, rtol=0)


@given(boxes, seeds)
@settings(max_examples=50)
def test_pool_stays_within_the_maps_range(boxes, seed):
    x = random_map(seed)
    out = roi_pool(x, as_rois(boxes), 3, 1 / STRIDE)
    for channel in range(3):
        values = set(x[0, channel].flatten().tolist()) | {0.0}
        assert set(out[:, channel].flatten().tolist()) <= values


@given(boxes, seeds)
@settings(max_examples=50)
def test_permuted_rois_permute_the_output(boxes, seed):
    x, rois = random_map(seed), as_rois(boxes)
    order = torch.randperm(len(rois), generator=torch.Generator().manual_seed(seed))
    for op in OPS:
        torch.testing.assert_close(op(x, rois[order]), op(x, rois)[order], atol=1e-12, rtol=0)
