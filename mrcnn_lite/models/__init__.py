"""Mask R-CNN and its parts."""

from mrcnn_lite.models.config import MaskRCNNConfig, mini_config
from mrcnn_lite.models.inference import prepare_for_inference
from mrcnn_lite.models.mask_rcnn import MaskRCNN, mask_rcnn, mask_rcnn_resnet50_fpn

__all__ = [
    "MaskRCNN",
    "MaskRCNNConfig",
    "mask_rcnn",
    "mask_rcnn_resnet50_fpn",
    "mini_config",
    "prepare_for_inference",
]
