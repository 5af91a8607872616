"""The second stage: classify, refine and segment each proposal (Mask R-CNN, section 3)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mrcnn_lite.models.c4 import SHARED_BINS, AveragePool
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.heads import BoxHead, BoxPredictor, make_mask_branch
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.losses import (
    box_head_losses,
    mask_loss,
    mask_probabilities,
    softmax_mask_loss,
)
from mrcnn_lite.models.roi_features import extract_roi_features, make_roi_op
from mrcnn_lite.models.second_stage import SecondStage, in_full_precision
from mrcnn_lite.ops import roi_align

# Bins per axis of the box and the mask branch (Mask R-CNN, figure 4).
BOX_BINS = 7
MASK_BINS = 14
# At inference on a CPU so many at a time, which its cache holds.
BOXES_AT_ONCE = 256
MASKS_AT_ONCE = 16


class RoIHeads(SecondStage):
    """Box branch and mask branch.

    In training both read the same sampled proposals, in parallel. At inference the mask branch
    runs on the detections only: fewer and better boxes make it faster and more accurate
    (section 3.1, "Inference").

    Any part may be replaced by one of your own: the modules, and the functions `roi_op`
    (see `mrcnn_lite.models.roi_features.RoIOp`), `box_losses` and `mask_loss` (called as
    `box_head_losses` and `mask_loss` of `mrcnn_lite.models.losses`), by assigning to the attribute.

    Args:
        in_channels: channels of the RoI features that the branches get.
        config: every choice.
        shared_head: what runs on a RoI's features before the branches part; with a pyramid nothing.
    """

    def __init__(
        self, in_channels: int, config: MaskRCNNConfig, shared_head: nn.Module | None = None
    ):
        super().__init__(config)
        self.roi_op = make_roi_op(config)
        self.box_losses = box_head_losses
        self.mask_loss = softmax_mask_loss if config.mask_loss == "softmax" else mask_loss
        self.shared_head = nn.Identity() if shared_head is None else shared_head
        if config.neck == "fpn":
            self.box_bins, self.mask_bins, mask_side = BOX_BINS, MASK_BINS, MASK_BINS
            self.box_head = BoxHead(in_channels * BOX_BINS**2, config.box_head_channels)
            self.box_predictor = BoxPredictor(config.box_head_channels, config.num_classes)
        else:
            self.box_bins, self.mask_bins, mask_side = SHARED_BINS, SHARED_BINS, SHARED_BINS // 2
            self.box_head = AveragePool()
            self.box_predictor = BoxPredictor(in_channels, config.num_classes)
        if config.mask_head != "none":
            self.mask_head, self.mask_predictor = make_mask_branch(in_channels, mask_side, config)

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
                the RPN alone, is not read. With the necks "c4" and "c5", the one map.
            proposals: for each image `Tensor[P, 4]`, in pixels of the resized image.
            targets: for each image "boxes", "labels" and "masks", likewise.

        Returns:
            Detections, for each image "boxes" `Tensor[D, 4]`, "labels", "scores" `Tensor[D]` and
            "masks" `Tensor[D, m, m]`, probabilities within the box (none with targets); and the
            losses "loss_classifier", "loss_box_reg" and "loss_mask" (none without targets). Without
            a mask branch there are no masks and no loss of them.
        """
        if self.config.neck == "fpn":
            features = features[:-1]
        # Half-precision maps are read in float32: converted once, not by every reading.
        features = [in_full_precision(feature) for feature in features]
        if targets is not None:
            return [], self._losses(images, features, proposals, targets)
        class_logits, deltas = self.predict_boxes(images, features, proposals)
        detections = self.select_detections(class_logits, deltas, proposals, images.sizes)
        if self.config.mask_head == "none":
            return detections, {}
        # A mask's gradient takes its box as it is, as that of a pasted one has to.
        boxes = [detection["boxes"].detach() for detection in detections]
        labels = torch.cat([detection["labels"] for detection in detections])
        masks = self.predict_masks_of(images, features, boxes, labels)
        for detection, of_image in zip(detections, masks.split([len(box) for box in boxes])):
            detection["masks"] = of_image
        return detections, {}

    def predict_boxes(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run the box branch: logits `Tensor[R, K]` and deltas `Tensor[R, K * 4]` of all boxes."""
        class_logits, deltas = [], []
        for some in _few_at_once(boxes) if features[0].device.type == "cpu" else [boxes]:
            roi_features = self.read_roi_features(images, features, some, self.box_bins)
            some_logits, some_deltas = self.box_predictor(self.box_head(roi_features))
            class_logits.append(in_full_precision(some_logits))
            deltas.append(in_full_precision(some_deltas))
        return torch.cat(class_logits), torch.cat(deltas)

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
        roi_features = self.read_roi_features(images, features, boxes, self.mask_bins)
        # On a CPU a few RoIs at a time, whose activations stay in its cache.
        at_once = MASKS_AT_ONCE if roi_features.device.type == "cpu" else max(len(labels), 1)
        softmax = self.config.mask_loss == "softmax"
        masks = []
        for some, of_class in zip(
            roi_features.split(at_once), self._mask_labels(labels).split(at_once)
        ):
            logits = in_full_precision(self.mask_predictor(self.mask_head(some)))
            masks.append(mask_probabilities(logits, of_class, softmax))
        return torch.cat(masks)

    def read_roi_features(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor], bins: int
    ) -> Tensor:
        """Run the RoI operation and the shared head: `Tensor[R, C, P, P]` of all boxes.

        P is `bins`; with the necks "c4" and "c5" half of it.
        """
        roi_features = extract_roi_features(
            features, boxes, images.padded_size, bins, self.config, self.roi_op
        )
        return self.shared_head(roi_features)

    def _losses(
        self,
        images: ImageBatch,
        features: list[Tensor],
        proposals: list[Tensor],
        targets: list[dict],
    ) -> dict[str, Tensor]:
        rois, labels, matched = self.sample_proposals(proposals, targets)
        roi_features = self.read_roi_features(images, features, rois, self.box_bins)
        class_logits, deltas = self.box_predictor(self.box_head(roi_features))
        target_deltas = self.encode_targets(rois, targets, matched)
        class_loss, box_loss = self.box_losses(
            class_logits, deltas, torch.cat(labels), target_deltas
        )
        losses = {"loss_classifier": class_loss, "loss_box_reg": box_loss}
        if self.config.mask_head == "none":
            return losses

        # Only RoIs on objects have a mask to learn.
        positives = [torch.nonzero(image_labels > 0).squeeze(1) for image_labels in labels]
        positive_rois = [boxes[index] for boxes, index in zip(rois, positives)]
        if self.mask_bins == self.box_bins:
            # The branches read the same features: the shared head need not run again.
            mask_features = roi_features[torch.cat(labels) > 0]
        else:
            mask_features = self.read_roi_features(images, features, positive_rois, self.mask_bins)
        mask_logits = self.mask_predictor(self.mask_head(mask_features))
        mask_targets = [
            crop_masks(target["masks"], boxes, index[p], mask_logits.shape[-1], self.config.aligned)
            for target, boxes, index, p in zip(targets, positive_rois, matched, positives)
        ]
        positive_labels = torch.cat([all_[p] for all_, p in zip(labels, positives)])
        mask_labels = self._mask_labels(positive_labels)
        # The sum of a bin's weights may round to a hair above one, which some losses refuse.
        mask_targets = torch.cat(mask_targets).clamp(0, 1)
        losses["loss_mask"] = self.mask_loss(mask_logits, mask_labels, mask_targets)
        return losses

    def _mask_labels(self, labels: Tensor) -> Tensor:
        """Which of a RoI's masks belongs to it: its class's, or the only one."""
        return torch.zeros_like(labels) if self.config.class_agnostic_masks else labels


def _few_at_once(boxes: list[Tensor]) -> Iterator[list[Tensor]]:
    """Give all boxes in turn, in lists of as many images: some of one image, none of the others."""
    none = [of_image[:0] for of_image in boxes]
    for i, of_image in enumerate(boxes):
        for some in of_image.split(BOXES_AT_ONCE):
            yield [*none[:i], some, *none[i + 1 :]]


def crop_masks(
    masks: Tensor, boxes: Tensor, mask_index: Tensor, output_size: int, aligned: bool
) -> Tensor:
    """See each box's true mask through the box, at the mask branch's resolution.

    Args:
        masks: `Tensor[G, H, W]`, 0 or 1, at the resized image's resolution.
        boxes: `Tensor[R, 4]` in image pixels.
        mask_index: `Tensor[R]`, which mask belongs to each box.
        output_size: m, the side of the result.
        aligned: as the features are read (see `MaskRCNNConfig.aligned`).

    Returns:
        `Tensor[R, m, m]`, 0 to 1: how much of each bin the mask covers.
    """
    height, width = masks.shape[-2:]
    targets = boxes.new_zeros(len(boxes), output_size, output_size)
    # Object by object: only what its boxes show becomes floating point, not the whole image.
    for index in mask_index.unique().tolist():
        of_object = torch.nonzero(mask_index == index).squeeze(1)
        seen = boxes[of_object]
        # RoIAlign reads no farther than two cells beyond a box.
        x1, y1 = (seen[:, :2].amin(dim=0) - 2).floor().int().tolist()
        x2, y2 = (seen[:, 2:].amax(dim=0) + 2).ceil().int().tolist()
        x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        crop = masks[index, y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].to(boxes.dtype)
        rois = [seen - seen.new_tensor([x1, y1, x1, y1])]
        targets[of_object] = roi_align(crop[None, None], rois, output_size, aligned=aligned)[:, 0]
    return targets
