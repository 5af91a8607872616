"""Checks of lesson 08: deltas of a class, the mask branch by hand, what it costs."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise

Layer = tuple[Tensor, Tensor]


def _random(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def _deltas_of_labels(deltas: Tensor, labels: Tensor) -> Tensor:
    return deltas.view(len(deltas), -1, 4)[torch.arange(len(labels)), labels]


deltas_of_labels = Exercise(
    name="deltas_of_labels",
    reference=_deltas_of_labels,
    cases={
        "3 RoIs of 5 classes": (_random(3, 20), torch.tensor([4, 1, 2])),
        "2 RoIs of the same class": (_random(2, 12, seed=1), torch.tensor([2, 2])),
    },
    mistakes={
        "the four deltas of a class stand side by side: (dx, dy, dw, dh) of class 0, then of class "
        "1, ...; yours takes all dx to come first": lambda deltas, labels: deltas.view(
            len(deltas), 4, deltas.shape[1] // 4
        )[torch.arange(len(labels)), :, labels],
        "you are one class off: the background is class 0 and has its four deltas, too": (
            lambda deltas, labels: _deltas_of_labels(deltas, labels - 1)
        ),
        "you take the deltas of class 1 for every RoI": lambda deltas, labels: _deltas_of_labels(
            deltas, torch.ones_like(labels)
        ),
        "you take the first RoI's deltas for all of them": lambda deltas, labels: (
            deltas[:1]
            .expand(len(labels), -1)
            .reshape(len(labels), -1, 4)[torch.arange(len(labels)), labels]
            if len(labels)
            else deltas[:, :4]
        ),
        "this gives the deltas of every class for every RoI; each RoI has one label": (
            lambda deltas, labels: deltas.view(len(deltas), -1, 4)[:, labels]
        ),
    },
    hints=(
        "Give the 4 K numbers of a RoI the shape K x 4. Which of the two axes is the class?",
        "`deltas.view(R, K, 4)[r, labels[r]]` is what is wanted of RoI r. Do it for all at once.",
        "`deltas.view(len(deltas), -1, 4)` brings them into shape. Two lists of numbers as indices "
        "pick one entry for each pair: `torch.arange(len(labels))` is one of them.",
    ),
)


def _my_mask_branch(
    roi_features: Tensor,
    convolutions: list[Layer],
    upsample: Layer,
    logits: Layer,
    *,
    relu_between: bool = True,
    relu_after_upsampling: bool = True,
    padding: int = 1,
    interpolation: str | None = None,
    final: str = "logits",
    transposed: bool = False,
    biases: bool = True,
) -> Tensor:
    """The fully convolutional mask branch, and what it becomes under some mistakes."""

    def bias_of(layer: Layer) -> Tensor:
        return layer[1] if biases else torch.zeros_like(layer[1])

    hidden = roi_features
    for layer in convolutions:
        hidden = F.conv2d(hidden, layer[0], bias_of(layer), padding=padding)
        if relu_between:
            hidden = F.relu(hidden)
    if interpolation:
        hidden = F.interpolate(hidden, scale_factor=2, mode=interpolation)
    else:
        weight = upsample[0].transpose(2, 3) if transposed else upsample[0]
        hidden = F.conv_transpose2d(hidden, weight, bias_of(upsample), stride=2)
    if relu_after_upsampling:
        hidden = F.relu(hidden)
    result = F.conv2d(hidden, logits[0], bias_of(logits))
    if final == "sigmoid":
        return result.sigmoid()
    return F.relu(result) if final == "relu" else result


def _layers(channels: int, num_convolutions: int, num_masks: int, seed: int) -> tuple:
    convolutions = [
        (0.4 * _random(channels, channels, 3, 3, seed=seed + i), 0.3 * _random(channels, seed=i))
        for i in range(num_convolutions)
    ]
    upsample = (0.6 * _random(channels, channels, 2, 2, seed=seed + 7), _random(channels, seed=8))
    logits = (0.7 * _random(num_masks, channels, 1, 1, seed=seed + 9), _random(num_masks, seed=9))
    return convolutions, upsample, logits


mask_branch = Exercise(
    name="mask_branch",
    reference=_my_mask_branch,
    cases={
        "2 RoIs of 3 x 6 x 7, 2 convolutions, 4 masks": (
            *(_random(2, 3, 6, 7, seed=20), *_layers(3, 2, 4, seed=30)),
        ),
        "one RoI of 2 x 5 x 4, a convolution, 3 masks": (
            *(_random(1, 2, 5, 4, seed=21), *_layers(2, 1, 3, seed=40)),
        ),
        "no RoI": (_random(0, 3, 6, 7), *_layers(3, 2, 4, seed=30)),
    },
    mistakes={
        "a ReLU comes after each 3 x 3 convolution; without it, two are no more than one": partial(
            _my_mask_branch, relu_between=False
        ),
        "there is a ReLU after the upsampling, too": partial(
            _my_mask_branch, relu_after_upsampling=False
        ),
        "the masks are smaller than twice the RoI's bins: the convolutions want `padding=1`": (
            partial(_my_mask_branch, padding=0)
        ),
        "the upsampling has weights of its own: `F.conv_transpose2d` with `stride=2`; yours copies "
        "each cell into four": partial(_my_mask_branch, interpolation="nearest"),
        "the upsampling has weights of its own: `F.conv_transpose2d` with `stride=2`; yours "
        "interpolates between the cells": partial(_my_mask_branch, interpolation="bilinear"),
        "these are probabilities; logits are asked, without the sigmoid": partial(
            _my_mask_branch, final="sigmoid"
        ),
        "no ReLU comes after the last layer: a logit may be negative, and has to be for the "
        "background": partial(_my_mask_branch, final="relu"),
        "x and y are swapped in the upsampling's kernel": partial(_my_mask_branch, transposed=True),
        "the biases are missing": partial(_my_mask_branch, biases=False),
    },
    hints=(
        "Three kinds of layers one after the other: 3 x 3 convolutions, an upsampling, a 1 x 1 "
        "convolution. Where does a ReLU belong, and where not?",
        "`F.conv2d(x, weight, bias, padding=1)` keeps the bins' number; `F.conv_transpose2d(x, "
        "weight, bias, stride=2)` doubles it.",
        "A loop over the convolutions with `F.relu(F.conv2d(...))`, then "
        "`F.relu(F.conv_transpose2d(...))`, and last `F.conv2d(hidden, *logits)` alone.",
    ),
)


def _count_mask_branch(
    channels: int,
    num_convolutions: int,
    num_masks: int,
    side: int,
    *,
    biases: bool = True,
    each_output_reads: int = 1,
    last_side: int = 2,
    positions: bool = True,
    factor: int = 1,
    kernel: int = 9,
) -> tuple[int, int]:
    """Parameters and multiply-adds for one RoI, and what they become under some mistakes."""
    convolutions = num_convolutions * kernel * channels**2
    upsample, logits = 4 * channels**2, channels * num_masks
    parameters = convolutions + upsample + logits
    if biases:
        parameters += (num_convolutions + 1) * channels + num_masks
    cells = side**2 if positions else 1
    large = (2 * side) ** 2 if positions else 1
    multiply_adds = (
        convolutions * cells
        + each_output_reads * channels**2 * large
        + logits * (large if last_side == 2 else cells)
    )
    return parameters, factor * multiply_adds


count_mask_branch = Exercise(
    name="count_mask_branch",
    reference=_count_mask_branch,
    cases={
        "4 convolutions of 256 channels, 81 masks, 14 bins": (256, 4, 81, 14),
        "2 convolutions of 48 channels, 7 masks, 10 bins": (48, 2, 7, 10),
        "no convolution, 32 channels, 5 masks, 7 bins": (32, 0, 5, 7),
    },
    mistakes={
        "each layer has a bias for each of its output channels": partial(
            _count_mask_branch, biases=False
        ),
        "each output of the upsampling reads a single cell, since its 2 x 2 kernels do not "
        "overlap; yours reads four": partial(_count_mask_branch, each_output_reads=4),
        "the last layer runs after the upsampling, at twice the side": partial(
            _count_mask_branch, last_side=1
        ),
        "a kernel is used at every cell; your multiplications are those of a single cell": partial(
            _count_mask_branch, positions=False
        ),
        "a multiplication and its addition count as one here; yours counts them singly": partial(
            _count_mask_branch, factor=2
        ),
        "a 3 x 3 kernel has nine weights for each pair of channels": partial(
            _count_mask_branch, kernel=3
        ),
    },
    hints=(
        "Three kinds of layers. Of each: how many weights, how many biases, and at how many cells "
        "does it run?",
        "A 3 x 3 convolution has 9 C C weights and C biases and runs at side x side cells. The "
        "upsampling has 4 C C weights; each of its (2 side) x (2 side) outputs takes C "
        "multiplications for each of C channels.",
        "The n convolutions together have n (9 C C + C) parameters and take n 9 C C side side "
        "multiplications. Add the upsampling (of its 4 C C weights an output uses C C), and the "
        "last layer, which has C K weights and K biases.",
    ),
)
