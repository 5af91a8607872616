"""Checks of lesson 05: what a convolution costs, and what groups are."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.checks.feature_maps import random_features
from mrcnn_lite.course.exercise import Exercise


def _count_convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    groups: int,
    height: int,
    width: int,
    kernel_axes: int = 2,
    with_groups: bool = True,
    groups_twice: bool = False,
    bias: bool = False,
    positions: Callable[[int, int], int] = lambda height, width: height * width,
    factor: int = 1,
) -> tuple[int, int]:
    """Parameters and multiply-adds of a convolution, and what they become under some mistakes."""
    weights = kernel**kernel_axes * in_channels * out_channels
    if with_groups:
        weights //= groups**2 if groups_twice else groups
    parameters = weights + out_channels if bias else weights
    return parameters, factor * weights * positions(height, width)


count_convolution = Exercise(
    name="count_convolution",
    reference=_count_convolution,
    cases={
        "64 to 96 channels, 3 x 3, one group, a map of 14 x 20": (64, 96, 3, 1, 14, 20),
        "128 to 64 channels, 1 x 1, one group, a map of 7 x 9": (128, 64, 1, 1, 7, 9),
        "64 to 128 channels, 5 x 5, 32 groups, a map of 10 x 6": (64, 128, 5, 32, 10, 6),
    },
    mistakes={
        "a kernel has two axes: k x k weights for each pair of channels": partial(
            _count_convolution, kernel_axes=1
        ),
        "groups make it smaller: an output channel reads only the inputs of its own group": partial(
            _count_convolution, with_groups=False
        ),
        "you divide by the groups twice: an output channel reads C_in / G inputs, but all C_out "
        "outputs are still there": partial(_count_convolution, groups_twice=True),
        "this counts a bias for each output channel; a convolution that batch norm follows has "
        "none": partial(_count_convolution, bias=True),
        "the kernel is applied at every cell of the map, height x width of them; your "
        "multiplications are those of a single cell": partial(
            _count_convolution, positions=lambda height, width: 1
        ),
        "a multiplication and its addition count as one here; yours counts them singly": partial(
            _count_convolution, factor=2
        ),
    },
    hints=(
        "How many numbers of the input does one output number read? Each of them costs a weight "
        "and a multiplication.",
        "One output number reads a k x k window of `in_channels / groups` channels. There are "
        "`out_channels` such sets of weights, and each is used at `height * width` cells.",
        "`parameters = kernel**2 * in_channels // groups * out_channels`; the multiplications are "
        "that times `height * width`.",
    ),
)


def _grouped_convolution(
    x: Tensor,
    weight: Tensor,
    groups: int,
    inputs_of: Callable[[Tensor, int, int], Tensor] = lambda x, group, groups: x.chunk(
        groups, dim=1
    )[group],
    kernels_of: Callable[[Tensor, int, int], Tensor] = lambda weight, group, groups: weight.chunk(
        groups
    )[group],
    join: Callable[[list[Tensor]], Tensor] = lambda parts: torch.cat(parts, dim=1),
    padding: int = 1,
) -> Tensor:
    """A grouped 3 x 3 convolution from ungrouped ones, and what it becomes under some mistakes."""
    parts = [
        F.conv2d(inputs_of(x, group, groups), kernels_of(weight, group, groups), padding=padding)
        for group in range(groups)
    ]
    return join(parts)


def _every_gth_channel(x: Tensor, group: int, groups: int) -> Tensor:
    return x[:, group::groups]


def _every_gth_kernel(weight: Tensor, group: int, groups: int) -> Tensor:
    return weight[group::groups]


def _in_turn(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts, dim=2).flatten(1, 2)


grouped_convolution = Exercise(
    name="grouped_convolution",
    reference=_grouped_convolution,
    cases={
        "6 to 9 channels in 3 groups": (
            random_features(6, 2, 6, 4, 5),
            random_features(7, 9, 2, 3, 3),
            3,
        ),
        "8 to 4 channels in 2 groups": (
            random_features(8, 1, 8, 5, 3),
            random_features(9, 4, 4, 3, 3),
            2,
        ),
        "a single group": (random_features(10, 1, 2, 3, 4), random_features(11, 3, 2, 3, 3), 1),
    },
    mistakes={
        "the groups' outputs are laid one behind the other; yours are added up": partial(
            _grouped_convolution, join=sum
        ),
        "a group has neighbouring input channels, 0, 1, ... for the first; yours takes every G-th "
        "one": partial(_grouped_convolution, inputs_of=_every_gth_channel),
        "a group has neighbouring kernels, the first C_out / G for the first; yours takes every "
        "G-th one": partial(_grouped_convolution, kernels_of=_every_gth_kernel),
        "your groups take turns throughout: channel c of input and output is in group c % G; "
        "groups are blocks of neighbouring channels": partial(
            _grouped_convolution,
            inputs_of=_every_gth_channel,
            kernels_of=_every_gth_kernel,
            join=_in_turn,
        ),
        "each group has inputs of its own; yours all read the first ones": partial(
            _grouped_convolution, inputs_of=lambda x, group, groups: x.chunk(groups, dim=1)[0]
        ),
        "the outputs of a group stay together; yours alternate between the groups": partial(
            _grouped_convolution, join=_in_turn
        ),
        "the outputs come in the order of their groups; yours are reversed": partial(
            _grouped_convolution, join=lambda parts: torch.cat(parts[::-1], dim=1)
        ),
        "the padding of 1 is missing, so the map shrinks": partial(_grouped_convolution, padding=0),
    },
    hints=(
        "Cut the input's channels and the weights into G parts: which part of the one goes with "
        "which part of the other?",
        "Group g reads the channels from g * C_in / G, and its kernels are the g-th part of "
        "`weight` along axis 0. `Tensor.chunk` cuts into equal parts.",
        "`F.conv2d(inputs, kernels, padding=1)` for each pair of `x.chunk(groups, dim=1)` and "
        "`weight.chunk(groups)`; then lay the results one behind the other along axis 1.",
    ),
)
