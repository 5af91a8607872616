"""Checks of lesson 07: recall of proposals, labels of anchors, a box as four deltas."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.ops import box_iou
from mrcnn_lite.ops.boxes import encode_boxes, match_boxes


def _proposal_recall(proposals: Tensor, boxes: Tensor, threshold: float) -> Tensor:
    return (box_iou(boxes, proposals) >= threshold).any(dim=1).float().mean()


def _best_overlaps(proposals: Tensor, boxes: Tensor) -> Tensor:
    # A column of zeros, so that no proposals give no overlap.
    overlaps = torch.cat([box_iou(boxes, proposals), torch.zeros(len(boxes), 1)], dim=1)
    return overlaps.max(dim=1).values


def _one_to_one_recall(proposals: Tensor, boxes: Tensor, threshold: float) -> Tensor:
    """Recall if each proposal could cover one object only, the first one that it fits."""
    free, covered = torch.ones(len(proposals), dtype=torch.bool), 0
    for overlaps in box_iou(boxes, proposals):
        fitting = (free & (overlaps >= threshold)).nonzero().flatten()
        if len(fitting):
            free[fitting[overlaps[fitting].argmax()]] = False
            covered += 1
    return torch.tensor(covered / len(boxes))


_OBJECTS = torch.tensor([[10.0, 20, 50, 40], [60, 5, 90, 65], [0, 70, 16, 78]])
_PROPOSALS = torch.tensor(
    [
        [12.0, 20, 50, 44],
        [8, 18, 50, 40],
        [60, 15, 80, 65],
        [0, 0, 9, 9],
        [0, 70, 8, 78],
        [70, 80, 99, 99],
        [50, 0, 90, 70],
    ]
)

proposal_recall = Exercise(
    name="proposal_recall",
    reference=_proposal_recall,
    cases={
        "7 proposals and 3 objects": (_PROPOSALS, _OBJECTS, 0.6),
        "the same at a threshold that one IoU meets exactly": (_PROPOSALS, _OBJECTS, 0.5),
        "more objects than proposals": (_PROPOSALS[:2], _OBJECTS, 0.5),
        "no proposals": (_PROPOSALS[:0], _OBJECTS, 0.5),
        "2 objects beside each other that one proposal covers": (
            torch.tensor([[8.0, 20, 50, 40], [60, 5, 90, 65]]),
            torch.tensor([[10.0, 20, 50, 40], [4, 20, 48, 40]]),
            0.7,
        ),
    },
    mistakes={
        "this is the share of the proposals that cover an object; asked is the share of the "
        "objects that a proposal covers": lambda proposals, boxes, threshold: (
            (box_iou(boxes, proposals) >= threshold).any(dim=0).float().mean().nan_to_num()
        ),
        "this counts pairs; an object that two proposals cover counts once": (
            lambda proposals, boxes, threshold: (
                (box_iou(boxes, proposals) >= threshold).sum() / len(boxes)
            )
        ),
        "a proposal may cover two objects; yours is used up by the first": _one_to_one_recall,
        "this is the number of objects covered; the share of all objects is asked": (
            lambda proposals, boxes, threshold: (
                _proposal_recall(proposals, boxes, threshold) * len(boxes)
            )
        ),
        "an IoU equal to the threshold is enough (>=, not >)": (
            lambda proposals, boxes, threshold: (
                (box_iou(boxes, proposals) > threshold).any(dim=1).float().mean()
            )
        ),
        "this is the mean of the best overlaps; recall only asks whether each reaches the "
        "threshold": lambda proposals, boxes, threshold: _best_overlaps(proposals, boxes).mean(),
    },
    hints=(
        "`box_iou(boxes, proposals)` has a row for each object. When is the object of a row "
        "covered?",
        "Compare the IoUs with the threshold: that gives true and false. A row with any true in it "
        "is an object that is covered.",
        "`(box_iou(boxes, proposals) >= threshold).any(dim=1)` says it of each object; the share "
        "is the mean of that as numbers (`.float()`).",
    ),
)


def _anchor_labels(iou: Tensor, high: float, low: float, keep_best: bool = True) -> Tensor:
    matches = match_boxes(iou, high, low, keep_best)
    return torch.where(matches >= 0, 1, matches + 1)


def _labels_wrongly(
    iou: Tensor,
    high: float,
    low: float,
    best: str = "all ties",
    between: int = -1,
    strict: bool = False,
    background_by: Callable[[Tensor], Tensor] = lambda below: below.all(dim=0),
    background_first: bool = False,
) -> Tensor:
    """The labels under some mistakes; without objects all mistakes give background."""
    if len(iou) == 0:
        return torch.zeros(iou.shape[1])
    best_iou = iou.max(dim=0).values
    labels = torch.full_like(best_iou, between)
    is_object = best_iou > high if strict else best_iou >= high
    labels[is_object] = 1
    labels[background_by(iou < low)] = 0
    if background_first:
        labels[is_object] = 1
    is_best = (iou == iou.max(dim=1, keepdim=True).values).any(dim=0)
    if best == "first":
        labels[iou.argmax(dim=1)] = 1
    elif best == "before the background":
        labels[is_best & (best_iou >= low)] = 1
    else:
        labels[is_best] = 1
    return labels


def _any_object(below: Tensor) -> Tensor:
    return below.any(dim=0)


# Sixteenths, so that an IoU can be equal to a threshold in any arithmetic.
_IOU = (
    torch.tensor(
        [
            [0.0, 2, 14, 5, 7, 0, 1, 12],
            [3, 9, 1, 0, 8, 9, 0, 2],
            [0, 0, 0, 2, 0, 1, 3, 0],
        ]
    )
    / 16
)

# The first anchor is between the thresholds for both objects, the last one for one of them.
_SHARED_IOU = torch.tensor([[6.0, 13, 2, 8], [5, 3, 14, 1]]) / 16

anchor_labels = Exercise(
    name="anchor_labels",
    reference=_anchor_labels,
    cases={
        "3 objects and 8 anchors": (_IOU, 0.75, 0.25),
        "the same with other thresholds": (_IOU, 0.5, 0.1875),
        "2 objects that share an anchor": (_SHARED_IOU, 0.75, 0.25),
        "an object that every anchor misses by far": (_IOU[2:], 0.75, 0.25),
        "an image without objects": (_IOU[:0], 0.75, 0.25),
    },
    mistakes={
        "an object whose IoU with every anchor is below the upper threshold has none now; the best "
        "anchor of each object is 1, however low its IoU": partial(_anchor_labels, keep_best=False),
        "the best anchor of an object is 1 even if its IoU is below the lower threshold; yours "
        "becomes background again": partial(_labels_wrongly, best="before the background"),
        "two anchors may be equally good for an object, and then both are 1; yours takes the first "
        "(`argmax`)": partial(_labels_wrongly, best="first"),
        "between the thresholds an anchor is neither: -1, so that it is ignored": partial(
            _labels_wrongly, between=0
        ),
        "an IoU equal to the upper threshold is enough for a 1 (>=, not >)": partial(
            _labels_wrongly, strict=True
        ),
        "an anchor is background if *all* its IoUs are below the lower threshold, so that its best "
        "one is; in yours a single one is enough": partial(
            _labels_wrongly, background_by=_any_object
        ),
        "an anchor is background if *all* its IoUs are below the lower threshold, so that its best "
        "one is; in yours a single one is enough, unless it is a 1 already": partial(
            _labels_wrongly, background_by=_any_object, background_first=True
        ),
        "every anchor has a best object; that alone does not make it a 1. What counts is each "
        "object's best anchor": lambda iou, high, low: torch.full(
            (iou.shape[1],), float(len(iou) > 0)
        ),
    },
    hints=(
        "Start from the lesson's two thresholds. Then look at each *object*: which anchor is best "
        "for it?",
        "`iou.max(dim=1, keepdim=True).values` is each object's best IoU. An anchor is somebody's "
        "best where its IoU with that object equals it. Without objects there is no maximum: "
        "return zeros before you take one.",
        "After the thresholds: `is_best = (iou == best_of_each).any(dim=0)`, then "
        "`labels[is_best] = 1`. In this order, so that nothing overwrites it.",
    ),
)


def _encode_box(box: Tensor, anchor: Tensor) -> Tensor:
    return encode_boxes(box, anchor, (1.0, 1.0, 1.0, 1.0))


def _encode_wrongly(
    box: Tensor,
    anchor: Tensor,
    place: float = 0.5,
    in_pixels: bool = False,
    own_size: bool = False,
    swapped: bool = False,
) -> Tensor:
    sizes = box[2:] - box[:2]
    anchor_sizes = anchor[2:] - anchor[:2]
    shift = box[:2] + place * sizes - anchor[:2] - place * anchor_sizes
    unit = sizes if own_size else anchor_sizes
    if not in_pixels:
        shift = shift / (unit.flip(0) if swapped else unit)
    return torch.cat([shift, (sizes / anchor_sizes).log()])


def _with_sizes(box: Tensor, anchor: Tensor, change) -> Tensor:
    deltas = _encode_box(box, anchor)
    return torch.cat([deltas[:2], change(deltas[2:])])


encode_box = Exercise(
    name="encode_box",
    reference=_encode_box,
    cases={
        "a box beside its anchor, of the same size": (
            torch.tensor([30.0, 8, 70, 28]),
            torch.tensor([20.0, 10, 60, 30]),
        ),
        "a box of another size about the same centre": (
            torch.tensor([30.0, 5, 50, 35]),
            torch.tensor([20.0, 10, 60, 30]),
        ),
        "a box with another place, size and shape": (
            torch.tensor([3.0, 50, 23, 98]),
            torch.tensor([-8.0, 40, 24, 56]),
        ),
    },
    mistakes={
        "dx and dy go from centre to centre; yours go from corner to corner": partial(
            _encode_wrongly, place=0.0
        ),
        "box and anchor are swapped: the anchor is what the deltas start from, the box where they "
        "lead to": lambda box, anchor: _encode_box(anchor, box),
        "dx and dy are in pixels; divide by the anchor's width and height": partial(
            _encode_wrongly, in_pixels=True
        ),
        "you divide by the size of the box; the network knows only the anchor's": partial(
            _encode_wrongly, own_size=True
        ),
        "dx goes with the anchor's width and dy with its height; yours are swapped": partial(
            _encode_wrongly, swapped=True
        ),
        "dw and dh are the plain ratios of the sizes; their logarithm is asked": lambda *case: (
            _with_sizes(*case, torch.exp)
        ),
        "dw and dh are the ratio less 1; that is close to the logarithm for small changes only": (
            lambda *case: _with_sizes(*case, torch.expm1)
        ),
        "the ratio in the logarithm is upside down: a box larger than its anchor has positive dw "
        "and dh": lambda *case: _with_sizes(*case, torch.neg),
        "the logarithm is the natural one (`torch.log`), so that `exp` undoes it": lambda *case: (
            _with_sizes(*case, lambda value: value / torch.tensor(2.0).log())
        ),
    },
    hints=(
        "First centre and size of both, as in lesson 00's `refine_box`. Then turn its four "
        "equations around.",
        "dx = (x - x_a) / w_a and dw = log(w / w_a), where the subscript a is the anchor's.",
        "With `size = box[2:] - box[:2]` and `center = (box[:2] + box[2:]) / 2`, and the same of "
        "the anchor: the shift is `(center - anchor_center) / anchor_size`, the rest "
        "`torch.log(size / anchor_size)`; join them with `torch.cat`.",
    ),
)
