"""What kind of mistake each detection is: AP says how good a model is, this says what to mend.

The kinds are close to those of Bolya et al. 2020, "TIDE: A General Toolbox for Identifying Object
Detection Errors", with one more for masks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mrcnn_lite.ops import box_iou
from mrcnn_lite.ops.masks import mask_iou

KINDS = ("correct", "duplicate", "mask", "class", "box", "background")
MASK_THRESHOLD = 0.5
# From this IoU on a detection has found the object, below the other it has nothing to do with it.
FOUND_IOU = 0.5
TOUCHED_IOU = 0.1


@dataclass(frozen=True)
class ErrorKinds:
    """The verdict on one image's detections.

    Attributes:
        kind_of_detection: for each detection, one of `KINDS`:
            "correct": of the right class, mask IoU with a true object at least 0.5;
            "duplicate": it would be, but a better one has found that object already;
            "mask": class and box (IoU at least 0.5) are right, the mask is not;
            "class": the box is that of an object of another class;
            "box": of the right class, but the box is only roughly there (IoU at least 0.1);
            "background": nothing of the kind is there.
        found: `Tensor[G]` of bool, the true objects that a correct detection has found; the others
            are missed.
    """

    kind_of_detection: list[str]
    found: Tensor

    def count(self) -> dict[str, int]:
        """How often each of `KINDS` occurs, and "missed"."""
        counts = {kind: self.kind_of_detection.count(kind) for kind in KINDS}
        return counts | {"missed": int((~self.found).sum())}


def sort_errors(
    detections: Mapping[str, Tensor], target: Mapping[str, Tensor], min_score: float = 0.5
) -> ErrorKinds:
    """Say of each detection of one image which kind of mistake it is, if any.

    Args:
        detections: as `MaskRCNN.forward` returns them, best first.
        target: the image's "boxes" `Tensor[G, 4]`, "labels" `Tensor[G]`, "masks" `Tensor[G, H, W]`.
        min_score: detections below are left out.

    Returns:
        the verdict; its `kind_of_detection` is as long as there are detections of that score.
    """
    keep = detections["scores"] >= min_score
    boxes, labels = detections["boxes"][keep], detections["labels"][keep]
    masks = detections["masks"][keep, 0] > MASK_THRESHOLD
    number = len(target["labels"])
    found = torch.zeros(number, dtype=torch.bool, device=labels.device)
    if number == 0:
        return ErrorKinds(["background"] * len(labels), found)
    of_boxes = box_iou(boxes, target["boxes"].to(boxes))
    of_masks = mask_iou(masks, target["masks"].bool())
    same_class = labels[:, None] == target["labels"]
    kinds = []
    for box_ious, mask_ious, same in zip(of_boxes, of_masks, same_class):
        right = mask_ious.where(same, 0)
        open_to_it = right.where(~found, 0)
        if open_to_it.max() >= FOUND_IOU:
            found[open_to_it.argmax()] = True
            kinds.append("correct")
        elif right.max() >= FOUND_IOU:
            kinds.append("duplicate")
        elif box_ious.where(same, 0).max() >= FOUND_IOU:
            kinds.append("mask")
        elif box_ious.where(~same, 0).max() >= FOUND_IOU:
            kinds.append("class")
        elif box_ious.where(same, 0).max() >= TOUCHED_IOU:
            kinds.append("box")
        else:
            kinds.append("background")
    return ErrorKinds(kinds, found)
