"""Checks of lesson 07: suppression level by level, and from the head's output to proposals."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.ops import (
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    nms,
    remove_small_boxes,
)
from mrcnn_lite.ops.boxes import decode_boxes


def _nms_slow(
    boxes: Tensor,
    scores: Tensor,
    levels: Tensor,
    iou_threshold: float,
    *,
    only_kept: bool = True,
    equal_goes: bool = False,
    any_level: bool = False,
    descending: bool = True,
) -> Tensor:
    """Suppression with one thing done otherwise."""
    overlaps = box_iou(boxes, boxes)
    over = overlaps >= iou_threshold if equal_goes else overlaps > iou_threshold
    if not any_level:
        over &= levels[:, None] == levels
    kept, seen = [], []
    for index in scores.argsort(descending=descending).tolist():
        if not over[index, kept if only_kept else seen].any():
            kept.append(index)
        seen.append(index)
    return torch.tensor(kept)


def _level_after_level(
    boxes: Tensor, scores: Tensor, levels: Tensor, iou_threshold: float
) -> Tensor:
    parts = []
    for level in levels.unique():
        of_level = (levels == level).nonzero().squeeze(1)
        parts.append(of_level[nms(boxes[of_level], scores[of_level], iou_threshold)])
    return torch.cat(parts)


# A row of boxes of one level, each overlapping the next; and on top of it boxes of another level.
_CHAIN = torch.tensor(
    [
        [0.0, 0, 60, 30],
        [12, 0, 72, 30],
        [24, 0, 84, 30],
        [36, 0, 96, 30],
        [24, 2, 84, 32],
        [100, 50, 108, 58],
        [100, 50, 108, 54],
        [13, 0, 73, 30],
    ]
)
_CHAIN_SCORES = torch.tensor([0.6, 0.9, 0.7, 0.5, 0.8, 0.3, 0.4, 0.2])
_CHAIN_LEVELS = torch.tensor([2, 2, 2, 2, 1, 2, 2, 1])

nms_by_level = Exercise(
    name="nms_by_level",
    reference=batched_nms,
    cases={
        "8 boxes on 2 levels": (_CHAIN, _CHAIN_SCORES, _CHAIN_LEVELS, 0.5),
        "the same with a lower threshold": (_CHAIN, _CHAIN_SCORES, _CHAIN_LEVELS, 0.3),
        "boxes of a single level": (_CHAIN[:4], _CHAIN_SCORES[:4], _CHAIN_LEVELS[:4], 0.5),
    },
    mistakes={
        "boxes of different levels suppress each other; each level is for itself": partial(
            _nms_slow, any_level=True
        ),
        "a box that has been suppressed goes on suppressing others; only kept boxes may": partial(
            _nms_slow, only_kept=False
        ),
        "an IoU equal to the threshold is not enough to go; it has to exceed it": partial(
            _nms_slow, equal_goes=True
        ),
        "you begin with the lowest score; the best box comes first": partial(
            _nms_slow, descending=False
        ),
        "you return one level after the other; the indices should go by falling score over all "
        "levels": _level_after_level,
        "these are the right boxes in the order in which they came; sort them by falling score": (
            lambda *case: batched_nms(*case).sort().values
        ),
    },
    hints=(
        "Lesson 00's `slow_nms` does it for one level. What has to be true of two boxes, beside "
        "their overlap, for one to suppress the other?",
        "Go through the boxes by falling score. Keep one unless a box that you *kept*, of the same "
        "level, overlaps it by more than the threshold.",
        "`overlaps = box_iou(boxes, boxes)`; for each `index` of "
        "`scores.argsort(descending=True).tolist()` look at all `other` in `kept`: is "
        "`levels[other] == levels[index] and overlaps[other, index] > iou_threshold` true of any? "
        "If not, `kept.append(index)`.",
    ),
)


def _propose(
    anchors: Tensor,
    deltas: Tensor,
    objectness: Tensor,
    image_size: tuple[int, int],
    pre_nms: int,
    post_nms: int,
    iou_threshold: float,
    *,
    ignore_deltas: bool = False,
    clip: Callable[[Tensor, tuple[int, int]], Tensor] = clip_boxes_to_image,
    clip_last: bool = False,
    drop_empty: bool = True,
    suppress_anchors: bool = False,
    cut_first: bool = False,
    scores_of_best: bool = True,
    scores_kept: bool = True,
) -> Tensor:
    """From the head's output to proposals, maybe with one thing done otherwise."""
    best = objectness.topk(min(pre_nms, len(objectness))).indices
    scores, boxes = objectness[best] if scores_of_best else objectness, anchors[best]
    if not ignore_deltas:
        boxes = decode_boxes(deltas[best], boxes, (1.0, 1.0, 1.0, 1.0))
    if not clip_last:
        boxes = clip(boxes, image_size)
    if drop_empty:
        keep = remove_small_boxes(clip(boxes, image_size), 1e-3)
        boxes, scores, best = boxes[keep], scores[keep] if scores_kept else scores, best[keep]
    if cut_first:
        boxes, scores, best = boxes[:post_nms], scores[:post_nms], best[:post_nms]
    keep = nms(anchors[best] if suppress_anchors else boxes, scores, iou_threshold)[:post_nms]
    return clip(boxes[keep], image_size)


