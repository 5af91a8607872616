"""Checks of lesson 14: what rounding does to a box, and what a shift does to a mask."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.checks.lesson02 import round_half_away
from mrcnn_lite.course.exercise import Exercise


def _rounding_shift(
    x1: float, x2: float, stride: int, to_cell: Callable[[float], float] = round_half_away
) -> float:
    return sum(to_cell(x / stride) * stride - x for x in (x1, x2)) / 2


def _left_edge_alone(x1: float, x2: float, stride: int) -> float:
    return _rounding_shift(x1, x1, stride)


def _sum_of_edges(x1: float, x2: float, stride: int) -> float:
    return 2 * _rounding_shift(x1, x2, stride)


def _in_cells(x1: float, x2: float, stride: int) -> float:
    return _rounding_shift(x1, x2, stride) / stride


def _truth_less_reading(x1: float, x2: float, stride: int) -> float:
    return -_rounding_shift(x1, x2, stride)


def _last_cell_counted(x1: float, x2: float, stride: int) -> float:
    return _rounding_shift(x1, x2, stride) + stride / 2


def _middle_rounded(x1: float, x2: float, stride: int) -> float:
    return _rounding_shift((x1 + x2) / 2, (x1 + x2) / 2, stride)


rounding_shift = Exercise(
    name="rounding_shift",
    reference=_rounding_shift,
    cases={
        "edges at 61 and 173 pixels, stride 16": (61, 173, 16),
        "edges at 72 and 179 pixels, stride 16": (72, 179, 16),
        "edges at 20 and 93 pixels, stride 8": (20, 93, 8),
        "edges at 40.5 and 81 pixels, stride 32": (40.5, 81, 32),
    },
    mistakes={
        "you round halves to even, as Python and PyTorch do; RoIPool rounds them away from "
        "zero": partial(_rounding_shift, to_cell=round),
        "you cut the decimals off instead of rounding": partial(
            _rounding_shift, to_cell=math.floor
        ),
        "the shift is in cells; image pixels are wanted": _in_cells,
        "the sign is turned round: a shift is what is read less what is true": (
            _truth_less_reading
        ),
        "only the left edge is counted; the middle moves with both": _left_edge_alone,
        "the middle moves by the mean of the two edges' shifts, not by their sum": _sum_of_edges,
        "the last cell, which is read too, is the half pixel's share; here only the rounding "
        "counts": _last_cell_counted,
        "you round the middle of the box; RoIPool rounds its edges": _middle_rounded,
    },
    hints=(
        "Round each edge in cells, go back to pixels, and see how far it has moved.",
        "An edge moves by `rounded * stride - x`. The middle of two edges moves by half of what "
        "both move together.",
        "`cell = int(x / stride + 0.5)` rounds halves away from zero for x >= 0.",
    ),
)


def _best_place(
    width: float,
    stride: int,
    shift: Callable[..., float] = _rounding_shift,
    half_pixel: float = 0.5,
    badness: Callable[[float], float] = abs,
    positions: Callable[[int], list[int]] = lambda stride: list(range(stride)),
) -> tuple[float, float]:
    errors = {x1: half_pixel * stride + shift(x1, x1 + width, stride) for x1 in positions(stride)}
    best = min(errors, key=lambda x1: badness(errors[x1]))
    return best, errors[best]


def _in_other_order(width: float, stride: int) -> tuple[float, float]:
    return _best_place(width, stride)[::-1]


def _rounding_alone_returned(width: float, stride: int) -> tuple[float, float]:
    best, error = _best_place(width, stride)
    return best, error - stride / 2


best_place = Exercise(
    name="best_place",
    reference=_best_place,
    cases={
        "a box of 112 pixels, stride 16": (112, 16),
        "a box of 50 pixels, stride 8": (50, 8),
        "a box of 71 pixels, stride 32": (71, 32),
        "a box of 20 pixels, stride 8": (20, 8),
    },
    mistakes={
        "the half pixel is missing: the best place is where rounding cancels it, not where nothing "
        "is rounded": partial(_best_place, half_pixel=0.0),
        "the place is right, but its error is the half pixel and the rounding "
        "together": _rounding_alone_returned,
        "half a pixel of the map is meant: half a stride in the image": (
            lambda width, stride: _best_place(width, stride, half_pixel=0.5 / stride)
        ),
        "that is the worst place": partial(_best_place, badness=lambda error: -abs(error)),
        "the order is left edge, then error": _in_other_order,
        "of several equally good places, the first is wanted": partial(
            _best_place, positions=lambda stride: list(range(stride))[::-1]
        ),
        "only the left edge is rounded in your answer; the middle moves with both": partial(
            _best_place, shift=_left_edge_alone
        ),
    },
    hints=(
        "Everything repeats after a cell: the left edges 0, 1, ... up to stride - 1 are all there "
        "is to try.",
        "The error of the middle is half a stride plus your `rounding_shift`. The nearest to zero "
        "wins.",
        "`min(candidates, key=lambda x1: abs(...))` gives the first of equally good ones.",
    ),
)


def _shifted_mask_iou(
    mask: Tensor,
    dx: int,
    dy: int,
    divide: Callable[[Tensor, Tensor], Tensor] = torch.logical_or,
) -> float:
    mask = mask.bool()
    moved = torch.zeros_like(mask)
    height, width = mask.shape
    rows, columns = mask.nonzero().unbind(dim=1)
    rows, columns = rows + dy, columns + dx
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    moved[rows[inside], columns[inside]] = True
    whole = divide(mask, moved).sum().item()
    return (mask & moved).sum().item() / whole if whole else 0.0


def _wrapped_around(mask: Tensor, dx: int, dy: int) -> float:
    mask = mask.bool()
    moved = mask.roll((dy, dx), dims=(0, 1))
    return ((mask & moved).sum() / (mask | moved).sum()).item()


def _swapped(mask: Tensor, dx: int, dy: int) -> float:
    return _shifted_mask_iou(mask, dy, dx)


def _other_way(mask: Tensor, dx: int, dy: int) -> float:
    return _shifted_mask_iou(mask, -dx, -dy)


def _dice(mask: Tensor, dx: int, dy: int) -> float:
    iou = _shifted_mask_iou(mask, dx, dy)
    return 2 * iou / (1 + iou)


def _of_the_sum(mask: Tensor, dx: int, dy: int) -> float:
    # a / (2a + rest), where IoU is a / (a + rest).
    iou = _shifted_mask_iou(mask, dx, dy)
    return iou / (1 + iou)


def _half_a_disc() -> Tensor:
    """A mask that fits into neither axis' symmetry, and touches the right border."""
    y, x = torch.meshgrid(torch.arange(14), torch.arange(18), indexing="ij")
    return ((x - 13) ** 2 + 2 * (y - 6) ** 2 < 40) & (x + y > 13)


