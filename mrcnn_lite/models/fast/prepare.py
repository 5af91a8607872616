"""A model made ready for inference: what training needs and inference does not is taken out."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models.fast.box_head import ChannelsLastBoxHead
from mrcnn_lite.models.fast.native_precision import native_precision
from mrcnn_lite.models.fast.winograd import CELLS, WinogradConv2d, best_cells, keeps_size
from mrcnn_lite.models.fpn import FeaturePyramid
from mrcnn_lite.models.heads import BoxHead, ConvolutionalBoxHead
from mrcnn_lite.models.keypoints import KeypointHead
from mrcnn_lite.models.mask_rcnn import LAYERS, MaskRCNN

# Of fewer channels, Winograd's sums cost what its products save; of more, reading its weights does.
WINOGRAD_CHANNELS = range(128, 257)
# The keypoint head's weights are read for many RoIs at a time.
WINOGRAD_KEYPOINT_CHANNELS = range(128, 513)
# The finest two of a pyramid's four maps have 94 % of the cells; Winograd's weights for each of the
# others would take 10 MiB more, and save next to nothing.
WINOGRAD_MAPS = 2


def prepare_for_inference(model: MaskRCNN, dtype: torch.dtype | None = None) -> MaskRCNN:
    """Make a copy that detects the same, faster; the model itself stays as it is.

    Batch norm becomes part of the convolution before it: with its statistics fixed it only scales
    and shifts, n(w * x) = (scale w) * x + shift. Images and weights are laid out channels last. On
    a CPU the 3x3 convolutions of middling width take a quarter of the multiplications, unless they
    are to be in half precision (see `mrcnn_lite.models.fast.winograd`).

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
        for layer in prepared.modules():
            if dtype is not None and isinstance(layer, LAYERS):
                layer.to(dtype)
        for part in list(prepared.modules()):
            if isinstance(part, ConvolutionalBoxHead):
                replace_by_winograd(part, best_cells(prepared.roi_heads.box_bins))
        replace_by_winograd(prepared)
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


def replace_by_winograd(module: nn.Module, cells: int = CELLS) -> None:
    """Replace, in place, the convolutions that `WinogradConv2d` computes faster.

    Args:
        module: those of its convolutions are replaced that are on a CPU, in float32 or finer, keep
            their maps' size and have a number of channels in `WINOGRAD_CHANNELS` (in a keypoint
            head, in `WINOGRAD_KEYPOINT_CHANNELS`); in a pyramid, those of the finest maps.
        cells: see `WinogradConv2d`.
    """
    of_coarse_maps = {
        block
        for pyramid in module.modules()
        if isinstance(pyramid, FeaturePyramid)
        for block in pyramid.layer_blocks[WINOGRAD_MAPS:]
    }
    for parent in set(module.modules()) - of_coarse_maps:
        for_keypoints = isinstance(parent, KeypointHead)
        channels = WINOGRAD_KEYPOINT_CHANNELS if for_keypoints else WINOGRAD_CHANNELS
        for name, layer in list(parent.named_children()):
            if (
                keeps_size(layer)
                and layer.in_channels in channels
                and layer.out_channels in channels
                and layer.weight.device.type == "cpu"
                and layer.weight.dtype in (torch.float32, torch.float64)
            ):
                setattr(parent, name, WinogradConv2d(layer, cells))