def _swapped_clip(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    return clip_boxes_to_image(boxes, image_size[::-1])


_ANCHORS = torch.tensor(
    [
        [0.0, 0, 32, 16],
        [4, 2, 36, 18],
        [40, 10, 72, 42],
        [44, 14, 76, 46],
        [70, 30, 102, 46],
        [-30, 20, 2, 52],
        [60, 0, 92, 32],
        [66, -20, 98, 12],
        [10, 30, 26, 46],
        [12, 30, 28, 46],
        [74, 33, 106, 49],
    ]
)
_DELTAS = torch.tensor(
    [
        [0.1, -0.1, 0.2, 0.1],
        [0.0, 0.0, 0.2, 0.2],
        [0.0, 0.1, -0.2, 0.3],
        [-0.5, 0.1, 0.4, 0.0],
        [0.0, 0.3, 0.5, 0.4],
        [-0.2, 0.1, 0.0, 0.1],
        [0.1, 0.1, 0.1, 0.1],
        [0.2, -0.1, 0.3, 0.0],
        [0.3, 0.2, 0.3, 0.3],
        [-0.6, -0.7, -0.2, 0.1],
        [0.4, 0.1, 0.85, 0.4],
    ]
)
_OBJECTNESS = torch.tensor([1.5, 2.0, -0.5, 0.5, 3.0, 2.5, -2.0, 0.1, 1.0, 0.8, 2.8])

propose = Exercise(
    name="propose",
    reference=_propose,
    cases={
        "11 anchors, all of them looked at": (
            *(_ANCHORS, _DELTAS, _OBJECTNESS, (48, 80), 20, 20, 0.6),
        ),
        "the 7 anchors with the highest logits": (
            *(_ANCHORS, _DELTAS, _OBJECTNESS, (48, 80), 7, 20, 0.6),
        ),
        "5 anchors in the image": (
            *(_ANCHORS[:5], _DELTAS[:5], _OBJECTNESS[:5], (48, 80), 20, 20, 0.6),
        ),
        "the best 3 proposals": (*(_ANCHORS, _DELTAS, _OBJECTNESS, (48, 80), 9, 3, 0.6),),
    },
    mistakes={
        "these are the anchors; the deltas have to move them": partial(
            _propose, ignore_deltas=True
        ),
        "the boxes reach beyond the image; clip them": partial(
            _propose, clip=lambda boxes, image_size: boxes
        ),
        "you clip after the suppression; two boxes may differ only in what lies off the image, so "
        "clip first": partial(_propose, clip_last=True),
        "a box that lies wholly off the image has no area once it is clipped; leave it out": (
            partial(_propose, drop_empty=False)
        ),
        "width and height of the image are swapped: `image_size` is (height, width)": partial(
            _propose, clip=_swapped_clip
        ),
        "you suppress by the overlap of the anchors; it is their boxes, decoded, that compete": (
            partial(_propose, suppress_anchors=True)
        ),
        "you decode all anchors and forget to keep the `pre_nms` best": (
            lambda anchors, deltas, objectness, size, pre_nms, *rest: _propose(
                anchors, deltas, objectness, size, len(anchors), *rest
            )
        ),
        "you return all boxes that survive; keep the first `post_nms`": (
            lambda anchors, deltas, objectness, size, pre_nms, post_nms, threshold: _propose(
                anchors, deltas, objectness, size, pre_nms, len(anchors), threshold
            )
        ),
        "you keep `post_nms` boxes before you suppress; suppress first, or copies of a box take "
        "the others' places": partial(_propose, cut_first=True),
        "your boxes are those of the best anchors, but your scores those of all anchors in their "
        "old order: index the scores, too, before you suppress": partial(
            _propose, scores_of_best=False
        ),
        "boxes and scores go along together: where you leave boxes out, leave their scores out, "
        "too, before you suppress": partial(_propose, scores_kept=False),
        "you take the first anchors of the list, not those with the highest objectness": (
            lambda anchors, deltas, objectness, size, pre_nms, *rest: _propose(
                *(part[:pre_nms] for part in (anchors, deltas, objectness)), size, pre_nms, *rest
            )
        ),
        "nothing is suppressed; near-copies of the best boxes take the others' places": (
            lambda anchors, deltas, objectness, size, pre_nms, post_nms, threshold: _propose(
                anchors, deltas, objectness, size, pre_nms, post_nms, 1.0
            )
        ),
    },
    hints=(
        "Five steps, and a function for each of them: choose, decode, clip, drop what is empty, "
        "suppress. In which order?",
        "`best = objectness.topk(min(pre_nms, len(objectness))).indices` chooses. Then use "
        "`decode_boxes(..., (1, 1, 1, 1))`, `clip_boxes_to_image`, `remove_small_boxes` (which "
        "returns indices) and `nms` (indices again, best first).",
        "Let boxes and scores go along together: `keep = remove_small_boxes(boxes, 1e-3)`, "
        "`boxes, scores = boxes[keep], scores[keep]`, and last "
        "`boxes[nms(boxes, scores, iou_threshold)[:post_nms]]`.",
    ),
)
