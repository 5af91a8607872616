"""Mask R-CNN put together (He, Gkioxari, Dollar, Girshick 2017)."""

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, WeightsEnum
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

from mrcnn_lite.models.arguments import check_images, check_proposals, check_targets
from mrcnn_lite.models.backbone import make_trunk
from mrcnn_lite.models.c4 import SingleMapBackbone, split_shared_head
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fpn import BackboneWithFPN
from mrcnn_lite.models.images import ImageBatch, make_image_transform, resize_boxes
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.precision import in_precision_of, precision_of
from mrcnn_lite.models.roi_heads import RoIHeads
from mrcnn_lite.models.rpn import RegionProposalNetwork
from mrcnn_lite.models.weights import fetch_backbone_weights, fetch_state_dict, load_trunk


class MaskRCNN(nn.Module):
    """Image, features, proposals, RoI features, heads, losses or detections: one after the other.

    Each step is a module that can be called on its own; `forward` only passes results on. So any
    may be replaced by one of your own that takes and gives the same, by assigning to it:
    `model.backbone.fpn`, `model.rpn.head`, `model.roi_heads.mask_head`, ..., and the functions that
    `RoIHeads` lists. A replacement is no part of the configuration that a checkpoint keeps.

    Args:
        config: every choice; see `MaskRCNNConfig`.
    """

    def __init__(self, config: MaskRCNNConfig):
        super().__init__()
        self.config = config
        self.transform = make_image_transform(config)
        trunk = make_trunk(config)
        trunk.freeze_all_but(config.trainable_backbone_layers)
        if config.neck == "fpn":
            self.backbone = BackboneWithFPN(trunk, config.fpn_channels)
            shared_head, roi_channels = None, config.fpn_channels
        else:
            shared_head, roi_channels = split_shared_head(trunk, config)
            self.backbone = SingleMapBackbone(trunk)
        self.rpn = RegionProposalNetwork(self.backbone.out_channels, config)
        self.roi_heads = RoIHeads(roi_channels, config, shared_head)

    @property
    def precision(self) -> torch.dtype:
        """The type of the layers' weights, in which they multiply (see `prepare_for_inference`)."""
        return precision_of(self)

    def forward(
        self,
        images: list[Tensor],
        targets: list[dict] | None = None,
        proposals: list[Tensor] | None = None,
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Compute losses in training mode, detections in evaluation mode.

        Args:
            images: each `Tensor[3, H, W]`, floating point, values in 0..1; sizes may differ.
            targets: needed in training; for each image "boxes" `Tensor[G, 4]`, (x1, y1, x2, y2) in
                pixels, "labels" `Tensor[G]` of int64 from 1 to num_classes - 1, and "masks"
                `Tensor[G, H, W]` of 0 and 1 (unless there is no mask branch). G may be 0.
            proposals: Fast R-CNN's setting: for each image boxes `Tensor[P, 4]` in pixels of the
                image as it came, from any source. The RPN then neither runs nor learns; where every
                parameter has to get a gradient, as in data-parallel training, freeze it
                (`model.rpn.requires_grad_(False)`). P may be 0.

        Returns:
            In training, the losses "loss_objectness" and "loss_rpn_box_reg" (of the RPN),
            "loss_classifier", "loss_box_reg" and "loss_mask". Otherwise for each image, best first,
            "boxes" `Tensor[D, 4]` in pixels of the image as it came, "labels" and "scores"
            `Tensor[D]`, and "masks" `Tensor[D, 1, H, W]`, the probability of each pixel to belong
            to the object. Without a mask branch there are neither "loss_mask" nor "masks".

        Raises:
            ValueError, TypeError: an image, a target or a proposal is malformed; the message says
                which.
        """
        check_images(images)
        if self.training:
            with_masks = self.config.mask_head != "none"
            check_targets(images, targets, self.config.num_classes, with_masks)
            if not with_masks:
                # So that no masks are resized that nobody reads.
                targets = [{"boxes": t["boxes"], "labels": t["labels"]} for t in targets]
        else:
            targets = None
        if proposals is not None:
            check_proposals(images, proposals)
        with in_precision_of(self):
            batch, targets = self.transform(images, targets)
            features = self.backbone(batch.tensors)
            if proposals is None:
                proposals, rpn_losses = self.rpn(batch, features, targets)
            else:
                proposals, rpn_losses = resize_proposals(proposals, batch), {}
            detections, roi_losses = self.roi_heads(batch, features, proposals, targets)
        if self.training:
            return rpn_losses | roi_losses
        return [
            to_original_image(detection, size, original_size)
            for detection, size, original_size in zip(detections, batch.sizes, batch.original_sizes)
        ]


def to_original_image(
    detections: dict[str, Tensor], size: tuple[int, int], original_size: tuple[int, int]
) -> dict[str, Tensor]:
    """Bring detections from the resized image back to the image as it came; paste the masks.

    Args:
        detections: "boxes" in pixels of the resized image, "masks" `Tensor[D, m, m]`, and others.
        size: (height, width) of the resized image.
        original_size: (height, width) of the image as it came.

    Returns:
        The same with "boxes" in pixels of the original image and "masks" `Tensor[D, 1, H, W]`.
    """
    boxes = resize_boxes(detections["boxes"], size, original_size)
    if "masks" not in detections:
        return dict(detections, boxes=boxes)
    masks = paste_masks(detections["masks"], boxes, original_size)
    return dict(detections, boxes=boxes, masks=masks[:, None])


def resize_proposals(proposals: list[Tensor], batch: ImageBatch) -> list[Tensor]:
    """Bring proposals from pixels of the images as they came to those of the resized images."""
    return [
        resize_boxes(boxes.to(batch.tensors), old, new)
        for boxes, old, new in zip(proposals, batch.original_sizes, batch.sizes)
    ]


def mask_rcnn(
    config: MaskRCNNConfig, weights_backbone: str | WeightsEnum | None = None
) -> MaskRCNN:
    """Build the Mask R-CNN that the configuration describes, with random weights.

    Args:
        config: every choice. Batch norm that is to be kept as loaded wants `weights_backbone`;
            without, set `frozen_batch_norm=False` and train all layers.
        weights_backbone: torchvision's classification weights for the trunk (and for the shared
            head that C4 makes of its last stage): "DEFAULT", "IMAGENET1K_V1", ...; or None.

    Raises:
        ValueError: the weights are those of another backbone, or it has none.
        InputError: weights could not be downloaded; the message says which file to put where.
    """
    model = MaskRCNN(config)
    if weights_backbone is not None:
        load_trunk(model, fetch_backbone_weights(config.backbone, weights_backbone))
    return model


def mask_rcnn_resnet50_fpn(
    weights: str | MaskRCNN_ResNet50_FPN_Weights | None = None,
    weights_backbone: str | ResNet50_Weights | None = None,
    num_classes: int = 91,
    **overrides: Any,
) -> MaskRCNN:
    """Build ResNet-50 with FPN as torchvision does: same parameter names, same results.

    One thing differs: torchvision rounds a detection's box outwards to whole pixels before it
    pastes the mask, `paste_masks` does not. So some pixels along the masks' edges are others;
    docs/results/paste.md has how many, and what that does to mask AP.

    Args:
        weights: torchvision's published detection weights ("DEFAULT" or "COCO_V1"), or None.
        weights_backbone: torchvision's classification weights for the trunk ("DEFAULT",
            "IMAGENET1K_V1" or "IMAGENET1K_V2"), or None; not read if `weights` is given.
        num_classes: classes including the background.
        **overrides: other fields of `MaskRCNNConfig`, which bear torchvision's keyword names.

    Raises:
        TypeError: an override is not a field of the configuration.
        ValueError: published weights have another number of classes.
        InputError: weights could not be downloaded; the message says which file to put where.
    """
    known = {field.name for field in fields(MaskRCNNConfig)} - {"backbone", "neck"}
    if unknown := sorted(set(overrides) - known):
        raise TypeError(f"mask_rcnn_resnet50_fpn got unknown options: {', '.join(unknown)}")
    weights = MaskRCNN_ResNet50_FPN_Weights.verify(weights)
    weights_backbone = ResNet50_Weights.verify(weights_backbone)
    pretrained = weights is not None or weights_backbone is not None
    settings = {"num_classes": num_classes}
    if not pretrained:
        # From random weights there is nothing to freeze.
        settings |= {"frozen_batch_norm": False, "trainable_backbone_layers": 5}
    if weights is not None:
        # They were trained when torchvision's frozen batch norm had no epsilon.
        settings["frozen_batch_norm_eps"] = 0.0
    config = MaskRCNNConfig(**{**settings, **overrides})
    if weights is None:
        return mask_rcnn(config, weights_backbone)
    model = mask_rcnn(config)
    published = len(weights.meta["categories"])
    if num_classes != published:
        raise ValueError(f"{weights} has {published} classes, num_classes is {num_classes}")
    model.load_state_dict(fetch_state_dict(weights))
    return model
