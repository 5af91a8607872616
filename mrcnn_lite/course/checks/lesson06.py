"""Checks of lesson 06: cells of an object, levels of boxes."""

import math
from collections.abc import Callable
from functools import partial

import torch

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.models.roi_features import assign_levels

Box = tuple[float, float, float, float]


def _cells_touched(
    box: Box,
    stride: int,
    first: Callable[[float], int] = math.floor,
    end: Callable[[float], int] = math.ceil,
    extra: int = 0,
    of_size: bool = False,
    swapped: bool = False,
) -> tuple[int, int]:
    """Rows and columns of cells that a box touches, and what they become under some mistakes."""
    x1, y1, x2, y2 = (edge / stride for edge in box)
    if of_size:
        x1, y1, x2, y2 = 0.0, 0.0, x2 - x1, y2 - y1
    columns, rows = end(x2) - first(x1) + extra, end(y2) - first(y1) + extra
    return (columns, rows) if swapped else (rows, columns)


cells_touched = Exercise(
    name="cells_touched",
    reference=_cells_touched,
    cases={
        "the box (30, 10, 50, 40) at stride 16": ((30.0, 10.0, 50.0, 40.0), 16),
        "the box (16, 32, 64, 48), whose edges lie on the grid": ((16.0, 32.0, 64.0, 48.0), 16),
        "the box (33, 5, 38, 7) within a cell of stride 8": ((33.0, 5.0, 38.0, 7.0), 8),
        "the box (3.5, 21.5, 60, 30) at stride 4": ((3.5, 21.5, 60.0, 30.0), 4),
    },
    mistakes={
        "rows first: rows go with y and the height": partial(_cells_touched, swapped=True),
        "this is how many cells the box is wide and high; where it lies on the grid matters: 20 "
        "pixels can touch three cells of 16": partial(_cells_touched, of_size=True),
        "an edge that lies on the grid touches no further cell; yours counts one more": partial(
            _cells_touched, end=lambda x: math.floor(x), extra=1
        ),
        "you round both edges to the nearest line of the grid; a cell is touched even if little "
        "of it is covered": partial(_cells_touched, first=round, end=round),
        "you round both edges down; the cell under the right edge is touched, too": partial(
            _cells_touched, end=math.floor
        ),
        "this counts the cells that lie wholly inside the box": partial(
            _cells_touched, first=math.ceil, end=math.floor
        ),
    },
    hints=(
        "Along each axis: which is the first cell that the box touches, and which is the first one "
        "after it that it does not?",
        "In cells the left edge is at x1 / stride; the cell under it is that number rounded down. "
        "The right edge is at x2 / stride; round that one up.",
        "`columns = math.ceil(x2 / stride) - math.floor(x1 / stride)`, and the same with y for the "
        "rows.",
    ),
)


def _level_of_box(
    box: Box, canonical_size: int, canonical_level: int, finest: int, coarsest: int
) -> int:
    levels = assign_levels(
        torch.tensor([box], dtype=torch.float64), canonical_size, canonical_level, finest, coarsest
    )
    return int(levels)


def _level_wrongly(
    box: Box,
    canonical_size: int,
    canonical_level: int,
    finest: int,
    coarsest: int,
    size_of: Callable[[float, float], float] = lambda w, h: math.sqrt(w * h),
    logarithm: Callable[[float], float] = math.log2,
    to_whole: Callable[[float], int] = math.floor,
    cut_towards_zero: bool = False,
    clamp: bool = True,
    sign: int = 1,
) -> int:
    x1, y1, x2, y2 = box
    shift = sign * logarithm(size_of(x2 - x1, y2 - y1) / canonical_size)
    cut = canonical_level + int(shift)
    level = cut if cut_towards_zero else to_whole(canonical_level + shift)
    return min(max(level, finest), coarsest) if clamp else level


level_of_box = Exercise(
    name="level_of_box",
    reference=_level_of_box,
    cases={
        "a box of 300 x 200, levels 2 to 5": ((10.0, 20.0, 310.0, 220.0), 224, 4, 2, 5),
        "a box of 200 x 200, levels 2 to 5": ((0.0, 0.0, 200.0, 200.0), 224, 4, 2, 5),
        "a box of 150 x 130, levels 2 to 5": ((4.0, 2.0, 154.0, 132.0), 224, 4, 2, 5),
        "a box of 95 x 100, levels 1 to 5": ((7.0, 6.0, 102.0, 106.0), 224, 4, 1, 5),
        "a box of 512 x 80, levels 2 to 5": ((8.0, 100.0, 520.0, 180.0), 224, 4, 2, 5),
        "a box of 112 x 112, on a border": ((5.0, 5.0, 117.0, 117.0), 224, 4, 2, 5),
        "a box of 12 x 9, levels 2 to 5": ((3.0, 4.0, 15.0, 13.0), 224, 4, 2, 5),
        "a box of 900 x 1200, levels 2 to 5": ((0.0, 0.0, 900.0, 1200.0), 224, 4, 2, 5),
        "a box of 40 x 70, mini's levels 2 to 4": ((20.0, 30.0, 60.0, 100.0), 64, 3, 2, 4),
    },
    mistakes={
        "round down (floor), so that every level has a whole octave of sizes; yours goes to the "
        "nearest": partial(_level_wrongly, to_whole=round),
        "`int` cuts towards 0, so for boxes below the canonical size it rounds up; round down": (
            partial(_level_wrongly, cut_towards_zero=True)
        ),
        "round down; yours rounds up": partial(_level_wrongly, to_whole=math.ceil),
        "the logarithm is to base 2: one level per doubling": partial(
            _level_wrongly, logarithm=math.log
        ),
        "the size of a box is the root of its area, w * h; yours is the area": partial(
            _level_wrongly, size_of=lambda w, h: w * h
        ),
        "the size of a box is the root of its area; yours is the longer side": partial(
            _level_wrongly, size_of=max
        ),
        "the size of a box is the root of its area; yours is the shorter side": partial(
            _level_wrongly, size_of=min
        ),
        "the size of a box is the root of its area; yours is the mean of its sides": partial(
            _level_wrongly, size_of=lambda w, h: (w + h) / 2
        ),
        "a level that is not there: the smallest and the largest boxes go to the finest and the "
        "coarsest one": partial(_level_wrongly, clamp=False),
        "large boxes belong to coarse levels, those with the larger number; yours go the other "
        "way": partial(_level_wrongly, sign=-1),
    },
    hints=(
        "How many times must the canonical size be doubled (or halved) to reach the box's size?",
        "That number is `log2(size / canonical_size)` with `size = sqrt(w * h)`. Add it to the "
        "canonical level, round down, and keep it within the levels that there are.",
        "`level = math.floor(canonical_level + math.log2(size / canonical_size))`, then "
        "`min(max(level, finest), coarsest)`.",
    ),
)
