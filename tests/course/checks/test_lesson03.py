"""The checks of lesson 03: their references against PyTorch, right answers, wrong ones."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import assume, given
from hypothesis import strategies as st

from mrcnn_lite import ops
from mrcnn_lite.course.checks.lesson03 import bilinear_slope, resize
from mrcnn_lite.course.checks.lesson03_warp import roi_warp

LESSON = "03_roi_warp"
coordinates = st.integers(-200, 500).map(lambda x: x / 4)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates)


@given(*[st.integers(2, 5)] * 2, *[st.integers(1, 9)] * 2)
def test_resize_is_pytorchs(old_height, old_width, height, width):
    torch.manual_seed(0)
    features = torch.randn(old_height, old_width, dtype=torch.float64)
    expected = F.interpolate(features[None, None], (height, width), mode="bilinear")[0, 0]
    assert torch.allclose(resize.reference(features, height, width), expected)


@given(st.floats(0.51, 3.49), st.floats(0.51, 5.49))
def test_bilinear_slope_is_autograds(functions_of, y, x):
    torch.manual_seed(0)
    features = torch.randn(4, 6, dtype=torch.float64)
    point = torch.tensor([y, x], dtype=torch.float64, requires_grad=True)
    functions_of(LESSON)["bilinear"](features[None], *point)[0].backward()
    assert bilinear_slope.reference(features, y, x) == pytest.approx(point.grad.tolist())


@given(
    st.lists(boxes, min_size=1, max_size=4),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([-1, 1, 2, 3]),
)
def test_roi_warp_is_the_packages(boxes, output_size, sampling_ratio):
    torch.manual_seed(0)
    features = torch.randn(2, 3, 9, 12, dtype=torch.float64)
    rois = torch.tensor([[i % 2, *box] for i, box in enumerate(boxes)], dtype=torch.float64)
    arguments = (features, rois, output_size, 1 / 8, sampling_ratio)
    bags = ops.roi_warp_bags((9, 12), *arguments[1:])
    for axis, length in ((bags.y, 9), (bags.x, 12)):
        # Where reading ends, half a cell off the map, the last binary digit decides.
        assume(all((axis.samples - end).abs().min() > 1e-9 for end in (-1, length)))
    assert torch.allclose(roi_warp.reference(*arguments), ops.roi_warp(*arguments), atol=1e-9)


def test_the_libraries_pass():
    assert resize.verdict(
        lambda features, height, width: F.interpolate(
            features[None, None], (height, width), mode="bilinear", align_corners=False
        )[0, 0]
    ).passed
    assert roi_warp.verdict(ops.roi_warp).passed

    def through_roi_align(input, boxes, output_size, scale, sampling_ratio):
        box = ops.roi_pool_bags(input.shape[2:], boxes, output_size, scale).box
        rois = torch.cat([boxes[:, :1], box], dim=1)
        return torchvision.ops.roi_align(input, rois, output_size, 1, sampling_ratio, True)

    assert roi_warp.verdict(through_roi_align).passed


@pytest.mark.parametrize(
    ("aligned", "on_true_box", "expected"),
    [
        (False, False, "half a cell too far right and down"),
        (True, True, "that is the next lesson's RoIAlign"),
    ],
)
def test_wrong_uses_of_roi_align_are_named(aligned, on_true_box, expected):
    def answer(input, boxes, output_size, scale, sampling_ratio):
        bags = ops.roi_pool_bags(input.shape[2:], boxes, output_size, scale)
        box = bags.true_box if on_true_box else bags.box
        rois = torch.cat([boxes[:, :1], box], dim=1)
        return torchvision.ops.roi_align(input, rois, output_size, 1, sampling_ratio, aligned)

    assert expected in roi_warp.verdict(answer).message


def test_resizing_with_pinned_corners_is_named():
    def answer(features, height, width):
        return F.interpolate(
            features[None, None], (height, width), mode="bilinear", align_corners=True
        )[0, 0]

    assert "align_corners=True" in resize.verdict(answer).message


def test_a_maximum_is_named():
    def answer(*arguments):
        return ops.roi_warp(*arguments, reduce="max")

    assert "you take the largest sample" in roi_warp.verdict(answer).message
