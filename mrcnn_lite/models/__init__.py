"""Mask R-CNN and its parts.

To be read in this order: mask_rcnn.py (the whole, in one forward pass), backbone.py and fpn.py (an
image's features; c4.py for the single map before pyramids), rpn.py (proposals), roi_features.py and
roi_heads.py (what becomes of each), heads.py, losses.py, paste.py. build.py says which parts a
configuration means, fast/ has what is there for speed alone, and fcis.py and fcn.py are the rivals.
"""

from mrcnn_lite.models.build import mask_rcnn, mask_rcnn_resnet50_fpn, mini_config
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fast.prepare import prepare_for_inference
from mrcnn_lite.models.mask_rcnn import MaskRCNN

__all__ = [
    "MaskRCNN",
    "MaskRCNNConfig",
    "mask_rcnn",
    "mask_rcnn_resnet50_fpn",
    "mini_config",
    "prepare_for_inference",
]
