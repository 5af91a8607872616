"""Checks of lesson 11b: targets from a mask picture, a split without a leak, sizes in cells."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise

Ids = tuple[list[int], list[int]]


def _present(numbers: Tensor) -> list[int]:
    return [number for number in numbers.unique().tolist() if number > 0]


def _all_up_to_the_last(numbers: Tensor) -> list[int]:
    return list(range(1, int(numbers.max()) + 1))


def _one_for_all(numbers: Tensor) -> list[int]:
    return _present(numbers)[:1]


def _targets_of_people(
    numbers: Tensor,
    *,
    people: Callable[[Tensor], list[int]] = _present,
    belongs: Callable[[Tensor, int], Tensor] = lambda numbers, number: numbers == number,
    end: int = 1,
    swapped: bool = False,
    label: Callable[[int], int] = lambda number: 1,
    keep_numbers: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, labels and masks of a mask picture, and what they become under some mistakes."""
    boxes, labels, masks = [], [], []
    for number in people(numbers):
        mask = belongs(numbers, number)
        rows, columns = mask.nonzero(as_tuple=True)
        box = [0.0, 0.0, 0.0, 0.0]
        if len(rows):
            ends = (columns.min(), rows.min(), columns.max() + end, rows.max() + end)
            box = [float(edge) for edge in ends]
        if swapped:
            box = [box[1], box[0], box[3], box[2]]
        boxes.append(box)
        labels.append(label(number))
        masks.append(mask.to(torch.uint8) * (number if keep_numbers else 1))
    return torch.tensor(boxes), torch.tensor(labels), torch.stack(masks)


_THREE = torch.zeros(6, 9, dtype=torch.int64)
_THREE[1:5, 1:3] = 1
_THREE[2:6, 4:7] = 2
_THREE[0:2, 7:9] = 3
# A picture that was cut: person 2 is no longer in it.
_GAP = torch.zeros(5, 8, dtype=torch.int64)
_GAP[0:3, 5:8] = 3
_GAP[2:4, 0:4] = 1
# One person behind a lamp post, in two parts.
_PARTS = torch.zeros(7, 6, dtype=torch.int64)
_PARTS[2:6, 1] = 1
_PARTS[1:7, 3:5] = 1

targets_of_people = Exercise(
    name="targets_of_people",
    reference=_targets_of_people,
    cases={
        "three people": (_THREE,),
        "persons 1 and 3 of a picture that was cut": (_GAP,),
        "one person in two parts": (_PARTS,),
    },
    mistakes={
        "0 is the background, and no person; yours has a mask and a box for it, too": partial(
            _targets_of_people, people=lambda numbers: numbers.unique().tolist()
        ),
        "a label is a class, and all these are of class 1, person; yours is the number by which "
        "the picture tells one person from another": partial(
            _targets_of_people, label=lambda number: number
        ),
        "class 0 is the background, so the first class is 1; your labels are 0": partial(
            _targets_of_people, label=lambda number: 0
        ),
        "a box ends where its last pixel ends, at that pixel's number + 1; yours ends where that "
        "pixel begins": partial(_targets_of_people, end=0),
        "x and y are swapped: a box is (x1, y1, x2, y2), x along the columns": partial(
            _targets_of_people, swapped=True
        ),
        "you count from 1 to the largest number, but a number may be missing, for example where "
        "a picture was cut; `unique` says which there are": partial(
            _targets_of_people, people=_all_up_to_the_last
        ),
        "your masks hold everybody; each should hold one person alone": partial(
            _targets_of_people, belongs=lambda numbers, number: numbers > 0
        ),
        "yours is one mask for all people, a semantic segmentation without instances": partial(
            _targets_of_people,
            people=_one_for_all,
            belongs=lambda numbers, number: numbers > 0,
        ),
        "a mask is 0 or 1; yours hold the person's number": partial(
            _targets_of_people, keep_numbers=True
        ),
    },
    hints=(
        "First find out which numbers there are, then treat one person after the other: the mask, "
        "and from it the box.",
        "`numbers.unique()` lists the numbers. `(numbers == number).nonzero(as_tuple=True)` gives "
        "the rows and the columns of a person's pixels.",
        "The box goes from the smallest column and row to the largest ones + 1. In the end stack "
        "the masks, and make as many labels 1 as there are masks.",
    ),
)


def _hold_out_runs(
    number: int,
    run: int,
    held_out: int,
    *,
    first_id: int = 1,
    is_held_out: Callable[[int, int, int], bool] = lambda i, run, held_out: (
        i % run >= run - held_out
    ),
    also_to_train: bool = False,
    swapped: bool = False,
) -> Ids:
    """Ids to train and to measure on, and what they become under some mistakes."""
    places = range(number)
    test = [i + first_id for i in places if is_held_out(i, run, held_out)]
    train = [i + first_id for i in places if also_to_train or not is_held_out(i, run, held_out)]
    return (test, train) if swapped else (train, test)


