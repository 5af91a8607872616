"""Checks of lesson 04, both axes: RoIAlign, and the causes of RoIPool's error on a ramp."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.checks.lesson04_axis import (
    OVER_THE_BOX,
    WRONG_BOXES,
    WRONG_HALVES,
    WRONG_PLACES,
    WRONG_WEIGHTS,
    place_samples,
    weigh_cells,
)
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.slow import round_half_away


def _roi_align(
    feature_map: Tensor,
    box: tuple[float, float, float, float],
    bins: int,
    samples: int,
    stride: float,
    points: Callable[..., Tensor] = place_samples,
    weights: Callable[[Tensor, int], Tensor] = weigh_cells,
    order: tuple[int, int, int, int] = (0, 1, 2, 3),
    transposed: bool = False,
    moved_by: float = 0.0,
    factor: Callable[[int], float] = lambda samples: 1,
) -> Tensor:
    """RoIAlign of one box, `Tensor[bins, bins]`, and what it becomes under some mistakes."""
    x1, y1, x2, y2 = (box[i] + moved_by for i in order)
    height, width = feature_map.shape
    rows = weights(points(y1, y2, bins, samples, stride), height)
    columns = weights(points(x1, x2, bins, samples, stride), width)
    result = rows @ feature_map @ columns.T * factor(samples)
    return result.T if transposed else result


_without_half = partial(_roi_align, weights=partial(weigh_cells, half=0.0))


def _at_least_a_cell(low: float, high: float, stride: float) -> tuple[float, float]:
    return low / stride, max((high - low) / stride, 1)


def _largest_sample(feature_map, box, bins, samples, stride):
    each = _roi_align(feature_map, box, bins * samples, 1, stride)
    return each.view(bins, samples, bins, samples).amax(dim=(1, 3))


def _numbers(height: int, width: int) -> Tensor:
    """A map on which no two neighbourhoods look alike."""
    return (torch.arange(height * width, dtype=torch.float64) * 37 % 101).view(height, width)


roi_align = Exercise(
    name="roi_align",
    reference=_roi_align,
    cases={
        "a box inside a map of 8 x 9 cells": (_numbers(8, 9), (21.0, 35.5, 108.0, 90.0), 3, 2, 16),
        "a box that hangs over the border": (_numbers(5, 7), (-22.0, 7.0, 31.0, 52.0), 2, 3, 8),
        "a box smaller than a cell": (_numbers(4, 6), (30.0, 18.0, 36.0, 25.0), 2, 2, 16),
    },
    mistakes={
        **{
            text: partial(_roi_align, weights=partial(weigh_cells, half=half))
            for text, half in WRONG_HALVES.items()
        },
        "that is RoIAlign with aligned=False: the half pixel is missing, and small boxes grow to a "
        "cell": partial(_without_half, points=partial(place_samples, read_box=_at_least_a_cell)),
        "half a cell is meant, not half a pixel of the image: divide by the stride first": partial(
            _without_half, moved_by=-0.5
        ),
        **{
            text: partial(_roi_align, points=partial(place_samples, read_box=read_box))
            for text, read_box in WRONG_BOXES.items()
        },
        **{
            text: partial(_roi_align, points=partial(place_samples, places=places))
            for text, places in WRONG_PLACES.items()
        },
        OVER_THE_BOX: partial(_roi_align, points=partial(place_samples, over_the_box=True)),
        "x and y of the box are swapped: it is (x1, y1, x2, y2)": partial(
            _roi_align, order=(1, 0, 3, 2)
        ),
        "x and y are swapped where the map is read: rows are y, columns are x": partial(
            _roi_align, order=(1, 0, 3, 2), transposed=True
        ),
        "your bins are transposed: row i of the result is the i-th from above": partial(
            _roi_align, transposed=True
        ),
        "the samples of a bin must be averaged, not added up": partial(
            _roi_align, factor=lambda samples: samples**2
        ),
        "you divide by the wrong count: a bin has samples x samples points, not samples": partial(
            _roi_align, factor=lambda samples: samples
        ),
        "you take the largest of a bin's samples; RoIAlign takes their mean": _largest_sample,
        **{
            text: partial(_roi_align, weights=weights)
            for text, weights in list(WRONG_WEIGHTS.items())[1:]
        },
    },
    hints=(
        "RoIAlign treats x and y alike and apart: one table of weights for the rows, one for the "
        "columns.",
        "`sample_points` of y1 and y2, then `axis_weights` with the height, gives the rows' table, "
        "`[bins, H]`. The same for x gives `[bins, W]`. Which product with the map, `[H, W]`, has "
        "the shape `[bins, bins]`?",
        "A table of rows belongs to the left of the map, where it mixes the map's rows; the one of "
        "columns to the right, but which way round must it stand for the shapes to fit?",
    ),
)


def _as_it_is(half_pixel, rounding, maximum, stride):
    return half_pixel, rounding, maximum


def _causes_of_error(
    x1: float,
    x2: float,
    bins: int,
    bin: int,
    stride: float,
    round: Callable[[float], float] = round_half_away,
    last_included: bool = True,
    say: Callable[[float, float, float, float], tuple[float, float, float]] = _as_it_is,
) -> tuple[float, float, float]:
    """Half pixel, rounding and maximum, and what they become under some mistakes."""
    mean, largest = _pool_readings(x1, x2, bins, bin, stride, round, last_included)
    half_pixel = stride / 2
    rounding = mean - _bin_centre(x1, x2, bins, bin) - half_pixel
    return say(half_pixel, rounding, largest - mean, stride)


def _pool_readings(x1, x2, bins, bin, stride, round=round_half_away, last_included=True):
    start = round(x1 / stride)
    size = max(round(x2 / stride) - start + last_included, 1)
    first = start + math.floor(bin * size / bins)
    end = start + math.ceil((bin + 1) * size / bins)
    return (first + end) / 2 * stride, (end - 0.5) * stride


def _bin_centre(x1: float, x2: float, bins: int, bin: int) -> float:
    return x1 + (bin + 0.5) * (x2 - x1) / bins


def _half_pixel_left_in_rounding(half_pixel, rounding, maximum, stride):
    return half_pixel, rounding + half_pixel, maximum


def _no_half_pixel(half_pixel, rounding, maximum, stride):
    return 0.0, rounding + half_pixel, maximum


def _everything_in_the_maximum(half_pixel, rounding, maximum, stride):
    return half_pixel, rounding, half_pixel + rounding + maximum


def _cells_at_their_edges(half_pixel, rounding, maximum, stride):
    return half_pixel, rounding - half_pixel, maximum


def _no_maximum(half_pixel, rounding, maximum, stride):
    return half_pixel, rounding, 0.0


def _truth_less_reading(half_pixel, rounding, maximum, stride):
    return -half_pixel, -rounding, -maximum


def _in_cells(half_pixel, rounding, maximum, stride):
    return half_pixel / stride, rounding / stride, maximum / stride


def _in_other_order(half_pixel, rounding, maximum, stride):
    return maximum, rounding, half_pixel


causes_of_error = Exercise(
    name="causes_of_error",
    reference=_causes_of_error,
    cases={
        "an edge from 67 to 179 pixels, bin 3 of 7, stride 16": (67, 179, 7, 3, 16),
        "an edge from 72 to 184 pixels, bin 3 of 7, stride 16": (72, 184, 7, 3, 16),
        "an edge from 20 to 92 pixels, bin 0 of 4, stride 8": (20, 92, 4, 0, 8),
        "an edge from 105 to 301 pixels, bin 2 of 3, stride 32": (105, 301, 3, 2, 32),
    },
    mistakes={
        "the half pixel is counted twice, once in the rounding: take it off there": partial(
            _causes_of_error, say=_half_pixel_left_in_rounding
        ),
        "the half pixel is missing: RoIPool lets a cell's value stand at the cell's edge, "
        "too": partial(_causes_of_error, say=_no_half_pixel),
        "the maximum must be compared with the mean of the same cells, not with the bin's "
        "centre": partial(_causes_of_error, say=_everything_in_the_maximum),
        "on our ramp a cell's value is the position of its centre; you took its left edge": partial(
            _causes_of_error, say=_cells_at_their_edges
        ),
        "the bins' maximum is missing: RoIPool does not read the mean of its cells": partial(
            _causes_of_error, say=_no_maximum
        ),
        "the signs are turned round: an error is what is read less what is true": partial(
            _causes_of_error, say=_truth_less_reading
        ),
        "the causes are in cells; image pixels are wanted": partial(
            _causes_of_error, say=_in_cells
        ),
        "the order is half pixel, rounding, maximum": partial(
            _causes_of_error, say=_in_other_order
        ),
        "you round halves to even, as Python and PyTorch do; RoIPool rounds them away from "
        "zero": partial(_causes_of_error, round=round),
        "you cut the decimals off instead of rounding": partial(_causes_of_error, round=math.floor),
        "the + 1 is missing: RoIPool's box includes its last cell": partial(
            _causes_of_error, last_included=False
        ),
    },
    hints=(
        "Which cells does the bin read? Write down the positions of their centres in pixels, and "
        "beside them the true centre of the bin.",
        "The half pixel is half a stride, whatever the box. The maximum's share is the largest "
        "position less the mean position. What is left of mean less true centre is the rounding.",
        "With the cells `first` up to but without `end`: the mean is `(first + end) / 2 * stride`, "
        "the largest `(end - 0.5) * stride`. The truth is the middle of bin number `bin`, of "
        "`bins` equal parts from x1 to x2.",
    ),
)
