"""Check of lesson 02: RoIPool as a whole."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.checks.feature_maps import TWO_IMAGES
from mrcnn_lite.course.checks.lesson02 import Round, round_half_up
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.slow import round_half_away


def _at_least_0(edge: int) -> int:
    return max(edge, 0)


def _as_it_is(edge: int) -> int:
    return edge


def _roi_pool(
    input: Tensor,
    boxes: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    *,
    to_cell: Round = round_half_away,
    to_pixel: Callable[[float], float] = lambda x: x,
    order: tuple[int, int, int, int] = (1, 2, 3, 4),
    known_scale: Callable[[float], float] = lambda scale: scale,
    extra_cell: int = 1,
    min_size: float = 1,
    clip_pixels: Callable[[float, float], float] = lambda x, image_size: x,
    clip_first: bool = False,
    slice_from: Callable[[int], int] = _at_least_0,
    slice_to: Callable[[int], int] = _at_least_0,
    first: Callable[[float], int] = math.floor,
    last: Callable[[float], int] = math.ceil,
    image: Callable[[int], int] = lambda number: number,
    reduce: Callable[[Tensor], Tensor] = lambda cells: cells.amax(dim=(1, 2)),
    empty: float = 0.0,
) -> Tensor:
    """RoIPool, and what it becomes under some mistakes."""
    height, width = input.shape[2:]
    output = input.new_full((len(boxes), input.shape[1], *output_size), empty)
    for k, roi in enumerate(boxes.tolist()):
        scale = known_scale(spatial_scale)
        x1, y1, x2, y2 = (
            to_cell(clip_pixels(to_pixel(roi[i]), length / scale) * scale)
            for i, length in zip(order, (width, height, width, height))
        )
        if clip_first:
            x1, x2 = (min(max(x, 0), width - 1) for x in (x1, x2))
            y1, y2 = (min(max(y, 0), height - 1) for y in (y1, y2))
        rows, columns = (
            [
                (start + first(p * size / bins), start + last((p + 1) * size / bins))
                for p in range(bins)
            ]
            for start, size, bins in (
                (y1, max(y2 - y1 + extra_cell, min_size), output_size[0]),
                (x1, max(x2 - x1 + extra_cell, min_size), output_size[1]),
            )
        )
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                cells = input[
                    image(int(roi[0])),
                    :,
                    slice_from(top) : slice_to(bottom),
                    slice_from(left) : slice_to(right),
                ]
                if cells[0].numel():
                    output[k, :, i, j] = reduce(cells)
    return output


roi_pool = Exercise(
    name="roi_pool",
    reference=_roi_pool,
    cases={
        "a box inside the map": (
            TWO_IMAGES,
            torch.tensor([[0, 21.0, 10.0, 90.0, 75.0]]),
            (2, 3),
            1 / 16,
        ),
        "3 boxes in 2 images": (
            TWO_IMAGES,
            torch.tensor(
                [[1, 40.0, 5.0, 72.0, 90.0], [0, 3.0, 30.0, 60.0, 100.0], [1, 70, 24, 137, 88.0]]
            ),
            (3, 2),
            1 / 16,
        ),
        "boxes that reach beyond the map": (
            TWO_IMAGES,
            torch.tensor([[0, -40.0, -24.0, 70.0, 60.0], [1, 75.0, 60.0, 200.0, 150.0]]),
            (3, 4),
            1 / 16,
        ),
        "a box off the map": (
            TWO_IMAGES,
            torch.tensor([[1, 170.0, 20.0, 230.0, 90.0]]),
            (2, 2),
            1 / 16,
        ),
        "a box of one cell in 2 x 3 bins": (
            TWO_IMAGES,
            torch.tensor([[0, 55.0, 39.6, 57.0, 41.0]]),
            (2, 3),
            1 / 16,
        ),
        "a box with edges between pixels": (
            TWO_IMAGES,
            torch.tensor([[0, 23.5, 39.5, 103.6, 87.75]]),
            (2, 3),
            1 / 16,
        ),
        "a box whose right edge is left of its left one": (
            TWO_IMAGES,
            torch.tensor([[1, 92.0, 18.0, 39.0, 70.0]]),
            (3, 2),
            1 / 16,
        ),
    },
    mistakes={
        "you forgot the + 1: the rounded x2 and y2 name the last cells, and these are read, "
        "too": partial(_roi_pool, extra_cell=0),
        "you round halves to the even neighbour, as Python's `round` and `torch.round` do; "
        "RoIPool rounds halves away from zero": partial(_roi_pool, to_cell=round),
        "you round halves up, which is wrong below zero: -1.5 becomes -2": partial(
            _roi_pool, to_cell=round_half_up
        ),
        "you round the box down (floor, `//`, or half a cell taken off before rounding); RoIPool "
        "rounds x * scale to the nearest cell": partial(_roi_pool, to_cell=math.floor),
        "you cut off the fraction of the box's edges (`int`, `.long()`); RoIPool rounds to the "
        "nearest cell": partial(_roi_pool, to_cell=int),
        "you round in image pixels, before you multiply by the scale": partial(
            _roi_pool, to_pixel=round_half_away
        ),
        "the scale is missing: boxes are in image pixels, bins in cells": partial(
            _roi_pool, known_scale=lambda scale: 1
        ),
        "a box is at least one cell wide and high, even one whose right edge is left of its left "
        "one; yours has a size below 1": partial(_roi_pool, min_size=-math.inf),
        "you clip the box to the map before you divide it into bins; divide first, then clip the "
        "bins": partial(_roi_pool, clip_first=True),
        "you clip the box to the image, in pixels, before you divide it into bins; divide first, "
        "then clip the bins": partial(
            _roi_pool, clip_pixels=lambda x, image_size: min(max(x, 0), image_size)
        ),
        "you cut the box off at 0 before you divide it into bins; divide first, then cut the "
        "bins": partial(_roi_pool, clip_pixels=lambda x, image_size: max(x, 0)),
        "a slice that starts at a negative number counts from the end: a bin that hangs over the "
        "upper or left border is empty in yours": partial(_roi_pool, slice_from=_as_it_is),
        "a negative number in a slice counts from the end: a bin that lies above the map or left "
        "of it reads the other side in yours": partial(
            _roi_pool, slice_from=_as_it_is, slice_to=_as_it_is
        ),
        "a slice that ends at a negative number counts from the end: a bin that lies above the map "
        "or left of it reads nearly all of it in yours": partial(_roi_pool, slice_to=_as_it_is),
        "x and y are swapped: a box is (image, x1, y1, x2, y2), but a map is indexed [image, :, "
        "y, x]": partial(_roi_pool, order=(2, 1, 4, 3)),
        "floor and ceil are swapped: a bin begins at the floor of its start and ends at the ceil "
        "of its end, so that it takes in every cell that it touches": partial(
            _roi_pool, first=math.ceil, last=math.floor
        ),
        "you round the end of a bin down; the ceil takes in the cell in which it ends": partial(
            _roi_pool, last=math.floor
        ),
        "you read image 0 for every box; column 0 of the boxes says which image to read": partial(
            _roi_pool, image=lambda number: 0
        ),
        "you take the mean of a bin; RoIPool takes the maximum": partial(
            _roi_pool, reduce=lambda cells: cells.mean(dim=(1, 2))
        ),
        "your maximum starts at 0, so that a bin of negative features gives 0": partial(
            _roi_pool, reduce=lambda cells: cells.amax(dim=(1, 2)).clamp(min=0)
        ),
        "a bin without cells is minus infinity in your version; it gives 0": partial(
            _roi_pool, empty=-math.inf
        ),
        "a bin without cells is not a number in your version; it gives 0": partial(
            _roi_pool, empty=math.nan
        ),
    },
    hints=(
        "You have all the pieces: a loop over the boxes around the lesson's `roi_pool_slow`. What "
        "is new are the image number, and an output size with two numbers.",
        "Rows go with y, columns with x. Make an output of zeros `[K, C, P_h, P_w]`, so that a bin "
        "without cells needs no more care.",
        "For row i: `top = y1 + math.floor(i * box_height / P_h)` and `bottom = y1 + math.ceil((i "
        "+ 1) * box_height / P_h)`. A slice ends by itself where the map ends, but it needs "
        "`max(top, 0)` and `max(bottom, 0)`: -1 would mean the last row.",
    ),
)
