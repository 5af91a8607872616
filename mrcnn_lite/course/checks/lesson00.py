"""Checks of lesson 00: anchors counted, boxes refined, masks chosen."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.ops.boxes import decode_boxes


def _count_anchors(height: int, width: int, strides: Sequence[int], per_cell: int) -> int:
    return per_cell * sum((height // stride) * (width // stride) for stride in strides)


count_anchors = Exercise(
    name="count_anchors",
    reference=_count_anchors,
    cases={
        "a square picture": (128, 128, [4, 8, 16, 32], 3),
        "a wide picture": (64, 192, [8, 16], 5),
        "a single level": (96, 32, [16], 2),
    },
    mistakes={
        "the map of a wide picture is wide, too: both sides count": (
            lambda height, width, strides, per_cell: _count_anchors(
                height, height, strides, per_cell
            )
        ),
        "this counts cells; each bears several anchors": (
            lambda height, width, strides, per_cell: _count_anchors(height, width, strides, 1)
        ),
        "this counts the finest level only": lambda height, width, strides, per_cell: (
            _count_anchors(height, width, strides[:1], per_cell)
        ),
        "a stride makes the map smaller along both axes": (
            lambda height, width, strides, per_cell: (
                per_cell * sum(height * width // stride for stride in strides)
            )
        ),
    },
    hints=(
        "How many cells has a map of stride 4 over a picture of 128 x 128 pixels?",
        "A level of stride s has (height // s) x (width // s) cells. Add up the levels.",
        "`sum(... for stride in strides)` adds up the cells of all levels. Each cell bears "
        "`per_cell` anchors.",
    ),
)


def _refine_box(box: Tensor, deltas: Tensor) -> Tensor:
    return decode_boxes(deltas, box, (1.0, 1.0, 1.0, 1.0))


def _refine_wrongly(
    box: Tensor,
    deltas: Tensor,
    from_corner: bool = False,
    shift_in_pixels: bool = False,
    plain_factor: bool = False,
    swapped: bool = False,
    whole_size: bool = False,
) -> Tensor:
    start, size = box[:2], box[2:] - box[:2]
    shift, log_scale = deltas[:2], deltas[2:]
    center = start if from_corner else start + size / 2
    center = center + shift * (1 if shift_in_pixels else size.flip(0) if swapped else size)
    new_size = size * (1 + log_scale if plain_factor else log_scale.exp())
    first = center if from_corner else center - new_size / (1 if whole_size else 2)
    return torch.cat([first, first + new_size * (2 if whole_size else 1)])


refine_box = Exercise(
    name="refine_box",
    reference=_refine_box,
    cases={
        "a box that moves": (torch.tensor([10.0, 20, 50, 30]), torch.tensor([0.1, -0.5, 0.0, 0.0])),
        "a box that grows": (torch.tensor([10.0, 20, 50, 30]), torch.tensor([0.0, 0.0, 0.7, -0.4])),
        "a box that does both": (
            torch.tensor([3.0, 4, 9, 20]),
            torch.tensor([0.2, 0.3, -0.2, 0.5]),
        ),
    },
    mistakes={
        "dx and dy move the centre, and the box grows about its centre; yours starts from the "
        "corner": lambda box, deltas: _refine_wrongly(box, deltas, from_corner=True),
        "dx and dy are shares of the box's width and height, not pixels": (
            lambda box, deltas: _refine_wrongly(box, deltas, shift_in_pixels=True)
        ),
        "dw and dh are logarithms: the width is multiplied by exp(dw)": (
            lambda box, deltas: _refine_wrongly(box, deltas, plain_factor=True)
        ),
        "dx goes with the width and dy with the height; yours are swapped": (
            lambda box, deltas: _refine_wrongly(box, deltas, swapped=True)
        ),
        "a box reaches half its size to each side of its centre; you divide by 2 too seldom": (
            lambda box, deltas: _refine_wrongly(box, deltas, whole_size=True)
        ),
        "this is (centre, size); the corners (x1, y1, x2, y2) are wanted": lambda box, deltas: (
            torch.cat(
                [
                    (_refine_box(box, deltas)[:2] + _refine_box(box, deltas)[2:]) / 2,
                    _refine_box(box, deltas)[2:] - _refine_box(box, deltas)[:2],
                ]
            )
        ),
    },
    hints=(
        "Go from corners to centre and size, change those, and go back.",
        "New centre: old centre + (dx, dy) times the old size. New size: old size times "
        "exp((dw, dh)).",
        "`size = box[2:] - box[:2]` and `center = box[:2] + size / 2 + deltas[:2] * size`. Then "
        "the new size, and half of it to either side of the centre.",
    ),
)


def _choose_masks(mask_logits: Tensor, labels: Tensor) -> Tensor:
    return mask_logits[torch.arange(len(labels)), labels].sigmoid()


_LOGITS = torch.linspace(-2.5, 3.0, 3 * 4 * 2 * 3).sin().mul(4).reshape(3, 4, 2, 3)

choose_masks = Exercise(
    name="choose_masks",
    reference=_choose_masks,
    cases={
        "3 detections of 4 classes": (_LOGITS, torch.tensor([2, 1, 3])),
        "2 detections of one class": (_LOGITS[1:], torch.tensor([1, 1])),
        "no detection": (_LOGITS[:0], torch.tensor([], dtype=torch.int64)),
    },
    mistakes={
        "the masks of the classes do not compete: take a sigmoid of one mask, not a softmax over "
        "all": lambda logits, labels: logits.softmax(dim=1)[torch.arange(len(labels)), labels],
        "these are still logits; a sigmoid makes them probabilities": (
            lambda logits, labels: logits[torch.arange(len(labels)), labels]
        ),
        "you are one class off: channel 0 is the background's, so the mask of class k is channel "
        "k": lambda logits, labels: _choose_masks(logits, labels - 1),
        "you take the strongest class at each pixel; the box branch has decided on the class "
        "already": lambda logits, labels: logits.max(dim=1).values.sigmoid(),
    },
    hints=(
        "Which of the K masks of a detection is wanted? The box branch knows.",
        "`mask_logits[d, labels[d]]` is the mask of detection d. Then make probabilities of it.",
        "Two lists of numbers as indices pick one entry for each pair: "
        "`mask_logits[torch.arange(len(labels)), ...]`. A sigmoid makes probabilities.",
    ),
)