hold_out_runs = Exercise(
    name="hold_out_runs",
    reference=_hold_out_runs,
    cases={
        "12 pictures, the last 2 of every 6": (12, 6, 2),
        "11 pictures, the last 1 of every 4": (11, 4, 1),
        "20 pictures, the last 3 of every 7": (20, 7, 3),
    },
    mistakes={
        "picture ids begin with 1; yours begin with 0": partial(_hold_out_runs, first_id=0),
        "you hold out the first pictures of each run; it should be the last": partial(
            _hold_out_runs, is_held_out=lambda i, run, held_out: i % run < held_out
        ),
        "the runs begin at picture 1; yours are shifted by one: id 1 is place 0 of the first "
        "run": partial(
            _hold_out_runs, is_held_out=lambda i, run, held_out: (i + 1) % run >= run - held_out
        ),
        "your held-out pictures are also trained on: what is measured on them says nothing about "
        "new ones": partial(_hold_out_runs, also_to_train=True),
        "you hold out single pictures spread over the whole, whose neighbours are trained on; "
        "hold out the last ones of each run": partial(
            _hold_out_runs,
            is_held_out=lambda i, run, held_out: (i * held_out) % run >= run - held_out,
        ),
        "you hold out the last pictures of the whole, which are all from one place": partial(
            _hold_out_runs, is_held_out=lambda i, run, held_out: False
        ),
        "the ids to train on come first; yours are the other way round": partial(
            _hold_out_runs, swapped=True
        ),
    },
    hints=(
        "Count the pictures from 0. Which place within its run does picture i have?",
        "The place within the run is `i % run`. The last `held_out` of the `run` places are to be "
        "held out.",
        "Go through `range(number)`; id i + 1 is held out if `i % run >= run - held_out`.",
    ),
)


def _size_in_cells(
    area: float,
    height: int,
    width: int,
    min_size: int,
    max_size: int,
    stride: int,
    *,
    scale_of: Callable[[int, int, int, int], float] = lambda height, width, least, most: min(
        least / min(height, width), most / max(height, width)
    ),
    root: Callable[[float], float] = math.sqrt,
    cells: Callable[[float, int], float] = lambda size, stride: size / stride,
    scale_the_area: bool = False,
) -> float:
    """The square root of a mask's area in feature cells, also under some mistakes."""
    scale = scale_of(height, width, min_size, max_size)
    if scale_the_area:
        return cells(root(area * scale), stride)
    return cells(root(area) * scale, stride)


size_in_cells = Exercise(
    name="size_in_cells",
    reference=_size_in_cells,
    cases={
        "14,400 pixels of a picture of 384 x 512, stride 8": (14400.0, 384, 512, 192, 320, 8),
        "10,000 pixels of a long picture, 300 x 900, stride 4": (10000.0, 300, 900, 192, 320, 4),
        "6,400 pixels of a tall picture, 720 x 240, stride 16": (6400.0, 720, 240, 192, 320, 16),
        "2,500 pixels of a picture that is enlarged, stride 8": (2500.0, 150, 160, 300, 500, 8),
    },
    mistakes={
        "an object's size is the square root of its area; yours is the area": partial(
            _size_in_cells, root=lambda area: area
        ),
        "lengths are scaled by the factor, areas by its square; you scaled the area as if it were "
        "a length": partial(_size_in_cells, scale_the_area=True),
        "the model resizes the picture before it computes features; your size is in pixels of the "
        "photograph": partial(_size_in_cells, scale_of=lambda height, width, least, most: 1.0),
        "the longer side may not exceed `max_size`: take the smaller of the two factors": partial(
            _size_in_cells,
            scale_of=lambda height, width, least, most: least / min(height, width),
        ),
        "you took the larger of the two factors; both limits have to hold": partial(
            _size_in_cells,
            scale_of=lambda height, width, least, most: max(
                least / min(height, width), most / max(height, width)
            ),
        ),
        "your factor goes by the longer side alone": partial(
            _size_in_cells, scale_of=lambda height, width, least, most: most / max(height, width)
        ),
        "you took the height for the shorter side; in a tall picture that is the width": partial(
            _size_in_cells,
            scale_of=lambda height, width, least, most: min(least / height, most / width),
        ),
        "your factor is upside down: it is the new side divided by the old one": partial(
            _size_in_cells,
            scale_of=lambda height, width, least, most: (
                1 / min(least / min(height, width), most / max(height, width))
            ),
        ),
        "your size is in pixels of the resized picture; a cell covers `stride` of them": partial(
            _size_in_cells, cells=lambda size, stride: size
        ),
        "this is a length, not an area: divide by the stride, not by its square": partial(
            _size_in_cells, cells=lambda size, stride: size / stride**2
        ),
        "you rounded to whole cells; nothing is rounded here": partial(
            _size_in_cells, cells=lambda size, stride: float(round(size / stride))
        ),
    },
    hints=(
        "Three steps: the object's size in the photograph, the same in the resized picture, and "
        "that in cells.",
        "The picture is resized so that the shorter side becomes `min_size`, unless the longer one "
        "would then exceed `max_size`. So there are two factors, and the smaller one holds.",
        "`min(min_size / min(height, width), max_size / max(height, width))` is the factor. "
        "Multiply the square root of the area by it, and divide by the stride.",
    ),
)
