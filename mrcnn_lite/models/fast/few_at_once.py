"""The second stage a few RoIs at a time: as built, models detect so on a CPU.

Takes the place of `RoIHeads.predict_boxes` and `predict_masks_of`, and of `KeypointRoIHeads`'
`predict_keypoints_of`, which run each branch on all RoIs at once: the features and activations of a
thousand of them go to memory and back, those of a few stay in the processor's cache.
docs/results/model.md has what inference takes with it. On other devices, which want as much work as
there is, and in training nothing changes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from mrcnn_lite.models.fast.enlarge import enlarge_by_products
from mrcnn_lite.models.fast.one_mask import OneMaskPredictor
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.keypoint_roi_heads import KeypointRoIHeads
from mrcnn_lite.models.keypoints import find_keypoints
from mrcnn_lite.models.losses import choose_masks
from mrcnn_lite.models.roi_heads import RoIHeads, in_full_precision

# So many at a time, which a CPU's cache holds.
BOXES_AT_ONCE = 256
MASKS_AT_ONCE = 16
# Convolutional heads take more, since each call of theirs first makes its kernels' values (see
# `winograd.py`): half of the hundred detections that a picture has at most.
HEADS_AT_ONCE = 50


class RoIHeadsFewAtOnce(RoIHeads):
    """Box branch and mask branch, at inference a few RoIs at a time."""

    def predict_boxes(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the box branch: logits `Tensor[R, K]` and deltas `Tensor[R, K * 4]` of all boxes."""
        if features[0].device.type != "cpu":
            return super().predict_boxes(images, features, boxes)
        class_logits, deltas = [], []
        for few in _few_at_once(boxes):
            few_logits, few_deltas = super().predict_boxes(images, features, few)
            class_logits.append(few_logits)
            deltas.append(few_deltas)
        return torch.cat(class_logits), torch.cat(deltas)

    def predict_masks_of(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor], labels: Tensor
    ) -> Tensor:
        """Run the mask branch, and keep one class's mask of each box: `Tensor[R, m, m]`."""
        if features[0].device.type != "cpu":
            return super().predict_masks_of(images, features, boxes, labels)
        roi_features = self.read_roi_features(images, features, boxes, self.mask_bins)
        probabilities = []
        for some, some_labels in _parts(HEADS_AT_ONCE, roi_features, labels):
            hidden = self.mask_head(some)  # [S, C', P, P] or [S, C']
            for few, few_labels in _parts(MASKS_AT_ONCE, hidden, some_labels):
                probabilities.append(self._predict_few_masks(few, few_labels))
        return torch.cat(probabilities)

    def _predict_few_masks(self, hidden: Tensor, labels: Tensor) -> Tensor:
        predictor = self.mask_predictor
        if isinstance(predictor, OneMaskPredictor):
            masks = choose_masks(predictor.num_masks, labels)
            return in_full_precision(predictor.predict_one(hidden, masks)).sigmoid()  # [F, m, m]
        logits = in_full_precision(predictor(hidden))  # [F, K, m, m]
        return self.mask_probabilities(logits, choose_masks(logits.shape[1], labels))


class KeypointRoIHeadsFewAtOnce(KeypointRoIHeads, RoIHeadsFewAtOnce):
    """Keypoint branch beside them, at inference a few RoIs at a time, too."""

    def predict_keypoints_of(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the keypoint branch, and read places and scores from its maps."""
        if features[0].device.type != "cpu":
            return super().predict_keypoints_of(images, features, boxes)
        roi_features = self.read_roi_features(images, features, boxes, self.mask_bins)
        found = []
        for some, some_boxes in _parts(HEADS_AT_ONCE, roi_features, torch.cat(boxes)):
            hidden = self.keypoint_head(some)  # [S, C', P, P]
            for few, few_boxes in _parts(MASKS_AT_ONCE, hidden, some_boxes):
                logits = in_full_precision(self.keypoint_predictor(few))  # [F, K, m, m]
                found.append(find_keypoints(logits, few_boxes, enlarge_by_products))
        keypoints, scores = zip(*found)
        return torch.cat(keypoints), torch.cat(scores)


def _parts(number: int, *tables: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Give so many rows of all tables at a time; of empty ones, once none."""
    return zip(*(table.split(number) for table in tables))


def _few_at_once(boxes: list[Tensor]) -> Iterator[list[Tensor]]:
    """Give all boxes in turn, as lists for all images: a few of one image, none of the others."""
    no_boxes = [image_boxes[:0] for image_boxes in boxes]
    for i, image_boxes in enumerate(boxes):
        for few in image_boxes.split(BOXES_AT_ONCE):
            yield [*no_boxes[:i], few, *no_boxes[i + 1 :]]
