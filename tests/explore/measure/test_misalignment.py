"""The error of the RoI operations and its causes, against figures worked out by hand."""

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.explore.measure.misalignment import (
    position_map,
    slide,
    split_error,
    split_shift,
)
from mrcnn_lite.ops.by_name import OPERATIONS

# A box of 112 pixels at stride 16, in 7 bins of a cell each; the centre bin is followed.
STRIDE, BINS, MAP_SIZE = 16, 7, (20, 24)
LEFT_EDGES = (64, 67, 71, 72, 75, 79)
WORKED_OUT = {
    # cause: half pixel, rounding, maximum
    "pool": ([8] * 6, [0, -3, -7, 8, 5, 1], [8] * 6),
    "warp": ([8] * 6, [0, -3, -7, 8, 5, 1], [0] * 6),
    "align_unaligned": ([8] * 6, [0] * 6, [0] * 6),
    "align": ([0] * 6, [0] * 6, [0] * 6),
}


def slid_rois():
    edges = torch.tensor(LEFT_EDGES, dtype=torch.float64)
    return slide((0, 0, 112, 112), dx=edges, dy=edges)


def ramp_errors(operation, sampling_ratio=-1):
    return split_shift(operation, MAP_SIZE, slid_rois(), BINS, STRIDE, sampling_ratio)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sampling_ratio", [-1, 1, 2, 3])
def test_figures_worked_out_by_hand(operation, axis, sampling_ratio):
    error = ramp_errors(operation, sampling_ratio)
    parts = [error.half_pixel, error.rounding, error.maximum]
    for part, expected in zip(parts, WORKED_OUT[operation]):
        assert part[:, axis, 3, 3].tolist() == pytest.approx(expected, abs=1e-9)
    total = [sum(causes) for causes in zip(*WORKED_OUT[operation])]
    assert error.total[:, axis, 3, 3].tolist() == pytest.approx(total, abs=1e-9)


def test_the_same_box_read_with_a_mean():
    error = ramp_errors("pool")
    same_box = error.averaged - error.reference
    assert same_box[:, 0, 3, 3].tolist() == pytest.approx([8, 5, 1, 16, 13, 9])
    assert error.total[:, 0, 3, 3].tolist() == pytest.approx([16, 13, 9, 24, 21, 17])


def test_the_reference_is_the_centre_of_the_true_bin():
    error = ramp_errors("pool")
    centres = torch.arange(BINS, dtype=torch.float64) + 0.5
    x = slid_rois()[:, 1, None] + centres * 112 / BINS
    assert torch.allclose(error.reference[:, 0], x[:, None].expand(-1, BINS, -1))
    assert torch.allclose(error.reference[:, 1], x[:, :, None].expand(-1, -1, BINS))


def test_what_is_read_is_what_torchvision_reads():
    torch.manual_seed(0)
    features = torch.randn(2, 3, *MAP_SIZE, dtype=torch.float64)
    rois = torch.rand(30, 5, dtype=torch.float64) * 300
    rois[:, 0] = torch.arange(30) % 2
    size, scale = (3, 4), 1 / STRIDE
    pool = torchvision.ops.roi_pool(features, rois, size, scale)
    align = torchvision.ops.roi_align(features, rois, size, scale, 2, aligned=False)
    aligned = torchvision.ops.roi_align(features, rois, size, scale, 2, aligned=True)

    def read(operation):
        return split_error(operation, features, rois, size, STRIDE, 2).read

    assert torch.equal(read("pool"), pool)
    assert torch.allclose(read("align_unaligned"), align)
    assert torch.allclose(read("align"), aligned)


coordinates = st.floats(-100, 500).map(lambda x: round(x * 8) / 8)


@given(
    operation=st.sampled_from(sorted(OPERATIONS)),
    box=st.tuples(*[coordinates] * 4),
    bins=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    sampling_ratio=st.integers(-1, 3),
    stride=st.sampled_from([1, 4, 16, 30]),
    seed=st.integers(0, 99),
)
def test_the_causes_add_up_on_any_map(operation, box, bins, sampling_ratio, stride, seed):
    torch.manual_seed(seed)
    features = torch.randn(1, 2, 9, 7, dtype=torch.float64)
    error = split_error(operation, features, slide(box), bins, stride, sampling_ratio)
    assert error.total.shape == (1, 2, *bins)
    causes = error.half_pixel + error.rounding + error.maximum
    assert torch.allclose(causes, error.total, atol=1e-9)
    assert (error.maximum >= -1e-9).all()


@given(st.sampled_from([4, 8, 16, 32]), st.floats(0, 1), st.floats(1, 9))
def test_the_rounding_of_a_box_is_at_most_half_a_cell(stride, place, cells):
    """Of the centre of the box, that is; the bins at its ends may be off by the + 1 as well."""
    low, high = (place + 4) * stride, (place + 4 + cells) * stride
    error = split_shift("warp", (20, 20), slide((low, low, high, high)), 1, stride)
    assert error.rounding.abs().max() <= stride / 2 + 1e-9
    assert torch.allclose(error.half_pixel, torch.tensor(stride / 2, dtype=torch.float64))


def test_the_maximum_of_a_falling_ramp_errs_to_the_other_side():
    features = -position_map(MAP_SIZE, STRIDE)
    error = split_error("pool", features, slide((64, 64, 176, 176)), BINS, STRIDE)
    # Read back as a position: the maximum lies to the left of the bin's mean.
    assert (-error.maximum[0, 0, 3, 3]).item() == pytest.approx(-8)
    assert (-error.half_pixel[0, 0, 3, 3]).item() == pytest.approx(8)


def test_a_box_smaller_than_a_cell_is_rounded_up_to_one_if_not_aligned():
    rois = slide((64, 64, 68, 68))
    assert split_shift("align_unaligned", MAP_SIZE, rois, 1, STRIDE).rounding[0, 0].item() == 6
    assert split_shift("align", MAP_SIZE, rois, 1, STRIDE).total.abs().max() == 0


def test_an_empty_bin_reads_nothing():
    error = split_shift("pool", MAP_SIZE, slide((1000, 64, 1112, 176)), BINS, STRIDE)
    assert (error.read == 0).all()
    assert (error.averaged == 0).all()


def test_slide():
    rois = slide((1, 2, 3, 5), dx=torch.tensor([0.0, 0.5]), dy=1)
    assert rois.tolist() == [[0, 1, 3, 3, 6], [0, 1.5, 3, 3.5, 6]]
    assert slide((1, 2, 3, 5)).tolist() == [[0, 1, 2, 3, 5]]


def test_unknown_operation():
    with pytest.raises(ValueError, match=r"operation must be one of pool, .*, got 'crop'"):
        split_shift("crop", MAP_SIZE, slide((0, 0, 1, 1)), 1, STRIDE)
