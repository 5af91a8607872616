"""The way back: a trained model as torchvision's own, for all that is built on that one."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torch import Tensor, nn
from torchvision.models.detection import (
    FasterRCNN,
    MaskRCNN,
    fasterrcnn_resnet50_fpn,
    fasterrcnn_resnet50_fpn_v2,
    keypointrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.keypoint_rcnn import MIN_SIZES
from mrcnn_lite.models.published import SECOND_VERSION

# What torchvision's model, made without weights, adds to the variance in its batch norm.
EPS = 1e-5
# They say how training began or went, and change nothing in what is computed: `EPS` is seen to.
ABOUT_TRAINING = (
    "frozen_batch_norm",
    "frozen_batch_norm_eps",
    "trainable_backbone_layers",
    "mask_logits_std",
)
# Without a mask branch these describe nothing.
ABOUT_MASKS = ("mask_head_channels", "mask_mlp_channels", "mask_loss", "class_agnostic_masks")
ABOUT_KEYPOINTS = ("keypoint_head_channels",)
# torchvision has two versions, each with masks and without; by whether it is the second, and
# whether there are masks.
BUILDERS = {
    (False, True): maskrcnn_resnet50_fpn,
    (False, False): fasterrcnn_resnet50_fpn,
    (True, True): maskrcnn_resnet50_fpn_v2,
    (True, False): fasterrcnn_resnet50_fpn_v2,
}
# Fields that the builders take as keywords. Three share a name with a module that they make.
KEYWORDS = {name for kind in (MaskRCNN, FasterRCNN) for name in inspect.signature(kind).parameters}
KEYWORDS -= {"backbone", "box_head", "mask_head"}
# What torchvision's model with keypoints is like if nothing is said.
KEYPOINT_RCNN = MaskRCNNConfig(
    mask_head="none", num_classes=2, num_keypoints=17, min_size=MIN_SIZES
)
MOST_NAMED = 3


def to_torchvision(model: nn.Module) -> nn.Module:
    """Build torchvision's `maskrcnn_resnet50_fpn` (or `_v2`) with the weights of a model of ours.

    Boxes, labels, scores and m x m masks are the same. In the image torchvision pastes a mask after
    rounding its box outwards to whole pixels (see `mrcnn_lite.models.paste`).

    Args:
        model: a Mask R-CNN on ResNet-50 with FPN, of either version; without mask branch it becomes
            `fasterrcnn_resnet50_fpn` (or `_v2`), with keypoints in its place
            `keypointrcnn_resnet50_fpn`.

    Returns:
        The model, in evaluation mode.

    Raises:
        ValueError: torchvision has no such model; the message says what differs.
    """
    keywords = torchvision_keywords(model)
    theirs = torchvision_builder(model)(weights=None, weights_backbone=None, **keywords)
    theirs.load_state_dict(torchvision_state(model))
    return theirs.eval()


def torchvision_builder(model: nn.Module) -> Callable[..., nn.Module]:
    """Say which of torchvision's builders makes a model like this one."""
    if model.config.num_keypoints:
        return keypointrcnn_resnet50_fpn
    return BUILDERS[_is_second_version(model.config), model.config.mask_head != "none"]


def torchvision_keywords(model: nn.Module) -> dict[str, Any]:
    """Say how to call torchvision's builder, beside without weights, to get this model.

    Raises:
        ValueError: torchvision has no such model; the message says what differs.
    """
    if model.method != "mask_rcnn":
        raise ValueError(f"torchvision has no model of the method {model.method}")
    config, taken = model.config, KEYWORDS
    passed_over = ABOUT_TRAINING + (ABOUT_MASKS if config.mask_head == "none" else ())
    if config.num_keypoints:
        usual, taken = KEYPOINT_RCNN, KEYWORDS | {"num_keypoints"}
    else:
        usual = MaskRCNNConfig(**(SECOND_VERSION if _is_second_version(config) else {}))
        passed_over += ABOUT_KEYPOINTS
    keywords, differing = {"num_classes": config.num_classes}, []
    for name in [field.name for field in fields(config) if field.name not in passed_over]:
        value = getattr(config, name)
        if value == getattr(usual, name) or (name, value) == ("mask_head", "none"):
            continue
        if name in taken:
            keywords[name] = value
        else:
            differing.append(f"{name}={value!r}")
    if differing:
        raise ValueError(
            f"torchvision has no ready-made model with {', '.join(differing[:MOST_NAMED])}; "
            "it has Mask R-CNN (or, without masks, Faster R-CNN or Keypoint R-CNN) on ResNet-50 "
            "with FPN"
        )
    return keywords


def torchvision_state(model: nn.Module) -> dict[str, Tensor]:
    """Give the weights under torchvision's names, for a model that adds `EPS` to the variance.

    Published detection weights were trained without such an addition. There batch norm's scale
    w / sqrt(v) becomes w' / sqrt(v + EPS), with w' = w * sqrt((v + EPS) / v).
    """
    # Of plain tensors: it fits torchvision's batch norm whether it is frozen or not.
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for name, layer in model.named_modules():
        if isinstance(layer, FrozenBatchNorm2d) and layer.eps != EPS:
            variance = layer.running_var.double()  # [C]
            factor = ((variance + EPS) / (variance + layer.eps)).sqrt()
            state[f"{name}.weight"] = (layer.weight * factor).to(layer.weight)
    return state


def _is_second_version(config: MaskRCNNConfig) -> bool:
    # What else that version has must follow: `torchvision_keywords` names what does not.
    return config.neck == SECOND_VERSION["neck"]
