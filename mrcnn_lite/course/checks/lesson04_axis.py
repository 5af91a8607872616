"""Checks of lesson 04, one axis: sample points and their weights."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.slow import round_half_away

# The box's edges in image pixels, and the stride, to where reading starts and how far, in cells.
ReadBox = Callable[[float, float, float], tuple[float, float]]


def _read_box(low: float, high: float, stride: float) -> tuple[float, float]:
    return low / stride, (high - low) / stride


def _pool_box(low: float, high: float, stride: float) -> tuple[float, float]:
    start = round_half_away(low / stride)
    return start, max(round_half_away(high / stride) - start + 1, 1)


def _rounded_box(low: float, high: float, stride: float) -> tuple[float, float]:
    start = round_half_away(low / stride)
    return start, round_half_away(high / stride) - start


def _floored_box(low: float, high: float, stride: float) -> tuple[float, float]:
    return low // stride, high // stride - low // stride


WRONG_BOXES: dict[str, ReadBox] = {
    "you read RoIPool's box, rounded and with the + 1; RoIAlign rounds nothing": _pool_box,
    "you round the box to whole cells; RoIAlign rounds nothing": _rounded_box,
    "you cut off the decimals of the box; RoIAlign keeps them": _floored_box,
    "the + 1 is RoIPool's, which counts cells; RoIAlign's box is as wide as it "
    "is": lambda low, high, s: (low / s, (high - low) / s + 1),
    "a box smaller than a cell stays small; only aligned=False makes it a whole "
    "cell": lambda low, high, s: (low / s, max((high - low) / s, 1)),
    "the stride is missing: boxes are in image pixels, the map is in cells": lambda low, high, s: (
        low,
        high - low,
    ),
}


def _centres(samples: int) -> Tensor:
    return (torch.arange(samples, dtype=torch.float64) + 0.5) / samples


WRONG_PLACES: dict[str, Callable[[int], Tensor]] = {
    "your sample points leave as much room at the bin's edges as between each other, as the inner "
    "points of a `linspace`; at the centres of equal parts they leave half as much": lambda n: (
        torch.linspace(0, 1, n + 2, dtype=torch.float64)[1:-1]
    ),
    "your sample points go from edge to edge of the bin; they stand at the centres of its equal "
    "parts": lambda n: torch.linspace(0, 1, n, dtype=torch.float64),
    "your sample points stand at the edges where the parts begin, not at their centres": lambda n: (
        torch.arange(n, dtype=torch.float64) / n
    ),
}


def place_samples(
    low: float,
    high: float,
    bins: int,
    samples: int,
    stride: float,
    read_box: ReadBox = _read_box,
    places: Callable[[int], Tensor] = _centres,
    over_the_box: bool = False,
    moved_by: float = 0.0,
) -> Tensor:
    """Where each bin is sampled, `Tensor[bins, samples]`; or where it is, by mistake."""
    start, size = read_box(low, high, stride)
    start += moved_by
    if over_the_box:
        shares = torch.linspace(0, 1, bins * samples, dtype=torch.float64)
        return start + shares.view(bins, samples) * size
    bin_numbers = torch.arange(bins, dtype=torch.float64)[:, None]
    return start + (bin_numbers + places(samples)) * size / bins


OVER_THE_BOX = (
    "your sample points go from edge to edge of the box in equal steps (`linspace`); they stand at "
    "the centres of the equal parts of each bin"
)

_MISPLACED = {
    "you take half a cell off; here the points are wanted as they lie on the map, in which cell j "
    "reaches from j to j + 1": partial(place_samples, moved_by=-0.5),
    OVER_THE_BOX: partial(place_samples, over_the_box=True),
    **{text: partial(place_samples, read_box=box) for text, box in WRONG_BOXES.items()},
    **{text: partial(place_samples, places=places) for text, places in WRONG_PLACES.items()},
    "you divide the number of the bin by the number of samples, too; only the part of a bin is "
    "divided by that": lambda low, high, bins, samples, stride: (
        low / stride
        + (torch.arange(bins)[:, None] + torch.arange(samples) + 0.5)
        / samples
        * ((high - low) / stride / bins)
    ),
}

sample_points = Exercise(
    name="sample_points",
    reference=place_samples,
    cases={
        "an edge from 70 to 190 pixels in 4 bins of 2 samples, stride 16": (70, 190, 4, 2, 16),
        "an edge from 13.5 to 61 pixels in 3 bins of 3 samples, stride 8": (13.5, 61.0, 3, 3, 8),
        "an edge from 40 to 44 pixels in 2 bins of 1 sample, stride 16": (40, 44, 2, 1, 16),
    },
    mistakes=_MISPLACED,
    hints=(
        "Three steps: from image pixels to cells; from the box to bin p; from the bin to its part "
        "i. No step rounds.",
        "In cells the box begins at `low / stride` and is `(high - low) / stride` long. Bin "
        "p begins `p * size / bins` after that. Where is the centre of part i of a bin?",
        "Bin p is `size / bins` long, its parts are `size / bins / samples` long, and the centre "
        "of part i is half a part after that part begins.",
    ),
)


def _neighbours(position: float, length: int) -> list[tuple[int, float]]:
    """The cells that a sample point reads, and their weights; none if it is too far off the map.

    Here the value of cell j stands at `position` j.
    """
    if position < -1 or position > length:
        return []
    position = min(max(position, 0), length - 1)
    cell = min(int(position), length - 1)
    return [(cell, 1 - position + cell), (min(cell + 1, length - 1), position - cell)]


def _clamped(position: float, length: int) -> list[tuple[int, float]]:
    return _neighbours(min(max(position, 0), length - 1), length)


def _zero_at_the_border(position: float, length: int) -> list[tuple[int, float]]:
    return _neighbours(position, length) if 0 <= position <= length - 1 else []


def _padded_with_zeros(position: float, length: int) -> list[tuple[int, float]]:
    cell = math.floor(position)
    pair = (cell, 1 - position + cell), (cell + 1, position - cell)
    return [(cell, weight) for cell, weight in pair if 0 <= cell < length]


def _swapped(position: float, length: int) -> list[tuple[int, float]]:
    pair = _neighbours(position, length)
    return [(cell, weight) for (cell, _), (_, weight) in zip(pair, pair[::-1])]


def _nearest(position: float, length: int) -> list[tuple[int, float]]:
    pair = _neighbours(position, length)
    return [(max(pair, key=lambda entry: entry[1])[0], 1.0)] if pair else []


def weigh_cells(
    points: Tensor,
    length: int,
    neighbours: Callable[[float, int], list[tuple[int, float]]] = _neighbours,
    divide: Callable[[int, int], float] = lambda samples, on_map: samples,
    add: bool = True,
    half: float = 0.5,
) -> Tensor:
    """How much of each cell each bin reads, `Tensor[bins, length]`; or does, by mistake."""
    weights = torch.zeros(len(points), length, dtype=torch.float64)
    for row, positions in zip(weights, torch.as_tensor(points).tolist()):
        read = [neighbours(position - half, length) for position in positions]
        count = divide(len(read), sum(map(bool, read)))
        for cell, weight in (pair for pairs in read for pair in pairs):
            row[cell] = row[cell] * add + weight / count
    return weights


WRONG_HALVES = {
    "the half pixel is missing: the value of cell j stands at its centre, j + 0.5": 0.0,
    "the half pixel is taken off twice": 1.0,
    "the half pixel goes the wrong way: what lies at j + 0.5 on the map is value number j": -0.5,
}

WRONG_WEIGHTS = {
    "the weights of a bin's samples must be averaged: divide by their number": partial(
        weigh_cells, divide=lambda samples, on_map: 1
    ),
    "a sample off the map counts as 0 in the mean; you leave it out and divide by the others' "
    "number": partial(weigh_cells, divide=lambda samples, on_map: max(on_map, 1)),
    "a sample more than half a cell off the map reads nothing; yours still reads the "
    "border": partial(weigh_cells, neighbours=_clamped),
    "beyond the outermost centres, up to half a cell off the map, the border's value goes on; "
    "yours reads nothing there": partial(weigh_cells, neighbours=_zero_at_the_border),
    "beside the border a neighbour is missing; its share belongs to the border cell and is lost "
    "in yours": partial(weigh_cells, neighbours=_padded_with_zeros),
    "the two neighbours' weights are swapped: the nearer cell weighs more": partial(
        weigh_cells, neighbours=_swapped
    ),
    "you read the nearest cell only; interpolate between two": partial(
        weigh_cells, neighbours=_nearest
    ),
}

axis_weights = Exercise(
    name="axis_weights",
    reference=weigh_cells,
    cases={
        "2 bins of 2 samples on 7 cells": (
            torch.tensor([[0.8, 2.1], [3.4, 4.7]], dtype=torch.float64),
            7,
        ),
        "a bin whose samples share a cell": (
            torch.tensor([[2.6, 2.9, 3.2]], dtype=torch.float64),
            4,
        ),
        "bins that reach off the map of 5 cells": (
            torch.tensor([[-0.8, -0.1], [0.2, 1.9], [4.8, 5.3], [6.1, 8.0]], dtype=torch.float64),
            5,
        ),
    },
    mistakes={
        **{text: partial(weigh_cells, half=half) for text, half in WRONG_HALVES.items()},
        **WRONG_WEIGHTS,
        "two samples of a bin may read the same cell; add to its weight, do not overwrite "
        "it": partial(weigh_cells, add=False),
    },
    hints=(
        "A sample point lies between the centres of two cells. Each of them gets a weight; both "
        "weights together are 1.",
        "First take 0.5 off, so that value j stands at j. Skip what is then below -1 or above "
        "`length`; clamp the rest to 0 .. `length - 1`. The decimals are the weight of the upper "
        "neighbour. Divide all weights by the number of points of the bin, skipped ones included.",
        "For a point that counts: `position = min(max(point - 0.5, 0), length - 1)`, "
        "`cell = int(position)`, `share = position - cell`; `weights[p, cell] += (1 - share) / n` "
        "and `weights[p, min(cell + 1, length - 1)] += share / n`.",
    ),
)
