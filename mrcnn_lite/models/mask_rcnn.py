"""Mask R-CNN put together (He, Gkioxari, Dollar, Girshick 2017)."""

from dataclasses import fields
from typing import Any

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

from mrcnn_lite.models.backbone import mini_trunk, resnet50_trunk
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fpn import BackboneWithFPN
from mrcnn_lite.models.images import ImageTransform, resize_boxes
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_heads import RoIHeads
from mrcnn_lite.models.rpn import RegionProposalNetwork
from mrcnn_lite.models.weights import fetch_state_dict


class MaskRCNN(nn.Module):
    """Image, features, proposals, RoI features, heads, losses or detections: one after the other.

    Each step is a module that can be called on its own; `forward` only passes results on.

    Args:
        config: every choice; see `MaskRCNNConfig`.
    """

    def __init__(self, config: MaskRCNNConfig):
        super().__init__()
        self.config = config
        one_size = isinstance(config.min_size, int)
        min_size = (config.min_size,) if one_size else tuple(config.min_size)
        self.transform = ImageTransform(
            min_size, config.max_size, config.image_mean, config.image_std
        )
        if config.backbone == "mini":
            trunk = mini_trunk()
        else:
            trunk = resnet50_trunk(config.frozen_batch_norm, config.frozen_batch_norm_eps)
        trunk.freeze_all_but(config.trainable_backbone_layers)
        self.backbone = BackboneWithFPN(trunk, config.fpn_channels)
        self.rpn = RegionProposalNetwork(config.fpn_channels, config)
        self.roi_heads = RoIHeads(config.fpn_channels, config)

    def forward(
        self, images: list[Tensor], targets: list[dict] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Compute losses in training mode, detections in evaluation mode.

        Args:
            images: each `Tensor[3, H, W]`, floating point, values in 0..1; sizes may differ.
            targets: needed in training; for each image "boxes" `Tensor[G, 4]`, (x1, y1, x2, y2) in
                pixels, "labels" `Tensor[G]` of int64 from 1 to num_classes - 1, and "masks"
                `Tensor[G, H, W]` of 0 and 1. G may be 0.

        Returns:
            In training, the losses "loss_objectness", "loss_rpn_box_reg", "loss_classifier",
            "loss_box_reg" and "loss_mask". Otherwise for each image, best first, "boxes"
            `Tensor[D, 4]` in pixels of the image as it came, "labels" and "scores" `Tensor[D]`, and
            "masks" `Tensor[D, 1, H, W]`, the probability of each pixel to belong to the object.

        Raises:
            ValueError, TypeError: an image or a target is malformed; the message says which.
        """
        check_images(images)
        if self.training:
            check_targets(images, targets, self.config.num_classes)
        else:
            targets = None
        batch, targets = self.transform(images, targets)
        features = self.backbone(batch.tensors)
        proposals, rpn_losses = self.rpn(batch, features, targets)
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
    masks = paste_masks(detections["masks"], boxes, original_size)
    return dict(detections, boxes=boxes, masks=masks[:, None])


def mask_rcnn(config: MaskRCNNConfig) -> MaskRCNN:
    """Build a Mask R-CNN with random weights."""
    return MaskRCNN(config)


def mask_rcnn_resnet50_fpn(
    weights: str | MaskRCNN_ResNet50_FPN_Weights | None = None,
    weights_backbone: str | ResNet50_Weights | None = None,
    num_classes: int = 91,
    **overrides: Any,
) -> MaskRCNN:
    """Build ResNet-50 with FPN as torchvision does: same parameter names, same results.

    Args:
        weights: torchvision's published detection weights ("DEFAULT" or "COCO_V1"), or None.
        weights_backbone: torchvision's classification weights for the trunk ("DEFAULT",
            "IMAGENET1K_V1" or "IMAGENET1K_V2"), or None; not read if `weights` is given.
        num_classes: classes including the background.
        **overrides: fields of `MaskRCNNConfig`, which bear torchvision's keyword names.

    Raises:
        TypeError: an override is not a field of the configuration.
        ValueError: published weights have another number of classes.
        InputError: weights could not be downloaded; the message says which file to put where.
    """
    known = {field.name for field in fields(MaskRCNNConfig)}
    if unknown := sorted(set(overrides) - known):
        raise TypeError(f"mask_rcnn_resnet50_fpn got unknown options: {', '.join(unknown)}")
    weights = MaskRCNN_ResNet50_FPN_Weights.verify(weights)
    weights_backbone = ResNet50_Weights.verify(weights_backbone)
    pretrained = weights is not None or weights_backbone is not None
    settings = {"backbone": "resnet50", "num_classes": num_classes}
    if not pretrained:
        # From random weights there is nothing to freeze.
        settings |= {"frozen_batch_norm": False, "trainable_backbone_layers": 5}
    if weights is not None:
        # They were trained when torchvision's frozen batch norm had no epsilon.
        settings["frozen_batch_norm_eps"] = 0.0
    model = mask_rcnn(MaskRCNNConfig(**{**settings, **overrides}))
    if weights is not None:
        published = len(weights.meta["categories"])
        if num_classes != published:
            raise ValueError(f"{weights} has {published} classes, num_classes is {num_classes}")
        model.load_state_dict(fetch_state_dict(weights))
    elif weights_backbone is not None:
        state = fetch_state_dict(weights_backbone)
        trunk = {name: value for name, value in state.items() if not name.startswith("fc.")}
        model.backbone.body.load_state_dict(trunk)
    return model


def check_images(images: list[Tensor]) -> None:
    """Raise TypeError or ValueError unless every image is a floating-point `Tensor[3, H, W]`."""
    if not isinstance(images, (list, tuple)):
        raise TypeError(f"images should be a list of tensors, got {type(images).__name__}")
    if not images:
        raise ValueError("images is empty, expected at least one image")
    for i, image in enumerate(images):
        if not isinstance(image, Tensor) or not image.is_floating_point():
            kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(f"images[{i}] should be a floating-point tensor, got {kind}")
        if image.dim() != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(
                f"images[{i}] should have shape [3, H, W] with H, W > 0, got {list(image.shape)}"
            )


def check_targets(images: list[Tensor], targets: list[dict] | None, num_classes: int) -> None:
    """Raise ValueError unless each image has a well-formed target (see `MaskRCNN.forward`)."""
    if targets is None:
        raise ValueError("targets is None, but a model in training mode needs targets")
    if len(targets) != len(images):
        raise ValueError(f"got {len(images)} images but {len(targets)} targets")
    for i, (image, target) in enumerate(zip(images, targets)):
        if missing := [name for name in ("boxes", "labels", "masks") if name not in target]:
            raise ValueError(f"targets[{i}] lacks {', '.join(missing)}")
        boxes, labels = target["boxes"], target["labels"]
        number = len(boxes)
        expected = {"boxes": [number, 4], "labels": [number], "masks": [number, *image.shape[1:]]}
        for name, shape in expected.items():
            if list(target[name].shape) != shape:
                raise ValueError(
                    f"targets[{i}][{name!r}] should have shape {shape}, "
                    f"got {list(target[name].shape)}"
                )
        degenerate = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
        if degenerate.any():
            box = boxes[degenerate][0].tolist()
            raise ValueError(f"targets[{i}]['boxes'] holds a box without area: {box}")
        if number and (labels.min() < 1 or labels.max() >= num_classes):
            raise ValueError(
                f"targets[{i}]['labels'] should lie in 1..{num_classes - 1}, got "
                f"{int(labels.min())}..{int(labels.max())}"
            )
