"""Checks of lesson 10: parts put together, what a RoI is, and which of its pixels are it."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise


def _maps(channels: int, parts: int, height: int, width: int) -> tuple[Tensor, int]:
    """Score maps of `channels` classes and parts x parts parts, already cut to a RoI."""
    generator = torch.Generator().manual_seed(10)
    return torch.randn(channels * parts**2, height, width, generator=generator), parts


def _assemble(
    maps: Tensor,
    parts: int,
    *,
    number: Callable[[Tensor, Tensor, int], Tensor] = lambda row, column, k: row * k + column,
    split: Callable[[Tensor, int], Tensor] = lambda maps, k: maps.unflatten(0, (-1, k**2)),
    part: Callable[[Tensor, int, int], Tensor] = lambda place, k, side: place * k // side,
) -> Tensor:
    """Take each pixel from the map of the part that it lies in, and some wrong answers."""
    height, width = maps.shape[-2:]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    part_row, part_column = part(rows, parts, height), part(columns, parts, width)
    numbers = number(part_row, part_column, parts).expand(height, width)
    return split(maps, parts)[:, numbers, rows, columns]


def _sum_of_parts(maps: Tensor, parts: int) -> Tensor:
    return maps.unflatten(0, (-1, parts**2)).sum(dim=1)


assemble_parts = Exercise(
    name="assemble_parts",
    reference=_assemble,
    cases={
        "1 class, 2 x 2 parts, 4 x 4 pixels": _maps(1, 2, 4, 4),
        "3 classes, 3 x 3 parts, 6 x 9 pixels": _maps(3, 3, 6, 9),
        "2 classes, 1 part, 2 x 3 pixels": _maps(2, 1, 2, 3),
        "2 classes, 7 x 7 parts, 21 x 21 pixels": _maps(2, 7, 21, 21),
    },
    mistakes={
        "rows and columns of the parts are swapped: the map of part (row, column) has number "
        "row * k + column": partial(_assemble, number=lambda row, column, k: column * k + row),
        "the channels are split the wrong way round: all k * k parts of a class follow each "
        "other, then comes the next class": partial(
            _assemble, split=lambda maps, k: maps.unflatten(0, (k**2, -1)).transpose(0, 1)
        ),
        "neighbouring pixels get the parts in turn; each part is a block of neighbouring "
        "pixels": partial(_assemble, part=lambda place, k, side: place % k),
        "all parts are added up at every pixel; a pixel reads one map, that of its part": (
            _sum_of_parts
        ),
        "all parts are averaged at every pixel; a pixel reads one map, that of its part": (
            lambda maps, parts: _sum_of_parts(maps, parts) / parts**2
        ),
        "every pixel reads the same part's map; which part it is depends on where the pixel lies "
        "in the RoI": partial(_assemble, number=lambda row, column, k: 0 * (row + column)),
        "every pixel reads the map of the part after its own; part (row, column) has number row * "
        "k + column, counted from 0": partial(
            _assemble, number=lambda row, column, k: (row * k + column + 1) % k**2
        ),
        "the parts are counted from the bottom right": partial(
            _assemble, number=lambda row, column, k: k**2 - 1 - (row * k + column)
        ),
    },
    hints=(
        "Which part does pixel row i of m rows lie in, if k parts share the rows evenly? Try m = 6 "
        "and k = 3 by hand.",
        "`maps.unflatten(0, (-1, k * k))` has the classes first and the parts second. Each block "
        "of pixels is then copied from one part's map.",
        "Loop over the k * k parts: with s = m // k rows and t = n // k columns to a part, the "
        "pixels [row * s : (row + 1) * s, column * t : (column + 1) * t] of part row * k + column.",
    ),
)


def _scores(number: int, classes: int, side: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(100 + number)
    return tuple(
        2 * torch.randn(number, classes, side, side + 1, generator=generator) for _ in range(2)
    )


def _class_probabilities(
    inside: Tensor,
    outside: Tensor,
    *,
    join: Callable[[Tensor, Tensor], Tensor] = torch.maximum,
    pool: Callable[[Tensor], Tensor] = lambda scores: scores.mean(dim=(2, 3)),
    normalise: Callable[[Tensor], Tensor] = lambda logits: logits.softmax(dim=1),
) -> Tensor:
    """What each RoI is, by FCIS's rule, and some wrong answers."""
    return normalise(pool(join(inside, outside)))


