"""A model made ready for inference: what training needs and inference does not is taken out."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models.fast.box_head import ChannelsLastBoxHead
from mrcnn_lite.models.fast.native_precision import native_precision
from mrcnn_lite.models.fast.one_mask import OneMaskPredictor
from mrcnn_lite.models.fast.winograd import use_winograd
from mrcnn_lite.models.heads import BoxHead, MaskPredictor
from mrcnn_lite.models.losses import mask_probabilities
from mrcnn_lite.models.mask_rcnn import LAYERS, MaskRCNN
from mrcnn_lite.models.roi_heads import RoIHeads


def prepare_for_inference(model: MaskRCNN, dtype: torch.dtype | None = None) -> MaskRCNN:
    """Make a copy that detects the same, faster; the model itself stays as it is.

    Batch norm becomes part of the convolution before it: with its statistics fixed it only scales
    and shifts, n(w * x) = (scale w) * x + shift. Images and weights are laid out channels last, and
    of a RoI's masks only that of its class is computed, where classes do not compete. On a CPU the
    trunk's 3x3 convolutions, too, take a quarter of the multiplications, unless they are to be in
    half precision (see `mrcnn_lite.models.fast.winograd`).

    Args:
        model: any model of this package, on the device where it is to run.
        dtype: of the layers' weights. If none is given, those of a float32 model become bfloat16
            where the processor multiplies it natively, and else stay as they are: without such
            instructions bfloat16 is several times slower than float32. What must be precise (boxes,
            scores, masks in the image) is float32 all the same.

    Returns:
        The copy, in evaluation mode. It is called as the model is, and its `precision` says what
        became of the weights. They want no gradient; images may.
    """
    # A copy made in inference mode could not be part of a gradient outside.
    with torch.inference_mode(False):
        prepared = copy.deepcopy(model).eval().requires_grad_(False)
        if dtype is None and prepared.precision == torch.float32:
            dtype = native_precision(next(prepared.parameters()).device)
        fold_batch_norm(prepared)
        replace_box_head(prepared)
        replace_mask_predictor(prepared)
        for layer in prepared.modules():
            if dtype is not None and isinstance(layer, LAYERS):
                layer.to(dtype)
        use_winograd(prepared)
        return prepared.to(memory_format=torch.channels_last)


def fold_batch_norm(module: nn.Module) -> None:
    """Fold, in place, every batch norm that directly follows a convolution into it.

    Args:
        module: in evaluation mode; a batch norm belongs to the convolution registered just before
            it, as in all of torchvision's ResNets.
    """
    for parent in list(module.modules()):
        for (name, layer), (norm_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(
                norm, (nn.BatchNorm2d, FrozenBatchNorm2d)
            ):
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                setattr(parent, norm_name, nn.Identity())


def replace_box_head(model: MaskRCNN) -> None:
    """Replace, in place, a box head that copies its features by one that reads them as they lie."""
    for parent in list(model.modules()):
        for name, head in list(parent.named_children()):
            if type(head) is BoxHead:
                setattr(parent, name, ChannelsLastBoxHead(head, model.backbone.out_channels))


def replace_mask_predictor(model: MaskRCNN) -> None:
    """Replace, in place, a mask predictor by one that can give a single class's masks.

    Where classes compete for pixels (softmax), it stays.
    """
    for heads in model.modules():
        if (
            isinstance(heads, RoIHeads)
            and type(heads.mask_predictor) is MaskPredictor
            and heads.mask_probabilities is mask_probabilities
        ):
            heads.mask_predictor = OneMaskPredictor(heads.mask_predictor)
