"""Check of lesson 03: RoIWarp as a whole."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.checks.feature_maps import TWO_IMAGES
from mrcnn_lite.course.checks.lesson03 import hat
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.slow import round_half_away


def _warp_axis(
    low: float,
    high: float,
    scale: float,
    bins: int,
    length: int,
    sampling_ratio: int,
    *,
    to_cell: Callable[[float], float] = round_half_away,
    extra_cell: int = 1,
    half: float = 0.5,
    place: Callable[[Tensor, int], Tensor] = lambda i, n: (i + 0.5) / n,
    count: Callable[[float], int] = math.ceil,
    clip_first: bool = False,
    clip_pixels: bool = False,
    over_the_box: bool = False,
    off_map: bool = True,
) -> Tensor:
    """The weights of the samples along one axis, `Tensor[bins, n, length]`."""
    if clip_pixels:
        low, high = (min(max(edge, 0), length / scale) for edge in (low, high))
    start, end = to_cell(low * scale), to_cell(high * scale)
    if clip_first:
        start, end = (min(max(edge, 0), length - 1) for edge in (start, end))
    size = max(end - start + extra_cell, 1)
    n = sampling_ratio if sampling_ratio > 0 else max(count(size / bins), 1)
    i = torch.arange(n, dtype=torch.float64)
    p = torch.arange(bins, dtype=torch.float64)[:, None]
    if over_the_box:
        shares = torch.linspace(0, 1, bins * n, dtype=torch.float64).view(bins, n)
    else:
        shares = (p + place(i, n)) / bins
    positions = start + shares * size - half
    return hat(positions.flatten(), length, off_map).view(bins, n, length)


def _mean(samples: Tensor, on_map: Tensor) -> Tensor:
    return samples.mean(dim=(2, 4))


def _mean_of_those_on_the_map(samples: Tensor, on_map: Tensor) -> Tensor:
    number = on_map.sum(dim=(1, 3)).clamp(min=1)
    return samples.sum(dim=(2, 4)) / number


def _roi_warp(
    input: Tensor,
    boxes: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    *,
    order: tuple[int, int, int, int] = (1, 2, 3, 4),
    image: Callable[[int], int] = lambda number: number,
    reduce: Callable[[Tensor, Tensor], Tensor] = _mean,
    **axis,
) -> Tensor:
    """RoIWarp, and what it becomes under some mistakes."""
    height, width = input.shape[2:]
    output = []
    for roi in boxes.tolist():
        x1, y1, x2, y2 = (roi[i] for i in order)
        y, x = (
            _warp_axis(low, high, spatial_scale, bins, length, sampling_ratio, **axis)
            for low, high, bins, length in (
                (y1, y2, output_size[0], height),
                (x1, x2, output_size[1], width),
            )
        )
        features = input[image(int(roi[0]))].to(y.dtype)
        samples = torch.einsum("imh,chw,jnw->cimjn", y, features, x)
        on_map = torch.einsum("im,jn->imjn", y.sum(dim=2).round(), x.sum(dim=2).round())
        output.append(reduce(samples, on_map))
    return torch.stack(output).to(input.dtype)


roi_warp = Exercise(
    name="roi_warp",
    reference=_roi_warp,
    cases={
        "a box inside the map": (
            TWO_IMAGES,
            torch.tensor([[0, 21.0, 10.0, 90.0, 75.0]]),
            (2, 3),
            1 / 16,
            2,
        ),
        "3 boxes in 2 images": (
            TWO_IMAGES,
            torch.tensor(
                [[1, 40.0, 5.0, 72.0, 90.0], [0, 3.0, 30.0, 60.0, 100.0], [1, 70, 24, 137, 88.0]]
            ),
            (3, 2),
            1 / 16,
            3,
        ),
        "boxes that reach beyond the map": (
            TWO_IMAGES,
            torch.tensor([[0, -60.0, -40.0, 70.0, 60.0], [1, 75.0, 60.0, 230.0, 190.0]]),
            (3, 4),
            1 / 16,
            2,
        ),
        "adaptive sampling": (
            TWO_IMAGES,
            torch.tensor([[0, 12.0, 6.0, 120.0, 66.0], [1, 20.0, 20.0, 55.0, 44.0]]),
            (2, 3),
            1 / 16,
            -1,
        ),
    },
    mistakes={
        "you forgot the + 1: the box has as many cells as RoIPool's, the last one "
        "included": partial(_roi_warp, extra_cell=0),
        "you round halves to the even neighbour, as Python's `round` and `torch.round` do; "
        "RoIWarp rounds like RoIPool, halves away from zero": partial(_roi_warp, to_cell=round),
        "you do not round the box; RoIWarp rounds it as RoIPool does": partial(
            _roi_warp, to_cell=lambda x: x
        ),
        "you do not round the box, and leave out the + 1: that is the next lesson's RoIAlign; "
        "RoIWarp rounds the box as RoIPool does": partial(
            _roi_warp, to_cell=lambda x: x, extra_cell=0
        ),
        "you round the box down; it is rounded to the nearest cell": partial(
            _roi_warp, to_cell=math.floor
        ),
        "you cut off the fraction of the box's edges (`int`, `.long()`); they are rounded to the "
        "nearest cell": partial(_roi_warp, to_cell=int),
        "the scale is missing: boxes are in image pixels, samples in cells": (
            lambda input, boxes, output_size, spatial_scale, sampling_ratio: _roi_warp(
                input, boxes, output_size, 1, sampling_ratio
            )
        ),
        "you read half a cell too far right and down: the value of cell j stands at its centre, "
        "j + 0.5": partial(_roi_warp, half=0.0),
        "you read half a cell too far left and up: the half is taken off twice": partial(
            _roi_warp, half=1.0
        ),
        "your samples stand at the left ends of the parts of a bin; they stand in their "
        "middles, at (i + 0.5) / n": partial(_roi_warp, place=lambda i, n: i / n),
        "your samples reach from one edge of the bin to the other; they stand in the middles of "
        "n equal parts, at (i + 0.5) / n": partial(_roi_warp, place=lambda i, n: i / max(n - 1, 1)),
        "your samples leave as much room at the bin's edges as between each other, as the inner "
        "points of a `linspace`; in the middles of n equal parts they leave half as much": partial(
            _roi_warp, place=lambda i, n: (i + 1) / (n + 1)
        ),
        "your samples go from edge to edge of the box in equal steps (`linspace`); they stand in "
        "the middles of the n equal parts of each bin": partial(_roi_warp, over_the_box=True),
        "x and y are swapped: a box is (image, x1, y1, x2, y2), but a map is indexed [image, :, "
        "y, x]": partial(_roi_warp, order=(2, 1, 4, 3)),
        "you read image 0 for every box; column 0 of the boxes says which image to read": partial(
            _roi_warp, image=lambda number: 0
        ),
        "you take the largest sample; here the mean is wanted": partial(
            _roi_warp, reduce=lambda samples, on_map: samples.amax(dim=(2, 4))
        ),
        "you divide by the samples on the map only; those off the map read 0, and count": partial(
            _roi_warp, reduce=_mean_of_those_on_the_map
        ),
        "you add the samples up, but do not divide by their number": partial(
            _roi_warp, reduce=lambda samples, on_map: samples.sum(dim=(2, 4))
        ),
        "you divide by the samples along one axis; a bin has that many along each of two, so "
        "divide by their product": partial(
            _roi_warp,
            reduce=lambda samples, on_map: samples.sum(dim=(2, 4)) / samples.shape[2],
        ),
        "with adaptive sampling, size / bins is rounded up to the number of samples, not "
        "down": partial(_roi_warp, count=math.floor),
        "you clip the box to the map before you divide it into bins; divide the whole box": partial(
            _roi_warp, clip_first=True
        ),
        "you clip the box to the image, in pixels, before you divide it into bins; divide the "
        "whole box": partial(_roi_warp, clip_pixels=True),
        "a sample far off the map reads the border's value in your version; more than one cell "
        "beyond the outermost centres it reads 0": partial(_roi_warp, off_map=False),
    },
    hints=(
        "A loop over the boxes around the lesson's `roi_warp_slow`. What is new are the image "
        "number, an output size with two numbers, and the number of samples given from outside.",
        "`warp` takes the same number of bins for both axes: write its loops again, rows with y, "
        "columns with x. Each axis has its own number of samples if sampling is adaptive.",
        "Along x: `n = sampling_ratio if sampling_ratio > 0 else math.ceil(box_width / P_w)`, and "
        "sample i of bin j stands at `start_x + (j + (i + 0.5) / n) * box_width / P_w`. Divide the "
        "sum of a bin by `n_y * n_x`.",
    ),
)