class_probabilities = Exercise(
    name="class_probabilities",
    reference=_class_probabilities,
    cases={
        "2 RoIs, 3 classes, 2 x 3 pixels": _scores(2, 3, 2),
        "4 RoIs, 7 classes, 4 x 5 pixels": _scores(4, 7, 4),
        "no RoIs": _scores(0, 3, 2),
    },
    mistakes={
        "you add inside and outside; a pixel that is surely inside is surely not outside, and the "
        "two would cancel. Take the larger": partial(_class_probabilities, join=torch.add),
        "you average inside and outside; a pixel that is surely inside is surely not outside, and "
        "the two would cancel. Take the larger": partial(
            _class_probabilities, join=lambda inside, outside: (inside + outside) / 2
        ),
        "you leave the background out; it is a class like the others, or no RoI could be "
        "empty": partial(
            _class_probabilities, normalise=lambda logits: logits[:, 1:].softmax(dim=1)
        ),
        "you take inside scores alone; a pixel outside of the object speaks for its class, "
        "too": partial(_class_probabilities, join=lambda inside, outside: inside),
        "you take outside scores alone; take the larger of the two": partial(
            _class_probabilities, join=lambda inside, outside: outside
        ),
        "you take the smaller of inside and outside; a pixel speaks for a class if either is "
        "large": partial(_class_probabilities, join=torch.minimum),
        "you take the largest pixel of each RoI; the RoI's score is the mean over its "
        "pixels": partial(_class_probabilities, pool=lambda scores: scores.amax(dim=(2, 3))),
        "you take the sum over the pixels; the mean does not depend on their number": partial(
            _class_probabilities, pool=lambda scores: scores.sum(dim=(2, 3))
        ),
        "these are logits; a softmax over the classes makes probabilities of them": partial(
            _class_probabilities, normalise=lambda logits: logits
        ),
        "you have a sigmoid for each class; a RoI is of one class, so they share one "
        "probability": partial(_class_probabilities, normalise=torch.sigmoid),
        "the softmax runs over the RoIs; the classes are axis 1": partial(
            _class_probabilities, normalise=lambda logits: logits.softmax(dim=0)
        ),
        "you average inside and outside first and take the larger of two means; the larger is "
        "taken pixel by pixel": lambda inside, outside: torch.maximum(
            inside.mean(dim=(2, 3)), outside.mean(dim=(2, 3))
        ).softmax(dim=1),
    },
    hints=(
        "Three steps, in the order of the formula: join the two scores of each pixel, bring the "
        "pixels together, compare the classes.",
        "`torch.maximum` joins two tensors element by element. The pixels are axes 2 and 3.",
        "`torch.maximum(inside, outside).mean(dim=(2, 3))` are the classes' logits. What makes "
        "probabilities of logits?",
    ),
)


def _with_labels(number: int, classes: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    return *_scores(number, classes, side), torch.tensor([2, 1, 2, 2])[:number]


def _object_mask(
    inside: Tensor,
    outside: Tensor,
    labels: Tensor,
    *,
    choose: Callable[[Tensor], Tensor] = lambda labels: labels,
    compare: Callable[[Tensor, Tensor], Tensor] = lambda inside, outside: torch.sigmoid(
        inside - outside
    ),
) -> Tensor:
    """Which pixels of each RoI are the object, by FCIS's rule, and some wrong answers."""
    everything = torch.arange(len(labels))
    chosen = choose(labels)
    return compare(inside[everything, chosen], outside[everything, chosen])


def _over_classes(inside: Tensor, outside: Tensor, labels: Tensor) -> Tensor:
    return inside.softmax(dim=1)[torch.arange(len(labels)), labels]


object_mask = Exercise(
    name="object_mask",
    reference=_object_mask,
    cases={
        "2 RoIs, 3 classes, 2 x 3 pixels": _with_labels(2, 3, 2),
        "4 RoIs, 4 classes, 3 x 4 pixels": _with_labels(4, 4, 3),
        # So sure that exp overflows.
        "1 RoI, scores of 200": (
            torch.full((1, 3, 2, 3), 200.0),
            torch.full((1, 3, 2, 3), 199.0),
            torch.tensor([1]),
        ),
        "no RoIs": (
            torch.zeros(0, 3, 2, 3),
            torch.zeros(0, 3, 2, 3),
            torch.zeros(0, dtype=torch.int64),
        ),
    },
    mistakes={
        "inside and outside are swapped: the mask's complement": partial(
            _object_mask, compare=lambda inside, outside: torch.sigmoid(outside - inside)
        ),
        "you take the sigmoid of the inside score alone; here inside and outside compete, and "
        "the pixel goes to the larger": partial(
            _object_mask, compare=lambda inside, outside: torch.sigmoid(inside)
        ),
        "the softmax runs over the classes; it runs over inside and outside of the one class": (
            _over_classes
        ),
        "you take class label - 1; class 0 is the background, so scores k belong to label "
        "k": partial(_object_mask, choose=lambda labels: labels - 1),
        "yes or no is asked for as a probability: do not compare with a threshold yet": partial(
            _object_mask, compare=lambda inside, outside: (inside > outside).float()
        ),
        "you take the difference of the scores; a softmax makes a probability of it": partial(
            _object_mask, compare=lambda inside, outside: inside - outside
        ),
        "scores are divided, not their exponentials: inside / (inside + outside) is no "
        "softmax": partial(
            _object_mask, compare=lambda inside, outside: inside / (inside + outside)
        ),
        "scores of 200 give not-a-number: exp(200) is too large. Use `softmax`, or the sigmoid of "
        "the difference": partial(
            _object_mask,
            compare=lambda inside, outside: inside.exp() / (inside.exp() + outside.exp()),
        ),
    },
    hints=(
        "First get two `Tensor[R, m, n]`: each RoI's inside and outside scores of its class.",
        "`inside[torch.arange(R), labels]`. Then two numbers compete at each pixel: a softmax of "
        "two.",
        "The softmax of two numbers is the sigmoid of their difference.",
    ),
)
