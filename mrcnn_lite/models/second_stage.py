"""Boxes of the second stage: RoIs and targets in training, the best boxes at inference.

The heads are in `mrcnn_lite.models.heads`; what runs them, on these boxes, is
`mrcnn_lite.models.roi_heads` (Mask R-CNN, section 3), and for FCIS `mrcnn_lite.models.fcis`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.ops import batched_nms, box_iou, clip_boxes_to_image, remove_small_boxes
from mrcnn_lite.ops.boxes import decode_boxes, encode_boxes, match_boxes, sample_balanced

# Narrower detections, in pixels, are dropped.
MIN_DETECTION_SIZE = 1e-2


class SecondStage(nn.Module):
    """What every second stage does with boxes, whatever heads it has (Fast R-CNN, section 2).

    In training: choose RoIs among the proposals and say what each should become. At inference:
    refine the proposals and keep the best. The heads are a subclass's.

    Args:
        config: thresholds and numbers, its `box_*` fields and `bbox_reg_weights`.
    """

    def __init__(self, config: MaskRCNNConfig):
        super().__init__()
        self.config = config

    def sample_proposals(
        self, proposals: list[Tensor], targets: list[dict]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Choose the RoIs to train on and say what each should become (Fast R-CNN, section 2.3).

        The ground-truth boxes join the proposals, so that there is something to learn from while
        the RPN still proposes nonsense.

        Returns:
            For each image: RoIs `Tensor[R, 4]`; labels `Tensor[R]`, 0 for background; and the index
            of the object each is matched with, `Tensor[R]`, 0 for background.
        """
        sampled, labels, matched = [], [], []
        for boxes, target in zip(proposals, targets):
            true_boxes = target["boxes"].to(boxes.dtype)
            boxes = torch.cat([boxes, true_boxes])  # [P + G, 4]
            matches = match_boxes(
                box_iou(true_boxes, boxes),  # [G, P + G]
                self.config.box_fg_iou_thresh,
                self.config.box_bg_iou_thresh,
                keep_best_of_each=False,
            )
            box_labels = matches.clamp(max=0)
            is_object = matches >= 0
            box_labels[is_object] = target["labels"][matches[is_object]]
            # -1 becomes background, -2 (between the thresholds) is ignored.
            box_labels[matches == -1] = 0
            chosen = sample_balanced(
                box_labels,
                self.config.box_batch_size_per_image,
                self.config.box_positive_fraction,
            )
            # In the proposals' order, so that the result does not hang on the draw's.
            chosen = torch.cat(chosen).sort().values  # [R]
            sampled.append(boxes[chosen])
            labels.append(box_labels[chosen])
            matched.append(matches[chosen].clamp(min=0))
        return sampled, labels, matched

    def encode_targets(
        self, rois: list[Tensor], targets: list[dict], matched: list[Tensor]
    ) -> Tensor:
        """Say by which deltas each sampled RoI would become its object's box.

        Args:
            rois, matched: as `sample_proposals` returns them.
            targets: for each image "boxes".

        Returns:
            `Tensor[R, 4]`; the rows of background mean nothing.
        """
        true_boxes = [
            target["boxes"][index] if len(target["boxes"]) else torch.zeros_like(boxes)
            for target, index, boxes in zip(targets, matched, rois)
        ]
        return encode_boxes(torch.cat(true_boxes), torch.cat(rois), self.config.bbox_reg_weights)

    def select_detections(
        self,
        class_logits: Tensor,
        deltas: Tensor,
        proposals: list[Tensor],
        image_sizes: list[tuple[int, int]],
    ) -> list[dict]:
        """Refine the proposals and keep the best: score threshold, NMS class by class, top D.

        A proposal may give several detections, one for each class whose score passes.

        Args:
            class_logits: `Tensor[R, K]` of the proposals of all images.
            deltas: `Tensor[R, K * 4]`, likewise.
            proposals: for each image `Tensor[P, 4]`.
            image_sizes: (height, width) to clip the boxes to.

        Returns:
            For each image "boxes", "labels" and "scores", best first.
        """
        num_classes = class_logits.shape[1]
        numbers = [len(boxes) for boxes in proposals]
        boxes = decode_boxes(
            deltas.reshape(-1, num_classes, 4),
            torch.cat(proposals)[:, None],
            self.config.bbox_reg_weights,
        )  # [R, K, 4]
        scores = F.softmax(class_logits, dim=-1)  # [R, K]
        return [
            self.keep_best(image_boxes, image_scores, size)
            for image_boxes, image_scores, size in zip(
                boxes.split(numbers), scores.split(numbers), image_sizes
            )
        ]

    def keep_best(self, boxes: Tensor, scores: Tensor, image_size: tuple[int, int]) -> dict:
        """Choose one image's detections: score threshold, NMS class by class, top D.

        Args:
            boxes: `Tensor[P, K, 4]`, each candidate's box if it is of class k.
            scores: `Tensor[P, K]`; class 0, the background, is not detected.
            image_size: (height, width) to clip the boxes to.

        Returns:
            "boxes" `Tensor[D, 4]`, "labels" and "scores" `Tensor[D]`, best first.
        """
        boxes = clip_boxes_to_image(boxes, image_size)
        passed = scores[:, 1:] > self.config.box_score_thresh  # [P, K - 1]
        candidate, label = torch.nonzero(passed, as_tuple=True)  # [C], [C]
        label = label + 1
        boxes, scores = boxes[candidate, label], scores[candidate, label]  # [C, 4], [C]
        keep = remove_small_boxes(boxes, MIN_DETECTION_SIZE)
        suppressed = batched_nms(boxes[keep], scores[keep], label[keep], self.config.box_nms_thresh)
        keep = keep[suppressed[: self.config.box_detections_per_img]]
        return {"boxes": boxes[keep], "labels": label[keep], "scores": scores[keep]}
