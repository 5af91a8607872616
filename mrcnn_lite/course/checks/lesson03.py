"""Checks of lesson 03: bilinear interpolation and its slope."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise


def hat(positions: Tensor, length: int, off_map: bool = True) -> Tensor:
    """Weights of linear interpolation, `Tensor[S, length]`; the value of cell j stands at j.

    Beyond the first and the last value that value goes on, for up to a cell if `off_map`; farther
    out nothing is read.
    """
    inside = positions.clamp(0, length - 1)
    cells = torch.arange(length, dtype=positions.dtype)
    weights = (1 - (inside[:, None] - cells).abs()).clamp(min=0)
    if off_map:
        weights = weights * ((positions >= -1) & (positions <= length))[:, None]
    return weights


def _resize(features: Tensor, height: int, width: int, *, place: str = "centre") -> Tensor:
    """Bilinear resizing, and what it becomes under some mistakes."""
    rows, columns = (
        hat(_places(length, number, place), length)
        for length, number in zip(features.shape, (height, width))
    )
    return rows.to(features.dtype) @ features @ columns.T.to(features.dtype)


def _places(length: int, number: int, place: str) -> Tensor:
    i = torch.arange(number, dtype=torch.float64)
    return {
        "centre": lambda: (i + 0.5) * length / number - 0.5,
        "half a cell off": lambda: (i + 0.5) * length / number,
        "corner": lambda: i * length / number - 0.5,
        "both halves off": lambda: i * length / number,
        "upside down": lambda: (i + 0.5) * number / length - 0.5,
        "corners pinned": lambda: i * (length - 1) / max(number - 1, 1),
        "nearest": lambda: ((i + 0.5) * length / number).floor(),
    }[place]()


def _swapped_resize(features: Tensor, height: int, width: int) -> Tensor:
    old_height, old_width = features.shape
    y = hat(_places(old_width, width, "centre"), old_height)
    x = hat(_places(old_height, height, "centre"), old_width)
    return (y.to(features.dtype) @ features @ x.T.to(features.dtype)).T


_SMALL_MAP = torch.tensor([[0.0, 4.0, 8.0, 2.0], [6.0, 1.0, 3.0, 9.0], [5.0, 7.0, -4.0, 2.0]])

resize = Exercise(
    name="resize",
    reference=_resize,
    cases={
        "a map of 3 x 4 cells to 6 x 12": (_SMALL_MAP, 6, 12),
        "a map of 3 x 4 cells to 7 x 5": (_SMALL_MAP, 7, 5),
        "a map of 2 x 3 cells to 8 x 5": (_SMALL_MAP[:2, 1:], 8, 5),
    },
    mistakes={
        "you read half a cell too far right and down: row i has its centre at (i + 0.5) * H / "
        "height, and `bilinear` takes positions in which cell j has its centre at j + "
        "0.5": partial(_resize, place="half a cell off"),
        "you read at the upper left corners of the new cells; read at their centres, i + "
        "0.5": partial(_resize, place="corner"),
        "both halves are missing: the new row i has its centre at i + 0.5, the old row j at j + "
        "0.5": partial(_resize, place="both halves off"),
        "you divide the wrong way: a new row is H / height old ones high": partial(
            _resize, place="upside down"
        ),
        "your first and last rows are those of the old map: you stretch from centre to centre "
        "(`align_corners=True`), but the map reaches from edge to edge": partial(
            _resize, place="corners pinned"
        ),
        "you take the nearest cell and do not interpolate": partial(_resize, place="nearest"),
        "x and y are swapped: `bilinear` takes y before x": _swapped_resize,
    },
    hints=(
        "Where does the centre of new row i lie, in old cells? The whole map, H cells, becomes "
        "`height` rows.",
        "A new row is H / height old cells high, and its centre is half of that below its upper "
        "edge.",
        "`y = (i + 0.5) * H / height`, and x likewise. The lesson's `bilinear` does the rest: it "
        "wants `[C, H, W]`, so hand it `features[None]`.",
    ),
)


def _bilinear_slope(
    features: Tensor,
    y: float,
    x: float,
    *,
    half: float = 0.5,
    weigh: Callable[[float], tuple[float, float]] = lambda t: (1 - t, t),
    sign: int = 1,
) -> tuple[float, float]:
    """The slope of bilinear interpolation, (along y, along x), and some wrong ones."""
    y, x = y - half, x - half
    top, left = math.floor(y), math.floor(x)
    height, width = features.shape
    rows, columns = [top, min(top + 1, height - 1)], [left, min(left + 1, width - 1)]
    (a, b), (c, d) = features[rows][:, columns].tolist()
    (upper, lower), (near, far) = weigh(y - top), weigh(x - left)
    along_y = near * (c - a) + far * (d - b)
    along_x = upper * (b - a) + lower * (d - c)
    return sign * along_y, sign * along_x


def _swapped_slope(features: Tensor, y: float, x: float) -> tuple[float, float]:
    along_y, along_x = _bilinear_slope(features, y, x)
    return along_x, along_y


bilinear_slope = Exercise(
    name="bilinear_slope",
    reference=_bilinear_slope,
    cases={
        "the point y = 1.2, x = 1.9 of a map of 3 x 4 cells": (_SMALL_MAP, 1.2, 1.9),
        "the point y = 1.75, x = 2.9 of a map of 3 x 4 cells": (_SMALL_MAP, 1.75, 2.9),
        "the point y = 0.9, x = 2.3 of a map of 3 x 4 cells": (_SMALL_MAP, 0.9, 2.3),
    },
    mistakes={
        "the two slopes are in the wrong order: first along y, then along x": _swapped_slope,
        "you take the cells around (y, x) as if the value of cell j stood at j; it stands at j + "
        "0.5": partial(_bilinear_slope, half=0.0),
        "the weights of the two differences are exchanged: the nearer row (or column) counts "
        "more": partial(_bilinear_slope, weigh=lambda t: (t, 1 - t)),
        "you take the difference in one row (or column) only; both count, by how near they "
        "are": partial(_bilinear_slope, weigh=lambda t: (1, 0)),
        "both differences count fully in your version; they are weighted by how near they "
        "are": partial(_bilinear_slope, weigh=lambda t: (1, 1)),
        "you take the mean of both differences; the nearer one counts more": partial(
            _bilinear_slope, weigh=lambda t: (0.5, 0.5)
        ),
        "the sign is wrong: to go right is to go towards the right cell's value": partial(
            _bilinear_slope, sign=-1
        ),
    },
    hints=(
        "Write the formula with t and u, and differentiate it with respect to u while t stands "
        "still.",
        "Along x: in the upper row the value changes by b - a per cell, in the lower one by d - c. "
        "In between, it is a mixture of both changes.",
        "`along_x = (1 - t) * (b - a) + t * (d - c)`, with a, b above and c, d below; along y "
        "likewise with u.",
    ),
)
