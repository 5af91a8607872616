"""The references of lesson 04's checks against torchvision; other right and wrong answers."""

import math

import pytest
import torch
import torchvision
from hypothesis import assume, given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson04 import causes_of_error, roi_align
from mrcnn_lite.course.checks.lesson04_axis import axis_weights, sample_points
from mrcnn_lite.course.slow import round_half_away
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.ops import roi_align_bags, roi_pool_bags


@given(
    box=st.tuples(*[st.floats(-60, 250)] * 4),
    bins=st.integers(1, 5),
    samples=st.integers(1, 4),
    stride=st.sampled_from([4, 8, 16]),
)
def test_roi_align_is_torchvisions(box, bins, samples, stride):
    torch.manual_seed(0)
    features = torch.randn(9, 12, dtype=torch.float64)
    bags = roi_align_bags((9, 12), slide(box), bins, 1 / stride, samples, aligned=True)
    for axis, length in ((bags.y, 9), (bags.x, 12)):
        # Where reading ends, half a cell off the map, the last binary digit decides.
        assume(all((axis.samples - end).abs().min() > 1e-9 for end in (-1, length)))
    expected = torchvision.ops.roi_align(
        features[None, None], slide(box), bins, 1 / stride, samples, aligned=True
    )
    result = roi_align.reference(features, box, bins, samples, stride)
    assert torch.allclose(result, expected[0, 0], atol=1e-8)


def test_sample_points_are_those_of_the_bags():
    bags = roi_align_bags((9, 12), slide((21, 40, 103, 77)), 3, 1 / 8, 2, aligned=True)
    x = sample_points.reference(21, 103, 3, 2, 8)
    first_row_of_points = bags.sample_points.view(3, 3, 2, 2, 2)[0, :, 0, :, 0]
    assert torch.allclose(x, first_row_of_points)


@given(
    low=st.integers(320, 640),
    width=st.integers(1, 300),
    bins=st.integers(1, 8),
    stride=st.sampled_from([8, 16, 32]),
)
def test_causes_of_error_are_the_packages(low, width, bins, stride):
    box = slide((low, 64, low + width, 176))
    size = roi_pool_bags((40, 160), box, (1, bins), 1 / stride).x.size.item()
    # Where a bin ends on a whole cell, the last binary digit decides whether it ends one later.
    ends = [(p * size / bins, p * (size / bins)) for p in range(1, bins + 1)]
    assume(all(math.ceil(end) == math.ceil(as_torchvision) for end, as_torchvision in ends))
    error = split_shift("pool", (40, 160), box, (1, bins), stride)
    for p in range(bins):
        causes = causes_of_error.reference(low, low + width, bins, p, stride)
        for cause, values in zip(causes, (error.half_pixel, error.rounding, error.maximum)):
            assert cause == pytest.approx(values[0, 0, 0, p].item(), abs=1e-6)


def vectorised_points(low, high, bins, samples, stride):
    edges = torch.linspace(low / stride, high / stride, bins * samples + 1, dtype=torch.float64)
    return ((edges[1:] + edges[:-1]) / 2).reshape(bins, samples).numpy()


def weights_by_hats(points, length):
    """Every cell is a hat around its centre; the border cells' hats are flat outside."""
    centres = torch.arange(length) + 0.5
    inside = points.clamp(0.5, length - 0.5)
    hats = (1 - (inside[..., None] - centres).abs()).clamp(min=0)
    on_map = (points >= -0.5) & (points <= length + 0.5)
    return (hats * on_map[..., None]).mean(dim=1)


def align_by_torchvision(feature_map, box, bins, samples, stride):
    roi = feature_map.new_tensor([[0, *box]])
    return torchvision.ops.roi_align(
        feature_map[None, None], roi, bins, 1 / stride, samples, aligned=True
    )[0, 0]


def causes_by_the_package(x1, x2, bins, bin, stride):
    error = split_shift("pool", (40, 40), slide((x1, 0, x2, 99)), (1, bins), stride)
    return [part[0, 0, 0, bin].item() for part in (error.half_pixel, error.rounding, error.maximum)]


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (sample_points, vectorised_points),
        (axis_weights, weights_by_hats),
        (roi_align, align_by_torchvision),
        (causes_of_error, causes_by_the_package),
    ],
)
def test_other_right_answers_pass(exercise, function):
    verdict = exercise.verdict(function)
    assert verdict.passed, verdict.message


def align_without_aligned(feature_map, box, bins, samples, stride):
    roi = feature_map.new_tensor([[0, *box]])
    return torchvision.ops.roi_align(feature_map[None, None], roi, bins, 1 / stride, samples)[0, 0]


def align_twice_shifted(feature_map, box, bins, samples, stride):
    shifted = [edge - stride / 2 for edge in box]
    return align_by_torchvision(feature_map, shifted, bins, samples, stride)


def align_swapped(feature_map, box, bins, samples, stride):
    return align_by_torchvision(feature_map, [box[i] for i in (1, 0, 3, 2)], bins, samples, stride)


def align_of_rounded_box(feature_map, box, bins, samples, stride):
    x1, y1, x2, y2 = (round_half_away(edge / stride) * stride for edge in box)
    pools_box = x1, y1, max(x2 - x1, 0) + x1 + stride, max(y2 - y1, 0) + y1 + stride
    return align_by_torchvision(feature_map, pools_box, bins, samples, stride)


def weights_without_points_off_the_map(points, length):
    on_map = (points >= -0.5) & (points <= length + 0.5)
    weights = weights_by_hats(points, length) * points.shape[1]
    return weights / on_map.sum(dim=1, keepdim=True).clamp(min=1)


@pytest.mark.parametrize(
    ("exercise", "function", "part_of_message"),
    [
        (roi_align, align_without_aligned, "RoIAlign with aligned=False"),
        (roi_align, align_twice_shifted, "the half pixel is taken off twice"),
        (roi_align, align_of_rounded_box, "you read RoIPool's box"),
        (roi_align, align_swapped, "x and y of the box are swapped"),
        (axis_weights, weights_without_points_off_the_map, "counts as 0 in the mean"),
        (
            sample_points,
            lambda *arguments: vectorised_points(*arguments) - 0.5,
            "you take half a cell off",
        ),
        (
            causes_of_error,
            lambda *arguments: causes_by_the_package(*arguments)[::-1],
            "the order is half pixel, rounding",
        ),
    ],
)
def test_wrong_answers_written_in_another_way_are_named_as_well(
    exercise, function, part_of_message
):
    verdict = exercise.verdict(function)
    assert not verdict.passed
    assert part_of_message in verdict.message
