"""Keypoint R-CNN on ResNet-50 with FPN, as torchvision publishes it (Mask R-CNN, section 5)."""

from dataclasses import fields
from typing import Any

from torchvision.models import ResNet50_Weights
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights

from mrcnn_lite.models.build import mask_rcnn
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.mask_rcnn import MaskRCNN
from mrcnn_lite.models.published import settings_to_start_from
from mrcnn_lite.models.weights import fetch_state_dict

# Training draws one of these at random, as the paper does for keypoints; evaluation takes the last.
MIN_SIZES = (640, 672, 704, 736, 768, 800)


def keypoint_rcnn_resnet50_fpn(
    weights: str | KeypointRCNN_ResNet50_FPN_Weights | None = None,
    weights_backbone: str | ResNet50_Weights | None = None,
    num_classes: int = 2,
    num_keypoints: int = 17,
    **overrides: Any,
) -> MaskRCNN:
    """Build torchvision's `keypointrcnn_resnet50_fpn`: persons and their 17 keypoints, no masks.

    Args:
        weights: torchvision's published weights ("DEFAULT", "COCO_V1" or "COCO_LEGACY"), or None.
        weights_backbone: as for `mask_rcnn_resnet50_fpn`.
        num_classes: classes including the background.
        num_keypoints: of every object.
        **overrides: other fields of `MaskRCNNConfig`; `mask_head="fcn"` adds masks.

    Raises:
        TypeError, ValueError, InputError: as `mask_rcnn_resnet50_fpn`; published weights have
            another number of classes or keypoints.
    """
    known = {field.name for field in fields(MaskRCNNConfig)} - {"backbone", "neck"}
    if unknown := sorted(set(overrides) - known):
        raise TypeError(f"keypoint_rcnn_resnet50_fpn got unknown options: {', '.join(unknown)}")
    weights = KeypointRCNN_ResNet50_FPN_Weights.verify(weights)
    settings = settings_to_start_from(weights, ResNet50_Weights.verify(weights_backbone))
    if weights == KeypointRCNN_ResNet50_FPN_Weights.COCO_LEGACY:
        # They alone were trained with the epsilon that torchvision has now.
        del settings["frozen_batch_norm_eps"]
    settings |= {"mask_head": "none", "min_size": MIN_SIZES}
    settings |= {"num_classes": num_classes, "num_keypoints": num_keypoints, **overrides}
    config = MaskRCNNConfig(**settings)
    if weights is None:
        return mask_rcnn(config, weights_backbone)
    published = len(weights.meta["categories"]), len(weights.meta["keypoint_names"])
    if (num_classes, num_keypoints) != published:
        raise ValueError(
            f"{weights} has {published[0]} classes and {published[1]} keypoints, "
            f"num_classes is {num_classes} and num_keypoints {num_keypoints}"
        )
    state = fetch_state_dict(weights)
    model = mask_rcnn(config)
    model.load_state_dict(state)
    return model
