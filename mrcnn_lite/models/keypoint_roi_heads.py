"""The second stage with one more question: where each object's keypoints are (section 5)."""

import torch
from torch import Tensor, nn

from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.keypoints import find_keypoints, keypoint_loss
from mrcnn_lite.models.roi_heads import RoIHeads, in_full_precision


class KeypointRoIHeads(RoIHeads):
    """Box branch, mask branch if there is one, and keypoint branch, in parallel.

    Like the mask branch the keypoint branch learns from RoIs on objects, and at inference runs on
    the detections only.

    Args:
        *arguments: those of `RoIHeads`; keypoints are read with the mask branch's bins.
        keypoint_head, keypoint_predictor: from RoI features to maps of logits
            `Tensor[R, K, m, m]`, one for each keypoint, whatever the class.
        **keywords: those of `RoIHeads`.
    """

    def __init__(
        self,
        *arguments,
        keypoint_head: nn.Module,
        keypoint_predictor: nn.Module,
        **keywords,
    ):
        super().__init__(*arguments, **keywords)
        self.keypoint_loss = keypoint_loss
        self.keypoint_head = keypoint_head
        self.keypoint_predictor = keypoint_predictor

    def compute_object_losses(
        self,
        images: ImageBatch,
        features: list[Tensor],
        targets: list[dict],
        rois: list[Tensor],
        labels: list[Tensor],
        matched: list[Tensor],
        roi_features: Tensor | None,
    ) -> dict[str, Tensor]:
        """Compute "loss_keypoint" beside the mask branch's loss; arguments as there.

        Each target has "keypoints" `Tensor[G, K, 3]`, too: x, y in pixels of the resized image, and
        visibility.
        """
        losses = super().compute_object_losses(
            images, features, targets, rois, labels, matched, roi_features
        )
        positives = [torch.nonzero(image_labels > 0).squeeze(1) for image_labels in labels]
        object_rois = [boxes[index] for boxes, index in zip(rois, positives)]  # O in all
        keypoints = [
            target["keypoints"][index[p]] for target, index, p in zip(targets, matched, positives)
        ]
        logits = self.predict_keypoints(images, features, object_rois)  # [O, K, m, m]
        loss = self.keypoint_loss(logits, torch.cat(keypoints), torch.cat(object_rois))
        return losses | {"loss_keypoint": loss}

    def detect(
        self, images: ImageBatch, features: list[Tensor], proposals: list[Tensor]
    ) -> list[dict]:
        """Find the keypoints of what is detected, too.

        Returns:
            For each image, beside what `RoIHeads` gives, "keypoints" `Tensor[D, K, 3]` and
            "keypoints_scores" `Tensor[D, K]` (see `find_keypoints`).
        """
        detections = super().detect(images, features, proposals)
        boxes = [detection["boxes"].detach() for detection in detections]
        keypoints, scores = self.predict_keypoints_of(images, features, boxes)
        numbers = [len(image_boxes) for image_boxes in boxes]
        for detection, *found in zip(detections, keypoints.split(numbers), scores.split(numbers)):
            detection["keypoints"], detection["keypoints_scores"] = found
        return detections

    def predict_keypoints(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> Tensor:
        """Run the keypoint branch: logits `Tensor[R, K, m, m]` of all boxes."""
        roi_features = self.read_roi_features(images, features, boxes, self.mask_bins)
        return in_full_precision(self.keypoint_predictor(self.keypoint_head(roi_features)))

    def predict_keypoints_of(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the keypoint branch, and read places and scores from its maps."""
        return find_keypoints(self.predict_keypoints(images, features, boxes), torch.cat(boxes))
