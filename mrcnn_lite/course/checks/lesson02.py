"""Checks of lesson 02: the box that RoIPool reads, and where its gradient goes."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.slow import round_half_away

Round = Callable[[float], int]


def round_half_up(x: float) -> int:
    """Round to the nearest whole number, halves up: right above zero, and wrong below."""
    return math.floor(x + 0.5)


def _box_that_is_read(
    box: tuple[float, float, float, float],
    stride: int,
    to_cell: Round = round_half_away,
    to_last_cell: Round | None = None,
    to_pixel: Callable[[float], float] = lambda x: x,
    extra_cell: int = 1,
    min_size: float = 1,
    unit: int | None = None,
    order: tuple[int, int, int, int] = (0, 1, 2, 3),
    known_stride: Callable[[int], int] = lambda stride: stride,
) -> tuple[float, float, float, float]:
    """The box that RoIPool reads, and what it becomes under some mistakes."""
    stride = known_stride(stride)
    x1, y1, x2, y2 = (to_pixel(box[i]) / stride for i in order)
    unit = unit or stride
    edges = []
    for low, high in ((x1, x2), (y1, y2)):
        start = to_cell(low)
        size = max((to_last_cell or to_cell)(high) - start + extra_cell, min_size)
        edges.append((start * unit, (start + size) * unit))
    (x1, x2), (y1, y2) = edges
    return float(x1), float(y1), float(x2), float(y2)


box_that_is_read = Exercise(
    name="box_that_is_read",
    reference=_box_that_is_read,
    cases={
        "the box (37, 22, 99, 87) at stride 16": ((37.0, 22.0, 99.0, 87.0), 16),
        "the box (40, 3, 96, 56) at stride 16": ((40.0, 3.0, 96.0, 56.0), 16),
        "the box (7.5, 9, 31.75, 19.5) at stride 8": ((7.5, 9.0, 31.75, 19.5), 8),
        "the box (-24, -9, 33, 20) at stride 16": ((-24.0, -9.0, 33.0, 20.0), 16),
        "the box (11.5, 21, 11.5, 21) at stride 8": ((11.5, 21.0, 11.5, 21.0), 8),
    },
    mistakes={
        "you forgot the + 1: the rounded right edge names the last cell, and that cell is "
        "read, too": partial(_box_that_is_read, extra_cell=0),
        "you forgot the + 1: the rounded right edge names the last cell, which is read, too, so "
        "that even a box without a size is one cell wide": partial(
            _box_that_is_read, extra_cell=0, min_size=-math.inf
        ),
        "you round halves to the even neighbour, as Python's `round` and `torch.round` do; "
        "RoIPool rounds halves away from zero": partial(_box_that_is_read, to_cell=round),
        "you round halves up, which is wrong below zero: -1.5 becomes -2": partial(
            _box_that_is_read, to_cell=round_half_up
        ),
        "you round down (floor or `//`); RoIPool rounds to the nearest cell": partial(
            _box_that_is_read, to_cell=math.floor
        ),
        "you cut off the fraction (`int`); RoIPool rounds to the nearest cell": partial(
            _box_that_is_read, to_cell=int
        ),
        "you round outwards, down at the left and up at the right; RoIPool rounds both edges to "
        "the nearest cell": partial(
            _box_that_is_read, to_cell=math.floor, to_last_cell=math.ceil, extra_cell=0
        ),
        "you round in image pixels, before you divide by the stride": partial(
            _box_that_is_read, to_pixel=round_half_away
        ),
        "your box is in feature cells; it should be in image pixels again": partial(
            _box_that_is_read, unit=1
        ),
        "you cut the box off where the image begins; RoIPool's box may reach beyond it": partial(
            _box_that_is_read, to_pixel=lambda x: max(x, 0)
        ),
        "x and y are swapped: a box is (x1, y1, x2, y2)": partial(
            _box_that_is_read, order=(1, 0, 3, 2)
        ),
        "the stride is missing: boxes are in image pixels, and what is rounded are cells": partial(
            _box_that_is_read, known_stride=lambda stride: 1
        ),
    },
    hints=(
        "Four steps, for x and y alike: to cells, round, add the last cell, back to pixels.",
        "`start = round_half_away(x1 / stride)`, and `size` is at least 1. In image pixels the box "
        "begins at `start * stride`.",
        "`size = max(round_half_away(x2 / stride) - start + 1, 1)`; the right edge is "
        "`(start + size) * stride`.",
    ),
)


def _to_first(cells: Tensor) -> Tensor:
    share = torch.zeros(cells.numel(), dtype=cells.dtype)
    share[cells.flatten().argmax()] = 1
    return share.view_as(cells)


def _to_last(cells: Tensor) -> Tensor:
    return _to_first(cells.flip(0, 1)).flip(0, 1)


def _to_all(cells: Tensor) -> Tensor:
    return (cells == cells.max()).to(cells.dtype)


def _max_gradient(
    features: Tensor,
    bins: Tensor,
    grad: Tensor,
    share: Callable[[Tensor], Tensor] = _to_first,
    overwrite: bool = False,
    order: tuple[int, int, int, int] = (0, 1, 2, 3),
    extra_cell: int = 0,
    arriving_of: Callable[[Tensor], Tensor] = lambda grad: grad,
) -> Tensor:
    """The gradient of RoIPool for the features, and what it becomes under some mistakes."""
    result = torch.zeros_like(features)
    boxes = bins.reshape(-1, 4)[:, order].tolist()
    for (x1, y1, x2, y2), arriving in zip(boxes, arriving_of(grad).flatten()):
        place = slice(y1, y2 + extra_cell), slice(x1, x2 + extra_cell)
        cells, part = features[place], result[place]
        if cells.numel() == 0:
            continue
        shares = arriving * share(cells)
        part.copy_(torch.where(shares != 0, shares, part) if overwrite else part + shares)
    return result


# Small whole numbers, so that the picture of a case can be drawn on paper.
_GRADIENT_FEATURES = torch.tensor(
    [
        [3.0, 1.0, 4.0, 1.0, 5.0, -2.0],
        [9.0, 2.0, 6.0, 5.0, 3.0, 5.0],
        [8.0, 9.0, 7.0, 9.0, 3.0, 2.0],
        [3.0, 8.0, 4.0, 6.0, 2.0, 6.0],
    ]
)

max_gradient = Exercise(
    name="max_gradient",
    reference=_max_gradient,
    cases={
        "4 bins that overlap": (
            _GRADIENT_FEATURES,
            torch.tensor([[[1, 0, 3, 2], [2, 0, 6, 2]], [[1, 1, 3, 4], [2, 1, 6, 4]]]),
            torch.tensor([[1.0, 2.0], [3.0, 5.0]]),
        ),
        "2 bins that share their largest cell": (
            _GRADIENT_FEATURES,
            torch.tensor([[[2, 1, 4, 4], [3, 2, 5, 4]]]),
            torch.tensor([[2.0, 0.5]]),
        ),
        "a bin with two equal maxima": (
            _GRADIENT_FEATURES,
            torch.tensor([[[0, 1, 2, 3]]]),
            torch.tensor([[4.0]]),
        ),
        "a bin without cells beside one with": (
            _GRADIENT_FEATURES,
            torch.tensor([[[4, 0, 6, 1], [6, 0, 6, 1]]]),
            torch.tensor([[-1.5, 7.0]]),
        ),
    },
    mistakes={
        "you spread a bin's gradient over all its cells, as a mean would; a maximum passes it to "
        "one": partial(
            _max_gradient, share=lambda cells: torch.full_like(cells, 1 / cells.numel())
        ),
        "where two bins have the same largest cell, the second overwrites what the first put "
        "there; gradients add up": partial(_max_gradient, overwrite=True),
        "of equal maxima each gets the whole gradient in your version; only the first in reading "
        "order does": partial(_max_gradient, share=_to_all),
        "equal maxima share the gradient in your version; only the first in reading order gets "
        "it": partial(_max_gradient, share=lambda cells: _to_all(cells) / _to_all(cells).sum()),
        "of equal maxima you take the last; the first in reading order gets the gradient": partial(
            _max_gradient, share=_to_last
        ),
        "you add 1 for each bin, whatever gradient arrives at it": partial(
            _max_gradient, arriving_of=torch.ones_like
        ),
        "your bins are a cell too wide and high: x2 and y2 are not in them, as in a slice": partial(
            _max_gradient, extra_cell=1
        ),
        "you multiply the gradient by the feature; the slope of a maximum with respect to the "
        "largest cell is 1": partial(_max_gradient, share=lambda cells: _to_first(cells) * cells),
        "x and y are swapped: a bin is (x1, y1, x2, y2), but a tensor is indexed [y, x]": partial(
            _max_gradient, order=(1, 0, 3, 2)
        ),
    },
    hints=(
        "If the largest cell of a bin grows by a little, so does the output. If any other cell "
        "does, nothing happens.",
        "Go through the bins. `features[y1:y2, x1:x2].argmax()` counts along the rows of the part, "
        "so a division by its width gives row and column.",
        "`row, column = divmod(int(cells.argmax()), cells.shape[1])`, then add the bin's gradient "
        "(with `+=`) at `[y1 + row, x1 + column]`. Skip a bin where `cells.numel()` is 0.",
    ),
)
