"""The second stage: classify, refine and segment each proposal (Mask R-CNN, section 3)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.losses import (
    box_head_losses,
    choose_masks,
    mask_loss,
    mask_probabilities,
)
from mrcnn_lite.models.roi_features import RoIOp, crop_masks, extract_roi_features
from mrcnn_lite.models.second_stage import SecondStage

# Bins per axis of the box and the mask branch (Mask R-CNN, figure 4, right).
BOX_BINS = 7
MASK_BINS = 14


class RoIHeads(SecondStage):
    """Box branch and mask branch.

    In training both read the same sampled proposals, in parallel. At inference the mask branch
    runs on the detections only: fewer and better boxes make it faster and more accurate
    (section 3.1, "Inference").

    Any part may be replaced by one of your own: the modules, and the functions `roi_op`
    (see `mrcnn_lite.models.roi_features.RoIOp`), `box_losses` and `mask_loss` (called as
    `box_head_losses` and `mask_loss` of `mrcnn_lite.models.losses`), by assigning to the attribute.

    Args:
        config: thresholds and numbers, and by which rule a box gets its level.
        roi_op: reads a RoI's features from a map.
        box_head, box_predictor: from RoI features to logits `Tensor[R, K]` and deltas
            `Tensor[R, K * 4]`.
        mask_head, mask_predictor: from RoI features to masks' logits `Tensor[R, K, m, m]`; without
            them nothing is said of masks (Faster R-CNN).
        shared_head: what runs on a RoI's features before the branches part, if anything does.
        box_bins, mask_bins: bins per axis that each branch reads.
        num_rpn_maps: how many of the features, the last ones, serve the RPN alone.
        mask_loss: see `mrcnn_lite.models.losses.mask_loss`.
        mask_probabilities: what the logits of `Tensor[D, K, m, m]` mean, as that loss trains them:
            with labels `Tensor[D]`, to `Tensor[D, m, m]`.
    """

    def __init__(
        self,
        config: MaskRCNNConfig,
        roi_op: RoIOp,
        box_head: nn.Module,
        box_predictor: nn.Module,
        mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
        shared_head: nn.Module | None = None,
        box_bins: int = BOX_BINS,
        mask_bins: int = MASK_BINS,
        num_rpn_maps: int = 1,
        mask_loss: Callable[[Tensor, Tensor, Tensor], Tensor] = mask_loss,
        mask_probabilities: Callable[[Tensor, Tensor], Tensor] = mask_probabilities,
    ):
        super().__init__(config)
        self.roi_op = roi_op
        self.box_losses = box_head_losses
        self.mask_loss = mask_loss
        self.mask_probabilities = mask_probabilities
        self.box_bins, self.mask_bins, self.num_rpn_maps = box_bins, mask_bins, num_rpn_maps
        self.shared_head = nn.Identity() if shared_head is None else shared_head
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor

    def forward(
        self,
        images: ImageBatch,
        features: list[Tensor],
        proposals: list[Tensor],
        targets: list[dict] | None = None,
    ) -> tuple[list[dict], dict[str, Tensor]]:
        """Turn proposals into losses (with targets) or detections (without).

        Args:
            images: the batch that the features were computed from.
            features: P2, P3, ..., one `Tensor[N, C, H_k, W_k]` per level; the last, which serves
                the RPN alone, is not read. With a single map, that one.
            proposals: for each image `Tensor[P, 4]`, in pixels of the resized image.
            targets: for each image "boxes", "labels" and "masks", likewise.

        Returns:
            Detections, for each image "boxes" `Tensor[D, 4]`, "labels", "scores" `Tensor[D]` and
            "masks" `Tensor[D, m, m]`, probabilities within the box (none with targets); and the
            losses "loss_classifier", "loss_box_reg" and "loss_mask" (none without targets). Without
            a mask branch there are no masks and no loss of them.
        """
        # Half-precision maps are read in float32: converted once, not by every reading.
        number = len(features) - self.num_rpn_maps
        features = [in_full_precision(feature) for feature in features[:number]]
        if targets is not None:
            return [], self.compute_losses(images, features, proposals, targets)
        return self.detect(images, features, proposals), {}

    def compute_losses(
        self,
        images: ImageBatch,
        features: list[Tensor],
        proposals: list[Tensor],
        targets: list[dict],
    ) -> dict[str, Tensor]:
        """Sample proposals and compute the losses of both branches; see `forward`."""
        rois, labels, matched = self.sample_proposals(proposals, targets)
        roi_features = self.read_roi_features(images, features, rois, self.box_bins)
        class_logits, deltas = self.box_predictor(self.box_head(roi_features))  # [R, K], [R, 4 K]
        target_deltas = self.encode_targets(rois, targets, matched)  # [R, 4]
        class_loss, box_loss = self.box_losses(
            class_logits, deltas, torch.cat(labels), target_deltas
        )
        losses = {"loss_classifier": class_loss, "loss_box_reg": box_loss}
        object_features = None
        if self.mask_bins == self.box_bins:
            # The branches read the same features: the shared head need not run again.
            object_features = roi_features[torch.cat(labels) > 0]  # [O, C, P, P]
        # Large, and no longer needed: not to be held while the other branches run.
        del roi_features
        return losses | self.compute_object_losses(
            images, features, targets, rois, labels, matched, object_features
        )

    def compute_object_losses(
        self,
        images: ImageBatch,
        features: list[Tensor],
        targets: list[dict],
        rois: list[Tensor],
        labels: list[Tensor],
        matched: list[Tensor],
        object_features: Tensor | None,
    ) -> dict[str, Tensor]:
        """Compute the losses of what is asked of objects alone: here "loss_mask".

        Args:
            images, features, targets: as for `forward`.
            rois, labels, matched: as `sample_proposals` returns them.
            object_features: what the box branch read of the RoIs on objects, `Tensor[O, C, P, P]`,
                if the mask branch reads the same; else None.
        """
        if self.mask_head is None:
            return {}
        # Only RoIs on objects have a mask to learn: O of the R.
        positives = [torch.nonzero(image_labels > 0).squeeze(1) for image_labels in labels]
        positive_rois = [boxes[index] for boxes, index in zip(rois, positives)]
        if object_features is None:
            bins = self.mask_bins
            object_features = self.read_roi_features(images, features, positive_rois, bins)
        mask_logits = self.mask_predictor(self.mask_head(object_features))  # [O, K, m, m]
        mask_targets = [
            crop_masks(target["masks"], boxes, index[p], mask_logits.shape[-1], self.config.aligned)
            for target, boxes, index, p in zip(targets, positive_rois, matched, positives)
        ]
        positive_labels = [image_labels[p] for image_labels, p in zip(labels, positives)]
        mask_labels = choose_masks(mask_logits.shape[1], torch.cat(positive_labels))  # [O]
        # The sum of a bin's weights may round to a hair above one, which some losses refuse.
        mask_targets = torch.cat(mask_targets).clamp(0, 1)  # [O, m, m]
        return {"loss_mask": self.mask_loss(mask_logits, mask_labels, mask_targets)}

    def detect(
        self, images: ImageBatch, features: list[Tensor], proposals: list[Tensor]
    ) -> list[dict]:
        """Refine the proposals, keep the best, and segment those; see `forward`."""
        class_logits, deltas = self.predict_boxes(images, features, proposals)
        detections = self.select_detections(class_logits, deltas, proposals, images.sizes)
        if self.mask_head is None:
            return detections
        # A mask's gradient takes its box as it is, as that of a pasted one has to.
        boxes = [detection["boxes"].detach() for detection in detections]
        labels = torch.cat([detection["labels"] for detection in detections])
        masks = self.predict_masks_of(images, features, boxes, labels)  # [D_1 + D_2 + ..., m, m]
        numbers = [len(image_boxes) for image_boxes in boxes]
        for detection, image_masks in zip(detections, masks.split(numbers)):
            detection["masks"] = image_masks
        return detections

    def predict_boxes(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the box branch: logits `Tensor[R, K]` and deltas `Tensor[R, K * 4]` of all boxes."""
        roi_features = self.read_roi_features(images, features, boxes, self.box_bins)
        class_logits, deltas = self.box_predictor(self.box_head(roi_features))
        return in_full_precision(class_logits), in_full_precision(deltas)

    def predict_masks(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> Tensor:
        """Run the mask branch: logits `Tensor[R, K, m, m]` of all boxes, one mask per class."""
        roi_features = self.read_roi_features(images, features, boxes, self.mask_bins)
        return in_full_precision(self.mask_predictor(self.mask_head(roi_features)))

    def predict_masks_of(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor], labels: Tensor
    ) -> Tensor:
        """Run the mask branch, and keep one class's mask of each box.

        Args:
            images, features, boxes: as for `predict_masks`.
            labels: `Tensor[R]` of int64, the class of each box.

        Returns:
            `Tensor[R, m, m]`: each pixel's probability to belong to the object.
        """
        mask_logits = self.predict_masks(images, features, boxes)
        masks = choose_masks(mask_logits.shape[1], labels)
        return self.mask_probabilities(mask_logits, masks)

    def read_roi_features(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor], bins: int
    ) -> Tensor:
        """Run the RoI operation and the shared head: `Tensor[R, C, P, P]` of all boxes.

        P is `bins`, or what the shared head leaves of them: half.
        """
        roi_features = extract_roi_features(
            features, boxes, images.padded_size, bins, self.config, self.roi_op
        )
        return self.shared_head(roi_features)


def in_full_precision(values: Tensor) -> Tensor:
    """Under autocast the layers work in half precision: too coarse for boxes, scores, losses."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
