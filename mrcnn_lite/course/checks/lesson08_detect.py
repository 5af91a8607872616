"""Check of lesson 08: from the two branches to detections, in the right order."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.ops import batched_nms, clip_boxes_to_image, nms
from mrcnn_lite.ops.boxes import decode_boxes

MaskBranch = Callable[[Tensor], Tensor]
BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def _over_all_classes(class_logits: Tensor) -> Tensor:
    return class_logits.softmax(dim=1)


def _detect(
    class_logits: Tensor,
    deltas: Tensor,
    proposals: Tensor,
    image_size: tuple[int, int],
    mask_branch: MaskBranch,
    score_threshold: float,
    iou_threshold: float,
    number: int,
    *,
    weights: tuple[float, ...] = BOX_WEIGHTS,
    scores_of: Callable[[Tensor], Tensor] = _over_all_classes,
    first_class: int = 1,
    best_class_only: bool = False,
    apart: bool = True,
    clip: bool = True,
    masks_of: str = "detections",
    mask_shift: int = 0,
    cut_first: bool = False,
    probability: Callable[[Tensor], Tensor] = torch.sigmoid,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes, labels, scores and masks of the detections, maybe with one thing done otherwise."""
    scores = scores_of(class_logits)
    boxes = decode_boxes(deltas.view(len(deltas), -1, 4), proposals[:, None], weights)
    if clip:
        boxes = clip_boxes_to_image(boxes, image_size)
    passed = scores > score_threshold
    passed[:, :first_class] = False
    if best_class_only:
        passed &= scores == scores.max(dim=1, keepdim=True).values
    roi, labels = passed.nonzero(as_tuple=True)
    boxes, scores = boxes[roi, labels], scores[roi, labels]
    if cut_first:
        best = scores.argsort(descending=True)[:number]
        boxes, labels, scores, roi = boxes[best], labels[best], scores[best], roi[best]
    if apart:
        keep = batched_nms(boxes, scores, labels, iou_threshold)
    else:
        keep = nms(boxes, scores, iou_threshold)
    keep = keep[:number]
    boxes, labels, scores, roi = boxes[keep], labels[keep], scores[keep], roi[keep]
    logits = mask_branch(proposals[roi] if masks_of == "proposals" else boxes)
    masks = probability(logits)[torch.arange(len(labels)), labels + mask_shift]
    return boxes, labels, scores, masks


def _without_background(class_logits: Tensor) -> Tensor:
    return torch.cat([class_logits[:, :1] * 0, class_logits[:, 1:].softmax(dim=1)], dim=1)


def _masks_of_boxes(boxes: Tensor) -> Tensor:
    """A stand-in for the mask branch: logits `Tensor[D, 4, 2, 3]` that depend on the boxes."""
    weights = torch.linspace(-1.5, 2, 4 * 4 * 2 * 3).cos().view(4, 4 * 2 * 3)
    return (boxes @ weights / 20).sin().mul(3).view(-1, 4, 2, 3)


_PROPOSALS = torch.tensor(
    [
        [10.0, 8, 42, 30],
        [12, 9, 44, 31],
        [50, 20, 76, 44],
        [48, 22, 78, 46],
        [70, 2, 90, 18],
        [20, 36, 40, 50],
    ]
)
# Class 0 is the background.
_LOGITS = torch.tensor(
    [
        [0.0, 3.0, 1.5, -1.0],
        [0.5, 2.0, 2.5, -2.0],
        [-1.0, 0.0, 0.2, 3.0],
        [0.0, -1.0, 0.0, 2.0],
        [1.0, 1.5, -1.0, 1.2],
        [4.0, 0.0, 0.5, 0.0],
    ]
)
_DELTAS = 0.6 * torch.randn(6, 16, generator=torch.Generator().manual_seed(4))
_IMAGE_SIZE = (48, 84)

detect = Exercise(
    name="detect",
    reference=_detect,
    cases={
        "6 proposals of 3 classes": (
            *(_LOGITS, _DELTAS, _PROPOSALS, _IMAGE_SIZE, _masks_of_boxes, 0.1, 0.5, 20),
        ),
        "the 3 best detections": (
            *(_LOGITS, _DELTAS, _PROPOSALS, _IMAGE_SIZE, _masks_of_boxes, 0.1, 0.5, 3),
        ),
        "a threshold that no score reaches": (
            *(_LOGITS, _DELTAS, _PROPOSALS, _IMAGE_SIZE, _masks_of_boxes, 0.99, 0.5, 20),
        ),
    },
    mistakes={
        "the mask branch reads the proposals here; it should read the detections' boxes, which are "
        "better": partial(_detect, masks_of="proposals"),
        "the masks are logits; a sigmoid makes probabilities of them": partial(
            _detect, probability=lambda logits: logits
        ),
        "the masks of the classes compete in your version (softmax); each has its own sigmoid": (
            partial(_detect, probability=partial(torch.softmax, dim=1))
        ),
        "the mask is that of another class: channel 0 is the background's, so class k has channel "
        "k": partial(_detect, mask_shift=-1),
        "background is no detection: leave class 0 out": partial(_detect, first_class=0),
        "a proposal may give a detection for each class whose score passes; you take its best "
        "class only": partial(_detect, best_class_only=True),
        "boxes of different classes suppress each other; a star in front of a ring is no copy of "
        "it": partial(_detect, apart=False),
        "the scores of the classes come from one softmax over all of them, the background "
        "included": partial(_detect, scores_of=torch.sigmoid),
        "your softmax runs over the classes without the background, so that something is found in "
        "every proposal; take the softmax first, and leave class 0 out afterwards": partial(
            _detect, scores_of=_without_background
        ),
        "you keep the `number` best before you suppress; suppress first, or copies of a box take "
        "the others' places": partial(_detect, cut_first=True),
        "the weights are missing: these deltas are multiplied by (10, 10, 5, 5)": partial(
            _detect, weights=(1.0, 1.0, 1.0, 1.0)
        ),
        "the boxes reach beyond the image; clip them before the suppression": partial(
            _detect, clip=False
        ),
        "you return all that survive; keep the `number` best": (
            lambda logits, deltas, boxes, size, branch, score, iou, number: _detect(
                logits, deltas, boxes, size, branch, score, iou, 99
            )
        ),
    },
    hints=(
        "First everything about boxes (scores, decode, clip, choose, suppress, the best), and only "
        "then the masks, of what is left.",
        "`decode_boxes(deltas.view(R, K, 4), proposals[:, None], (10, 10, 5, 5))` gives a box for "
        "each class of each proposal. `roi, label = torch.nonzero(scores[:, 1:] > threshold, "
        "as_tuple=True)` finds the pairs that pass, with labels one too small.",
        "`keep = batched_nms(boxes, scores, labels, iou_threshold)[:number]`; then "
        "`mask_branch(boxes)[torch.arange(len(labels)), labels].sigmoid()`.",
    ),
)
