"""The ways to segment instances that can be trained here, by name."""

from torch import nn

from mrcnn_lite.models.fcis import FCISHeads, fcis
from mrcnn_lite.models.fcn import FCN, fcn
from mrcnn_lite.models.mask_rcnn import mask_rcnn

# Each builds its model, with random weights, from a `MaskRCNNConfig`.
METHODS = {"mask_rcnn": mask_rcnn, "fcis": fcis, "fcn": fcn}


def method_of(model: nn.Module) -> str:
    """Name the method of a model: a key of `METHODS`."""
    if isinstance(model, FCN):
        return "fcn"
    return "fcis" if isinstance(model.roi_heads, FCISHeads) else "mask_rcnn"
