"""Checks of lesson 05: what a cell sees, a residual block, what a convolution costs."""

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.checks.feature_maps import TWO_IMAGES, random_features
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.explore.measure.receptive_field import Layer, receptive_field

Layers = Sequence[tuple[int, int, int]]

# ResNet's stem: a convolution of 7 x 7 and a maximum of 3 x 3, (kernel, stride, padding) each.
_STEM = ((7, 2, 3), (3, 2, 1))


def _map_size(
    size: int,
    layers: Layers,
    extra: int = 1,
    round_up: bool = False,
    paddings: int = 2,
    use_kernel: bool = True,
    kernel_taken_off: bool = True,
) -> int:
    """The number of cells after some layers, and what it becomes under some mistakes."""
    for kernel, stride, padding in layers:
        room = size + paddings * padding - kernel * kernel_taken_off if use_kernel else size
        steps = -(-room // stride) if round_up else room // stride
        size = steps + extra if use_kernel else steps
    return size


map_size = Exercise(
    name="map_size",
    reference=_map_size,
    cases={
        "800 pixels and ResNet's stem": (800, _STEM),
        "1333 pixels and ResNet's stem": (1333, _STEM),
        "75 pixels and 2 x 2 windows side by side": (75, ((2, 2, 0),)),
        "50 pixels and three layers": (50, ((5, 1, 0), (3, 3, 2), (1, 2, 0))),
        "40 pixels and two layers without padding": (40, ((5, 1, 0), (3, 1, 0))),
        "no layers": (7, ()),
    },
    mistakes={
        "the first position of the window counts, too: n steps make n + 1 positions": partial(
            _map_size, extra=0
        ),
        "a window that does not fit any more is left out: round down": partial(
            _map_size, round_up=True
        ),
        "the padding is added at both ends": partial(_map_size, paddings=1),
        "the padding is missing": partial(_map_size, paddings=0),
        "you divide the padded size by the stride, but a window of `kernel` cells cannot begin "
        "everywhere: take the kernel off, and count the first position": partial(
            _map_size, kernel_taken_off=False, extra=0
        ),
        "you divide the padded size by the stride and round up; a window begins only where all of "
        "it fits: take the kernel off, round down, and count the first position": partial(
            _map_size, kernel_taken_off=False, extra=0, round_up=True
        ),
        "this divides the size by the stride and rounds up; kernel and padding matter, "
        "too": partial(_map_size, use_kernel=False, round_up=True),
        "this divides the size by the stride; kernel and padding matter, too": partial(
            _map_size, use_kernel=False
        ),
    },
    hints=(
        "Between the padded ends there is room for how many steps of the window?",
        "A window of `kernel` cells in `size + 2 * padding` cells can move by "
        "`size + 2 * padding - kernel` cells. It moves `stride` at a time, from a first position.",
        "`size = (size + 2 * padding - kernel) // stride + 1`, layer by layer.",
    ),
)


def _pixels_seen(layers: Layers, cell: int) -> tuple[int, int]:
    return receptive_field([Layer(*layer) for layer in layers]).pixels(cell)


def _seen_wrongly(
    layers: Layers,
    cell: int,
    own_stride: bool = False,
    whole_kernel: bool = False,
    padding_in_pixels: bool = False,
    no_padding: bool = False,
    added_strides: bool = False,
) -> tuple[int, int]:
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        unit = step * stride if own_stride else step
        size += (kernel if whole_kernel else kernel - 1) * unit
        start -= 0 if no_padding else padding * (1 if padding_in_pixels else unit)
        step = step + stride if added_strides else step * stride
    first = start + cell * step
    return first, first + size


def _last_pixel(layers: Layers, cell: int) -> tuple[int, int]:
    first, end = _pixels_seen(layers, cell)
    return first, end - 1


def _clipped(layers: Layers, cell: int) -> tuple[int, int]:
    first, end = _pixels_seen(layers, cell)
    return max(first, 0), end


pixels_seen = Exercise(
    name="pixels_seen",
    reference=_pixels_seen,
    cases={
        "cell 5 after ResNet's stem": (_STEM, 5),
        "cell 0 after ResNet's stem": (_STEM, 0),
        "cell 3 after three layers": (((5, 2, 1), (3, 3, 0), (4, 2, 2)), 3),
        "cell 7 after one layer": (((3, 1, 1),), 7),
    },
    mistakes={
        "a layer's kernel reaches over the cells that come in, so its steps are as wide as the "
        "product of the strides before it; yours takes its own stride in": partial(
            _seen_wrongly, own_stride=True
        ),
        "a window of k cells spans k - 1 steps; the first cell is in the field already": partial(
            _seen_wrongly, whole_kernel=True
        ),
        "padding is counted in cells of the map that the layer reads; to pixels it is multiplied "
        "by the strides before": partial(_seen_wrongly, padding_in_pixels=True),
        "the padding is missing: with it, the first window begins before the map": partial(
            _seen_wrongly, no_padding=True
        ),
        "strides multiply: after 2 and 2 a step is 4 pixels; yours adds them": partial(
            _seen_wrongly, added_strides=True
        ),
        "the second number is the first pixel that is *not* seen; yours is the last one that "
        "is": _last_pixel,
        "the field may begin off the image, at a number below 0; yours is cut off": _clipped,
    },
    hints=(
        "Keep three numbers: how far one cell's field reaches (size), how far apart two cells' "
        "fields are (step), and where the field of cell 0 begins (start).",
        "Before any layer they are 1, 1 and 0. A layer adds `(kernel - 1) * step` to the size, "
        "takes `padding * step` off the start, and only then multiplies the step by its stride.",
        "In the end `first = start + cell * step`, and the field is `(first, first + size)`.",
    ),
)


def _residual_block(
    x: Tensor,
    weight1: Tensor,
    weight2: Tensor,
    projection: Tensor | None,
    stride: int,
    inner_relu: bool = True,
    relu_before_sum: bool = False,
    relu_after_sum: bool = True,
    shortcut: bool = True,
    stride_second: bool = False,
) -> Tensor:
    """A residual block without batch norm, and what it becomes under some mistakes."""
    strides = (1, stride) if stride_second else (stride, 1)
    branch = F.conv2d(x, weight1, stride=strides[0], padding=1)
    if inner_relu:
        branch = branch.relu()
    branch = F.conv2d(branch, weight2, stride=strides[1], padding=1)
    if relu_before_sum:
        branch = branch.relu()
    if shortcut:
        kept = x if projection is None else F.conv2d(x, projection, stride=stride)
        branch = branch + kept
    return branch.relu() if relu_after_sum else branch


residual_block = Exercise(
    name="residual_block",
    reference=_residual_block,
    cases={
        "a block that keeps size and channels": (
            TWO_IMAGES,
            random_features(1, 2, 2, 3, 3),
            random_features(2, 2, 2, 3, 3),
            None,
            1,
        ),
        "a block that halves the map and goes from 2 channels to 3": (
            TWO_IMAGES,
            random_features(3, 3, 2, 3, 3),
            random_features(4, 3, 3, 3, 3),
            random_features(5, 3, 2, 1, 1),
            2,
        ),
    },
    mistakes={
        "the last ReLU comes after the sum; yours cuts off the branch before it is added, so that "
        "it can only add": partial(_residual_block, relu_before_sum=True, relu_after_sum=False),
        "the ReLU after the sum is missing": partial(_residual_block, relu_after_sum=False),
        "there is a ReLU too many, on the branch before the sum": partial(
            _residual_block, relu_before_sum=True
        ),
        "the ReLU between the two convolutions is missing": partial(
            _residual_block, inner_relu=False
        ),
        "the shortcut is missing: this is a plain block": partial(_residual_block, shortcut=False),
        "the stride belongs to the first convolution of the branch, not to the second": partial(
            _residual_block, stride_second=True
        ),
    },
    hints=(
        "Two ways from x to the sum: the branch with two convolutions, and the shortcut.",
        "Branch: convolution with the stride, ReLU, convolution. Shortcut: x itself, or the "
        "projection of x with the same stride. Add, then ReLU. The 3 x 3 convolutions have "
        "padding 1.",
        "`branch = F.conv2d(F.conv2d(x, weight1, stride=stride, padding=1).relu(), weight2, "
        "padding=1)`, `kept = x if projection is None else F.conv2d(x, projection, "
        "stride=stride)`.",
    ),
)
