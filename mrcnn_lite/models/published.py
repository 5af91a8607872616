"""Torchvision's Mask R-CNNs: the same parameter names, the same results, and its weights.

There are two of them, both ResNet-50 with FPN. The second version has batch norm in the pyramid and
the heads, and deeper heads (Li et al. 2021, "Benchmarking Detection Transfer Learning with Vision
Transformers"). On COCO's val2017 the first has a box AP of 37.9 and a mask AP of 34.6, says
torchvision, and the second, trained longer, 47.4 and 41.8.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torchvision.models import ResNet50_Weights, WeightsEnum
from torchvision.models.detection import (
    MaskRCNN_ResNet50_FPN_V2_Weights,
    MaskRCNN_ResNet50_FPN_Weights,
)

from mrcnn_lite.models.build import mask_rcnn
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.mask_rcnn import MaskRCNN
from mrcnn_lite.models.weights import fetch_state_dict

# What the second version differs in from the configuration's defaults, which are the first's.
SECOND_VERSION = {
    "frozen_batch_norm": False,
    "neck": "fpn_bn",
    "rpn_convolutions": 2,
    "box_head": "conv_bn",
    "mask_head": "fcn_bn",
}


def settings_to_start_from(weights: Any, weights_backbone: Any) -> dict[str, Any]:
    """Say which fields of a configuration follow from what a large model starts from.

    Args:
        weights: torchvision's published detection weights, or None.
        weights_backbone: classification weights for the trunk, or None.
    """
    if isinstance(weights, MaskRCNN_ResNet50_FPN_V2_Weights):
        return dict(SECOND_VERSION)
    if weights is not None:
        # They were trained when torchvision's frozen batch norm had no epsilon.
        return {"frozen_batch_norm_eps": 0.0}
    if weights_backbone is not None:
        return {}
    # From random weights there is nothing to freeze.
    return {"frozen_batch_norm": False, "trainable_backbone_layers": 5}


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
    weights = MaskRCNN_ResNet50_FPN_Weights.verify(weights)
    return _build(mask_rcnn_resnet50_fpn, {}, weights, weights_backbone, num_classes, overrides)


def mask_rcnn_resnet50_fpn_v2(
    weights: str | MaskRCNN_ResNet50_FPN_V2_Weights | None = None,
    weights_backbone: str | ResNet50_Weights | None = None,
    num_classes: int = 91,
    **overrides: Any,
) -> MaskRCNN:
    """Build torchvision's second version of `mask_rcnn_resnet50_fpn`; see there for all else.

    Batch norm follows every convolution of the pyramid and of the heads on RoIs, and in the trunk
    it is not frozen. The RPN's head has two convolutions; the box head has four, and then one fully
    connected layer.
    """
    weights = MaskRCNN_ResNet50_FPN_V2_Weights.verify(weights)
    builder = mask_rcnn_resnet50_fpn_v2
    return _build(builder, SECOND_VERSION, weights, weights_backbone, num_classes, overrides)


# Published detection weights by the names that the command line has for them, and what builds the
# model that they are of.
PUBLISHED = {
    "coco": (MaskRCNN_ResNet50_FPN_Weights.COCO_V1, mask_rcnn_resnet50_fpn),
    "coco_v2": (MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1, mask_rcnn_resnet50_fpn_v2),
}


def _build(
    builder: Callable[..., MaskRCNN],
    version: dict[str, Any],
    weights: WeightsEnum | None,
    weights_backbone: str | ResNet50_Weights | None,
    num_classes: int,
    overrides: dict[str, Any],
) -> MaskRCNN:
    known = {field.name for field in fields(MaskRCNNConfig)} - {"backbone", "neck"}
    if unknown := sorted(set(overrides) - known):
        raise TypeError(f"{builder.__name__} got unknown options: {', '.join(unknown)}")
    weights_backbone = ResNet50_Weights.verify(weights_backbone)
    settings = {**settings_to_start_from(weights, weights_backbone), **version}
    config = MaskRCNNConfig(**{**settings, "num_classes": num_classes, **overrides})
    if weights is None:
        return mask_rcnn(config, weights_backbone)
    published = len(weights.meta["categories"])
    if num_classes != published:
        raise ValueError(f"{weights} has {published} classes, num_classes is {num_classes}")
    state = fetch_state_dict(weights)
    model = mask_rcnn(config)
    model.load_state_dict(state)
    return model
