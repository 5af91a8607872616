"""Checks of lesson 01: run lengths, IoU, average precision."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise


def _rle_encode(mask: np.ndarray) -> list[int]:
    return _run_lengths(mask.flatten(order="F"))


def _run_lengths(pixels: np.ndarray) -> list[int]:
    changes = np.flatnonzero(np.diff(np.concatenate([[0], pixels])))
    return np.diff(np.concatenate([[0], changes, [len(pixels)]])).tolist()


def _without_last_run(mask: np.ndarray) -> list[int]:
    return _rle_encode(mask)[:-1]


def _starting_with_first_pixel(mask: np.ndarray) -> list[int]:
    counts = _rle_encode(mask)
    return counts[1:] if counts[0] == 0 else counts


def _rows_first(mask: np.ndarray) -> list[int]:
    return _run_lengths(mask.flatten())


_MASKS = {
    "a mask of 2 x 3 pixels": [[0, 1, 1], [0, 0, 1]],
    "a mask whose first pixel belongs to the object": [[1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]],
    "a mask without an object": [[0, 0], [0, 0], [0, 0]],
    "a mask filled by the object": [[1, 1, 1], [1, 1, 1]],
    "a mask whose last pixel is background": [[0, 1, 0, 0, 0], [1, 1, 0, 1, 0]],
}

rle_encode = Exercise(
    name="rle_encode",
    reference=_rle_encode,
    cases={name: (np.array(mask, dtype=np.uint8),) for name, mask in _MASKS.items()},
    mistakes={
        "you go along the rows, but COCO goes down the columns": _rows_first,
        "the first count is of background pixels; where the first pixel belongs to the object, "
        "that count is 0, not left out": _starting_with_first_pixel,
        "the last run is missing: a run also ends where the mask ends": _without_last_run,
    },
    hints=(
        "Write the pixels in one line first: in which order does COCO read them?",
        "`mask.flatten(order='F')` reads column by column. Then walk along it and count equal "
        "neighbours, starting with background.",
        "Keep `current = 0` and `run = 0`. For each pixel: if it is not `current`, append `run`, "
        "switch `current` and set `run = 0`; then add 1 to `run`. After the loop append `run`.",
    ),
)


def _pairwise_iou(
    boxes: Tensor,
    others: Tensor,
    extra_pixel: float = 0.0,
    clamp: bool = True,
    union: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda a, b, overlap: a + b - overlap,
) -> Tensor:
    """IoU of all pairs, and what it becomes under some mistakes."""
    upper_left = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    lower_right = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = lower_right - upper_left + extra_pixel
    overlap = (sides.clamp(min=0) if clamp else sides).prod(dim=2)
    area, other_area = (
        (group[:, 2:] - group[:, :2] + extra_pixel).prod(dim=1) for group in (boxes, others)
    )
    return overlap / union(area[:, None], other_area[None], overlap)


box_iou = Exercise(
    name="box_iou",
    reference=_pairwise_iou,
    cases={
        "3 boxes against 2": (
            torch.tensor([[0.0, 0.0, 4.0, 3.0], [1.0, 1.0, 6.0, 9.0], [7.5, 2.0, 9.0, 4.5]]),
            torch.tensor([[2.0, 1.0, 7.0, 4.0], [0.0, 0.0, 4.0, 3.0]]),
        ),
        "a box that lies in another": (
            torch.tensor([[1.0, 2.0, 9.0, 7.0]]),
            torch.tensor([[2.0, 3.0, 5.0, 4.0], [1.0, 2.0, 9.0, 7.0]]),
        ),
        "boxes apart along both axes": (
            torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 8.0, 2.0, 9.0]]),
            torch.tensor([[5.0, 3.0, 6.0, 7.0]]),
        ),
    },
    mistakes={
        "boxes that lie apart along both axes overlap in your version: a width and a height "
        "below 0 multiply to an area over 0": lambda a, b: _pairwise_iou(a, b, clamp=False),
        "a box from x1 to x2 is x2 - x1 wide; the + 1 belongs to data sets whose boxes name "
        "their last pixel": lambda a, b: _pairwise_iou(a, b, extra_pixel=1.0),
        "the union counts the overlap twice": lambda a, b: _pairwise_iou(
            a, b, union=lambda area, other, overlap: area + other
        ),
        "you divide by the smaller box's area, not by the union's": lambda a, b: _pairwise_iou(
            a, b, union=lambda area, other, overlap: torch.minimum(area, other)
        ),
        "you divide by the first box's area, not by the union's": lambda a, b: _pairwise_iou(
            a, b, union=lambda area, other, overlap: area
        ),
        "the result is transposed: rows belong to the first argument": lambda a, b: _pairwise_iou(
            b, a
        ),
    },
    hints=(
        "Where two boxes overlap they overlap in a box. What are its four edges?",
        "Its upper left corner is the maximum of both upper left corners, its lower right one the "
        "minimum. `boxes[:, None]` and `others[None]` make PyTorch form all pairs.",
        "`sides = (torch.minimum(boxes[:, None, 2:], others[None, :, 2:]) - "
        "torch.maximum(boxes[:, None, :2], others[None, :, :2])).clamp(min=0)`; the overlap is "
        "`sides.prod(dim=2)`, and the union both areas minus the overlap.",
    ),
)


def _envelope(precision: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(precision[::-1])[::-1]


def _area_under_envelope(precision: np.ndarray, recall: np.ndarray) -> float:
    return _area_of_steps(_envelope(precision), recall)


def _area_of_steps(precision: np.ndarray, recall: np.ndarray) -> float:
    return float((precision * np.diff(recall, prepend=0)).sum())


def _area_of_trapezoids(precision: np.ndarray, recall: np.ndarray) -> float:
    height = (precision[1:] + precision[:-1]) / 2
    return float((height * np.diff(recall)).sum() + precision[0] * recall[0])


def _envelope_from_the_left(precision: np.ndarray, recall: np.ndarray) -> float:
    return _area_of_steps(np.maximum.accumulate(precision), recall)


def _without_first_rectangle(precision: np.ndarray, recall: np.ndarray) -> float:
    return float((_envelope(precision)[1:] * np.diff(recall)).sum())


def _over_reached_recall(precision: np.ndarray, recall: np.ndarray) -> float:
    return _area_under_envelope(precision, recall) / recall[-1]


def _sampled(num_points: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def average(precision: np.ndarray, recall: np.ndarray) -> float:
        places = np.searchsorted(recall, np.linspace(0, 1, num_points))
        return float(np.append(_envelope(precision), 0)[places].mean())

    return average


area_under_envelope = Exercise(
    name="area_under_envelope",
    reference=_area_under_envelope,
    cases={
        "6 detections, 3 of 5 objects found": (
            np.array([1, 1 / 2, 1 / 3, 2 / 4, 3 / 5, 3 / 6]),
            np.array([0.2, 0.2, 0.2, 0.4, 0.6, 0.6]),
        ),
        "a wrong detection first": (
            np.array([0, 1 / 2, 2 / 3, 2 / 4, 3 / 5]),
            np.array([0, 1 / 3, 2 / 3, 2 / 3, 1]),
        ),
        "detections that are all right": (np.array([1.0, 1.0]), np.array([0.25, 0.5])),
    },
    mistakes={
        "the envelope is missing: at a recall r, take the best precision at r or at any higher "
        "recall": _area_of_steps,
        "the envelope takes the best precision so far; it should look ahead, to higher "
        "recall": _envelope_from_the_left,
        "you join the points by straight lines (trapezoids); between two recalls the curve is a "
        "step": _area_of_trapezoids,
        "you divide by the recall reached; objects never found should cost "
        "something": _over_reached_recall,
        "the first rectangle is missing: it reaches from recall 0 to the first recall (`np.diff` "
        "of D recalls gives D - 1 widths)": _without_first_rectangle,
        "this samples 101 points, as COCO does; here the exact area is wanted": _sampled(101),
        "this samples 11 points, as Pascal VOC did until 2009; here the exact area is "
        "wanted": _sampled(11),
    },
    hints=(
        "Draw the points of one case on paper, then the envelope over them. It is made of steps: "
        "the area is a sum of rectangles.",
        "Walk from the last detection to the first and keep the highest precision seen: that is "
        "the envelope. Each rectangle is as wide as recall grew at that detection.",
        "`np.maximum.accumulate` keeps the highest so far; turn `precision` round before, and the "
        "result after. The first rectangle is as wide as the first recall.",
    ),
)
