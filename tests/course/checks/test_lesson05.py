"""The checks of lesson 05: their references against PyTorch, right answers, wrong ones."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import BasicBlock

from mrcnn_lite.course.checks.lesson05 import map_size, pixels_seen, residual_block
from mrcnn_lite.course.checks.lesson05_cost import count_convolution, grouped_convolution

layers = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)).filter(
        lambda layer: layer[2] < layer[0]
    ),
    max_size=4,
)


@given(st.integers(20, 90), layers)
def test_map_size_is_that_of_pytorch(size, layers):
    x = torch.zeros(1, 1, size)
    for kernel, stride, padding in layers:
        if x.shape[-1] + 2 * padding < kernel:
            return
        x = F.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding)
    assert map_size.reference(size, layers) == x.shape[-1]


@given(layers.filter(lambda layers: all(stride <= kernel for kernel, stride, _ in layers)))
def test_pixels_seen_are_those_with_a_gradient(layers):
    # Cell 3 of four layers of kernel 5 and stride 3 reads up to pixel 403.
    image = torch.ones(1, 1, 500, dtype=torch.float64, requires_grad=True)
    x = image
    for kernel, stride, padding in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        x = F.conv1d(x, weight, stride=stride, padding=padding)
    x[0, 0, 3].backward()
    seen = image.grad[0, 0].nonzero().flatten()
    first, end = pixels_seen.reference(layers, 3)
    assert (max(first, 0), end) == (int(seen[0]), int(seen[-1]) + 1)


@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (6, 2)])
def test_residual_block_is_torchvisions_without_batch_norm(channels, stride):
    torch.manual_seed(0)
    projection = nn.Conv2d(4, channels, 1, stride=stride, bias=False) if stride > 1 else None
    block = BasicBlock(4, channels, stride, projection, norm_layer=lambda _: nn.Identity())
    x = torch.randn(2, 4, 7, 10)
    own = None if projection is None else projection.weight
    result = residual_block.reference(x, block.conv1.weight, block.conv2.weight, own, stride)
    assert torch.allclose(result, block(x), atol=1e-6)


@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (3, 4), (5, 2)])
def test_count_convolution_is_that_of_the_counter(kernel, groups):
    module = nn.Conv2d(8, 12, kernel, padding=kernel // 2, groups=groups, bias=False)
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 8, 6, 7))
    parameters, multiply_adds = count_convolution.reference(8, 12, kernel, groups, 6, 7)
    assert parameters == module.weight.numel()
    assert 2 * multiply_adds == counter.get_total_flops()


def test_the_libraries_pass():
    assert grouped_convolution.verdict(
        lambda x, weight, groups: F.conv2d(x, weight, padding=1, groups=groups)
    ).passed

    def by_pytorch(x, weight1, weight2, projection, stride):
        kept = x if projection is None else F.conv2d(x, projection, stride=stride)
        branch = F.conv2d(x, weight1, stride=stride, padding=1).clamp(min=0)
        return F.relu(F.conv2d(branch, weight2, padding=1) + kept)

    assert residual_block.verdict(by_pytorch).passed


def block_diagonal(order):
    """Groups as one ungrouped convolution whose other weights are zero."""

    def convolve(x, weight, groups):
        of_group = weight.shape[1]
        dense = torch.zeros(len(weight), x.shape[1], 3, 3)
        for channel in range(len(weight)):
            group = order(channel * groups // len(weight), groups)
            dense[channel, group * of_group : (group + 1) * of_group] = weight[channel]
        return F.conv2d(x, dense, padding=1)

    return convolve


def backwards(layers, cell):
    """From the cell to the image: the first and the last cell read, layer by layer."""
    first = last = cell
    for kernel, stride, padding in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + kernel - 1
    return first, last + 1


def test_right_answers_of_another_make_pass():
    assert grouped_convolution.verdict(block_diagonal(lambda group, groups: group)).passed
    assert pixels_seen.verdict(backwards).passed
    assert map_size.verdict(one_by_one).passed


def one_by_one(size, layers):
    for kernel, stride, padding in layers:
        size = len(range(0, size + 2 * padding - kernel + 1, stride))
    return size


@pytest.mark.parametrize(
    ("exercise", "answer", "expected"),
    [
        (grouped_convolution, block_diagonal(lambda group, groups: 0), "all read the first"),
        (
            grouped_convolution,
            lambda x, weight, groups: F.conv2d(x, weight, groups=groups),
            "padding of 1 is missing",
        ),
        (
            pixels_seen,
            lambda layers, cell: (backwards(layers, cell)[0], backwards(layers, cell)[1] - 1),
            "first pixel that is *not* seen",
        ),
        (
            pixels_seen,
            lambda layers, cell: backwards([(k, s, 0) for k, s, _ in layers], cell),
            "the padding is missing",
        ),
        (map_size, lambda size, layers: 1, "wrong on"),
        (residual_block, lambda x, *_: x.relu(), "wrong on"),
    ],
)
def test_wrong_answers_of_another_make(exercise, answer, expected):
    verdict = exercise.verdict(answer)
    assert not verdict.passed
    assert expected in verdict.message
