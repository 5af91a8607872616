"""Mask R-CNN put together (He, Gkioxari, Dollar, Girshick 2017)."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from mrcnn_lite.models.arguments import as_images, as_proposals, as_targets
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.images import ImageBatch, resize_boxes, resize_keypoints
from mrcnn_lite.models.paste import paste_masks

# What has a model's weights, but for the little in its normalisations.
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class MaskRCNN(nn.Module):
    """Image, features, proposals, RoI features, heads, losses or detections: one after the other.

    Each step is a module that can be called on its own; `forward` only passes results on. So any
    may be replaced by one of your own that takes and gives the same, by assigning to it:
    `model.backbone.fpn`, `model.rpn.head`, `model.roi_heads.mask_head`, ..., and the functions that
    `RoIHeads` lists. A replacement is no part of the configuration that a checkpoint keeps.

    `mask_rcnn` of `mrcnn_lite.models.build` makes the modules that a configuration describes.

    Args:
        transform: images of any sizes, and their targets, to one batch.
        backbone: a batch of images to a list of feature maps.
        rpn: batch and features to proposals and the RPN's losses.
        roi_heads: batch, features and proposals to detections or losses.
        config: what the modules were built from; kept with the weights.
        predicts_masks: whether there are masks to be learnt and detected.
    """

    method = "mask_rcnn"

    def __init__(
        self,
        transform: nn.Module,
        backbone: nn.Module,
        rpn: nn.Module,
        roi_heads: nn.Module,
        config: MaskRCNNConfig,
        predicts_masks: bool = True,
    ):
        super().__init__()
        self.config = config
        self.predicts_masks = predicts_masks
        self.transform = transform
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

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
            images: each `Tensor[3, H, W]`, of any floating-point type, values in 0..1; sizes may
                differ.
            targets: needed in training; for each image "boxes" `Tensor[G, 4]`, (x1, y1, x2, y2) in
                pixels, "labels" `Tensor[G]` of whole numbers from 1 to num_classes - 1, and "masks"
                `Tensor[G, H, W]` of 0 and 1 (unless there is no mask branch). With a keypoint
                branch also "keypoints" `Tensor[G, K, 3]`: x, y in pixels, and a visibility, of
                which 0 says that nothing is known. G may be 0.
            proposals: Fast R-CNN's setting: for each image boxes `Tensor[P, 4]` in pixels of the
                image as it came, from any source. The RPN then neither runs nor learns; where every
                parameter has to get a gradient, as in data-parallel training, freeze it
                (`model.rpn.requires_grad_(False)`). P may be 0.

        Returns:
            In training, the losses "loss_objectness" and "loss_rpn_box_reg" (of the RPN),
            "loss_classifier", "loss_box_reg" and "loss_mask". Otherwise for each image, best first,
            "boxes" `Tensor[D, 4]` in pixels of the image as it came, "labels" and "scores"
            `Tensor[D]`, and "masks" `Tensor[D, 1, H, W]`, the probability of each pixel to belong
            to the object. Without a mask branch there are neither "loss_mask" nor "masks". With a
            keypoint branch there are "loss_keypoint", and "keypoints" `Tensor[D, K, 3]`, (x, y, 1)
            in pixels of the image as it came, with "keypoints_scores" `Tensor[D, K]`.

        Raises:
            ValueError, TypeError: an image, a target or a proposal is malformed; the message says
                which.
        """
        images = as_images(images, self.config, self.precision)
        if self.training:
            config = self.config
            targets = as_targets(
                images, targets, config.num_classes, self.predicts_masks, config.num_keypoints
            )
        else:
            targets = None
        if proposals is not None:
            proposals = as_proposals(images, proposals)
        with in_precision_of(self):
            batch, targets = self.transform(images, targets)  # batch.tensors [N, 3, H, W]
            features = self.backbone(batch.tensors)  # each [N, C, H_k, W_k]
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
        detections: "boxes" in pixels of the resized image, perhaps "masks" `Tensor[D, m, m]` and
            "keypoints" `Tensor[D, K, 3]`, and others.
        size: (height, width) of the resized image.
        original_size: (height, width) of the image as it came.

    Returns:
        The same with "boxes" and "keypoints" in pixels of the original image and "masks"
        `Tensor[D, 1, H, W]`.
    """
    boxes = resize_boxes(detections["boxes"], size, original_size)
    placed = dict(detections, boxes=boxes)
    if "masks" in detections:
        masks = paste_masks(detections["masks"], boxes, original_size)  # [D, H, W]
        placed["masks"] = masks[:, None]
    if "keypoints" in detections:
        placed["keypoints"] = resize_keypoints(detections["keypoints"], size, original_size)
    return placed


def resize_proposals(proposals: list[Tensor], batch: ImageBatch) -> list[Tensor]:
    """Bring proposals from pixels of the images as they came to those of the resized images."""
    return [
        resize_boxes(boxes.to(batch.tensors), old, new)
        for boxes, old, new in zip(proposals, batch.original_sizes, batch.sizes)
    ]


def precision_of(model: nn.Module) -> torch.dtype:
    """Say which type the weights of a model's layers have; of several, the narrowest."""
    types = {layer.weight.dtype for layer in model.modules() if isinstance(layer, LAYERS)}
    return min(types, key=lambda dtype: dtype.itemsize, default=torch.float32)


def in_precision_of(model: nn.Module) -> AbstractContextManager:
    """Make the context in which layers with weights of half precision take any input.

    Layers of full precision need none: in theirs, the caller's own autocast stays in force.
    """
    dtype = precision_of(model)
    if dtype not in (torch.bfloat16, torch.float16):
        return nullcontext()
    return torch.autocast(next(model.parameters()).device.type, dtype)