shifted_mask_iou = Exercise(
    name="shifted_mask_iou",
    reference=_shifted_mask_iou,
    cases={
        "a mask at the right border, moved by (3, 1)": (_half_a_disc(), 3, 1),
        "a mask moved by (-2, 4)": (_half_a_disc(), -2, 4),
        "a mask moved by (5, -3)": (_half_a_disc(), 5, -3),
    },
    mistakes={
        "what leaves the image must not come back on the other side, as `torch.roll` lets "
        "it": _wrapped_around,
        "x and y are swapped: columns are x, and they move by dx": _swapped,
        "you move the mask the other way: dx > 0 is to the right, dy > 0 is down": _other_way,
        "you divide by the mask's area; IoU divides by the union": partial(
            _shifted_mask_iou, divide=lambda mask, moved: mask
        ),
        "that is twice the intersection over the sum of both areas, the Dice coefficient; IoU "
        "divides by the union": _dice,
        "you divide by the sum of both areas, which counts the intersection twice": _of_the_sum,
    },
    hints=(
        "Make an empty mask of the same size, and write the part that stays inside into it.",
        "With slices: what stays of the columns is `[max(0, -dx), width - max(0, dx))`, and it "
        "goes to where it came from plus dx. The same for rows.",
        "`(mask & moved).sum() / (mask | moved).sum()`",
    ),
)
