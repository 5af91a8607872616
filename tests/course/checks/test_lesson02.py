"""The checks of lesson 02: their references against torchvision, right answers, wrong ones."""

import math

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson02 import box_that_is_read, max_gradient
from mrcnn_lite.course.checks.lesson02_pool import roi_pool
from mrcnn_lite.course.slow import round_half_away
from mrcnn_lite.ops import roi_pool_bags

LESSON = "02_roi_pool"
coordinates = st.integers(-200, 500).map(lambda x: x / 4)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates)


@pytest.mark.parametrize(
    ("x", "expected"), [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, -1), (-2.5, -3), (0.49, 0), (-7.2, -7)]
)
def test_round_half_away(functions_of, x, expected):
    assert round_half_away(x) == expected
    assert functions_of(LESSON)["round_half_away"](x) == expected


@given(boxes, st.sampled_from([4, 8, 16, 10]))
def test_box_that_is_read_is_that_of_the_bags(box, stride):
    rois = torch.tensor([[0, *box]], dtype=torch.float64)
    bags = roi_pool_bags((9, 12), rois, 3, 1 / stride)
    assert box_that_is_read.reference(box, stride) == pytest.approx(bags.box_in_image[0].tolist())


@given(boxes, st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(0, 99))
def test_max_gradient_is_torchvisions(box, output_size, seed):
    torch.manual_seed(seed)
    # Few different values, so that many maxima are equal.
    features = torch.randint(-2, 3, (1, 1, 9, 12)).double().requires_grad_()
    rois = torch.tensor([[0, *box]], dtype=torch.float64)
    grad = torch.randn(output_size, dtype=torch.float64)
    output = torchvision.ops.roi_pool(features, rois, output_size, 1 / 8)
    output.backward(grad[None, None])
    bins = roi_pool_bags((9, 12), rois, output_size, 1 / 8).bins[0].long()
    result = max_gradient.reference(features.detach()[0, 0], bins, grad)
    assert torch.allclose(result, features.grad[0, 0])


@given(st.lists(boxes, max_size=4), st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_roi_pool_is_torchvisions(boxes, output_size):
    torch.manual_seed(0)
    features = torch.randn(2, 3, 9, 12, dtype=torch.float64)
    rois = torch.tensor([[i % 2, *box] for i, box in enumerate(boxes)], dtype=torch.float64)
    rois = rois.view(-1, 5)
    expected = torchvision.ops.roi_pool(features, rois, output_size, 1 / 8)
    assert torch.equal(roi_pool.reference(features, rois, output_size, 1 / 8), expected)


def test_the_libraries_pass():
    assert roi_pool.verdict(torchvision.ops.roi_pool).passed

    def by_autograd(features, bins, grad):
        features = features.clone().requires_grad_()
        for (x1, y1, x2, y2), arriving in zip(bins.reshape(-1, 4).tolist(), grad.flatten()):
            cells = features[y1:y2, x1:x2].flatten()
            if len(cells):
                cells[cells.argmax()].backward(arriving)
        return features.grad

    assert max_gradient.verdict(by_autograd).passed

    def from_the_bags(box, stride):
        bags = roi_pool_bags((9, 9), torch.tensor([[0, *box]]), 1, 1 / stride)
        return bags.box_in_image[0]

    assert box_that_is_read.verdict(lambda *case: tuple(from_the_bags(*case).tolist())).passed


def slow(round_coordinate=round_half_away, extra=1, up=math.ceil):
    """The lesson's slow version for a batch, with one thing done otherwise."""

    def pool(input, boxes, output_size, scale):
        output = input.new_zeros(len(boxes), input.shape[1], *output_size)
        for k, (image, *box) in enumerate(boxes.tolist()):
            x1, y1, x2, y2 = (round_coordinate(c * scale) for c in box)
            width, height = max(x2 - x1 + extra, 1), max(y2 - y1 + extra, 1)
            for i in range(output_size[0]):
                for j in range(output_size[1]):
                    top, left = y1 + i * height // output_size[0], x1 + j * width // output_size[1]
                    bottom = y1 + up((i + 1) * height / output_size[0])
                    right = x1 + up((j + 1) * width / output_size[1])
                    cells = input[int(image), :, max(top, 0) : max(bottom, 0)]
                    cells = cells[:, :, max(left, 0) : max(right, 0)]
                    if cells[0].numel():
                        output[k, :, i, j] = cells.amax(dim=(1, 2))
        return output

    return pool


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (slow(extra=0), "forgot the + 1"),
        (slow(round_coordinate=round), "halves to the even neighbour"),
        (slow(round_coordinate=int), "cut off the fraction"),
        (slow(round_coordinate=math.floor), "round the box down"),
        (slow(up=math.floor), "round the end of a bin down"),
        (lambda *case: slow()(*case).transpose(2, 3), "expected the shape"),
        (lambda *case: slow()(*case)[0], "expected the shape"),
    ],
)
def test_wrong_answers_of_another_make(answer, expected):
    assert roi_pool.verdict(slow()).passed
    verdict = roi_pool.verdict(answer)
    assert not verdict.passed
    assert expected in verdict.message
