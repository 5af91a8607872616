"""FCIS: class, box and mask of every RoI, read from score maps of the whole image.

Li, Qi, Dai, Ji, Wei 2017, "Fully Convolutional Instance-aware Semantic Segmentation", the rival
that Mask R-CNN compares itself with. No layer with weights runs on a RoI: the trunk's last stage
and a 1x1 convolution make maps that say, for each class and each of k x k parts of an object, how
much a pixel looks like lying inside such an object at that part, and how much outside of it. A RoI
only puts them together, part by part, and two questions are answered from the same numbers: what
is it (the larger of the two, averaged), and which pixels are it (the softmax of the two).
"""

import torch
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.losses import box_head_losses, mask_loss, mask_probabilities
from mrcnn_lite.models.mask_rcnn import MaskRCNN
from mrcnn_lite.models.roi_features import RoIOp, crop_masks, extract_roi_features
from mrcnn_lite.models.roi_heads import in_full_precision
from mrcnn_lite.models.second_stage import SecondStage

# k: an object has k x k parts, each with score maps of its own (section 3.1).
PARTS = 7
# Mask pixels per part and axis: a mask is 21 x 21, as in the authors' code.
PIXELS_PER_PART = 3
MASK_SIDE = PARTS * PIXELS_PER_PART


class FCISHeads(SecondStage):
    """Score maps of the whole image, and what a RoI reads from them (FCIS, section 3).

    Takes and gives what `RoIHeads` does. At inference the proposals are scored and refined, and the
    masks of the detections are read again, in the refined boxes. The paper does more: the refined
    boxes are scored too, and neighbours vote on a mask (section 3.4); here, where training is
    short, both made detections worse. Also unlike the paper's, suppression goes class by class, as
    Mask R-CNN's does; RoIs are sampled at random, not by their loss (OHEM); and no further
    convolution makes the last stage's map narrower.

    Args:
        config: thresholds and numbers.
        shared_head: the trunk's last stage, its stride removed; runs on the whole map.
        score_maps: a layer to 2 K k^2 channels: (s K + class) k^2 + row k + column, where s is 0
            for inside and 1 for outside.
        box_maps: a layer to 4 k^2 channels.
        roi_op: reads each part of a RoI from its own map.
        aligned: whether the true masks are read with cell centres at half-integer coordinates.
    """

    def __init__(
        self,
        config: MaskRCNNConfig,
        shared_head: nn.Module,
        score_maps: nn.Module,
        box_maps: nn.Module,
        roi_op: RoIOp,
        aligned: bool,
    ):
        super().__init__(config)
        self.shared_head = shared_head
        self.score_maps = score_maps
        self.box_maps = box_maps
        self.roi_op = roi_op
        self.aligned = aligned

    def forward(
        self,
        images: ImageBatch,
        features: list[Tensor],
        proposals: list[Tensor],
        targets: list[dict] | None = None,
    ) -> tuple[list[dict], dict[str, Tensor]]:
        """Turn proposals into losses (with targets) or detections (without).

        Arguments and result are those of `RoIHeads.forward`.
        """
        score_maps, box_maps = self.compute_maps(features)
        if targets is not None:
            return [], self._losses(images, score_maps, box_maps, proposals, targets)
        inside, outside = self.read_scores(images, score_maps, proposals)
        # The classes share one box.
        deltas = self.read_deltas(images, box_maps, proposals).repeat(1, self.config.num_classes)
        class_logits = detection_logits(inside, outside)
        detections = self.select_detections(class_logits, deltas, proposals, images.sizes)
        # As in `RoIHeads.forward`, a mask's gradient takes its box as it is.
        boxes = [detection["boxes"].detach() for detection in detections]
        labels = torch.cat([detection["labels"] for detection in detections])
        logits = mask_logits(*self.read_scores(images, score_maps, boxes))  # [D, K, m, m]
        masks = mask_probabilities(logits, labels)  # [D, m, m]
        for detection, image_masks in zip(detections, masks.split([len(box) for box in boxes])):
            detection["masks"] = image_masks
        return detections, {}

    def compute_maps(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Run the layers: score maps `Tensor[N, 2 K k^2, H, W]`, box maps `Tensor[N, 4 k^2, H, W]`.

        Args:
            features: the one map `Tensor[N, C, H, W]`.
        """
        hidden = self.shared_head(features[0])  # [N, C, H, W]
        return in_full_precision(self.score_maps(hidden)), in_full_precision(self.box_maps(hidden))

    def read_scores(
        self, images: ImageBatch, score_maps: Tensor, boxes: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Put each RoI's inside and outside scores together from its parts (section 3.1).

        Args:
            images: the batch that the maps were computed from.
            score_maps: `Tensor[N, 2 K k^2, H, W]`.
            boxes: for each image `Tensor[R_i, 4]`, in pixels of the resized image.

        Returns:
            Inside and outside scores of all boxes, each `Tensor[R, K, m, m]`.
        """
        maps = repeat_parts(score_maps, PARTS, PIXELS_PER_PART)  # [N, 2 K m^2, H, W]
        scores = extract_roi_features(
            [maps], boxes, images.padded_size, MASK_SIDE, self.config, self.roi_op
        )  # [R, 2 K, m, m]
        inside, outside = scores.unflatten(1, (2, self.config.num_classes)).unbind(dim=1)
        return inside, outside

    def read_deltas(self, images: ImageBatch, box_maps: Tensor, boxes: list[Tensor]) -> Tensor:
        """Average the box maps' parts: one set of deltas for all classes, `Tensor[R, 4]`."""
        parts = extract_roi_features(
            [box_maps], boxes, images.padded_size, PARTS, self.config, self.roi_op
        )  # [R, 4, k, k]
        return parts.mean(dim=(2, 3))

    def _losses(
        self,
        images: ImageBatch,
        score_maps: Tensor,
        box_maps: Tensor,
        proposals: list[Tensor],
        targets: list[dict],
    ) -> dict[str, Tensor]:
        rois, labels, matched = self.sample_proposals(proposals, targets)
        inside, outside = self.read_scores(images, score_maps, rois)
        # The classes share one box.
        deltas = self.read_deltas(images, box_maps, rois).repeat(1, self.config.num_classes)
        target_deltas = self.encode_targets(rois, targets, matched)
        all_labels = torch.cat(labels)
        class_loss, box_loss = box_head_losses(
            detection_logits(inside, outside), deltas, all_labels, target_deltas
        )
        is_object = all_labels > 0
        mask_targets = [
            crop_masks(target["masks"], boxes[label > 0], index[label > 0], MASK_SIDE, self.aligned)
            for target, boxes, label, index in zip(targets, rois, labels, matched)
        ]
        segmentation_loss = mask_loss(
            mask_logits(inside[is_object], outside[is_object]),
            all_labels[is_object],
            torch.cat(mask_targets).clamp(0, 1),
        )
        return {
            "loss_classifier": class_loss,
            "loss_box_reg": box_loss,
            "loss_mask": segmentation_loss,
        }


class FCIS(MaskRCNN):
    """The trunk and the RPN of a Mask R-CNN, and `FCISHeads`."""

    method = "fcis"


def detection_logits(inside: Tensor, outside: Tensor) -> Tensor:
    """Say what each RoI is: the larger score of every pixel, averaged (section 3.2).

    A pixel speaks for class c if it looks like inside or like outside of such an object; the class
    that few pixels speak for in either way is not there.

    Args:
        inside, outside: `Tensor[R, K, m, m]`.

    Returns:
        `Tensor[R, K]`, logits for a softmax over the classes.
    """
    return torch.maximum(inside, outside).mean(dim=(2, 3))


def mask_logits(inside: Tensor, outside: Tensor) -> Tensor:
    """Say which pixels are the object: inside against outside, class by class (section 3.2).

    The softmax of two numbers is the sigmoid of their difference.

    Args:
        inside, outside: `Tensor[R, K, m, m]`.

    Returns:
        `Tensor[R, K, m, m]`, logits for a sigmoid.
    """
    return inside - outside


def repeat_parts(maps: Tensor, parts: int, pixels: int) -> Tensor:
    """Let each part's map serve several pixels, for an output finer than the parts.

    Args:
        maps: `Tensor[N, C * parts^2, H, W]`, row by row.
        parts: k, parts per axis.
        pixels: output pixels per part and axis, s.

    Returns:
        `Tensor[N, C * (parts s)^2, H, W]`: pixel (i, j) of the output has the map of part
        (i // s, j // s).
    """
    n, channels, height, width = maps.shape
    shape = (n, channels // parts**2, parts, pixels, parts, pixels, height, width)
    split = maps.view(n, shape[1], parts, 1, parts, 1, height, width)
    return split.expand(shape).reshape(n, -1, height, width)
