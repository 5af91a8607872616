"""From boxes of any size to features of one size: level assignment and RoI operation."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.ops.by_name import find_operation

# (features `Tensor[N, C, H, W]`, RoIs `Tensor[R, 5]` of (image, x1, y1, x2, y2) in image pixels, P,
# feature cells per image pixel) to `Tensor[R, C, P, P]`.
RoIOp = Callable[[Tensor, Tensor, int, float], Tensor]

# Two samples per bin and axis, four per bin, as in Mask R-CNN's section 3 ("RoIAlign").
SAMPLING_RATIO = 2


def assign_levels(
    boxes: Tensor,
    canonical_size: int,
    canonical_level: int,
    finest_level: int,
    coarsest_level: int,
) -> Tensor:
    """Say which pyramid level each box is read from (FPN, equation 1).

    k = floor(k_0 + log2(sqrt(w h) / canonical_size)), kept within the levels that there are: the
    larger the box, the coarser its map, so that every box covers a similar number of cells.

    Args:
        boxes: `Tensor[R, 4]` in image pixels.
        canonical_size: a box of this size (root of its area) belongs to ...
        canonical_level: ... this level, k_0.
        finest_level, coarsest_level: the range of k; level k has stride 2**k.

    Returns:
        `Tensor[R]` of int64.
    """
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    sizes = torch.sqrt(widths * heights)
    # A box exactly on the border belongs to the upper level, whatever the rounding of the root.
    level = torch.floor(canonical_level + torch.log2(sizes / canonical_size) + 1e-6)
    return level.clamp(finest_level, coarsest_level).to(torch.int64)


def extract_roi_features(
    features: list[Tensor],
    boxes: list[Tensor],
    padded_size: tuple[int, int],
    output_size: int,
    config: MaskRCNNConfig,
    roi_op: RoIOp | None = None,
) -> Tensor:
    """Read each box's features from the level that fits it.

    Args:
        features: P2, P3, ... without the RPN's extra level, each `Tensor[N, C, H_k, W_k]`; or one
            map, from which all boxes are read.
        boxes: for each image `Tensor[R_i, 4]`, in pixels of the resized image.
        padded_size: (height, width) of the image batch that the maps were computed from.
        output_size: P, bins per axis.
        config: names the RoI operation and the rule of the levels.
        roi_op: takes the place of the configured operation (see `RoIOp`).

    Returns:
        `Tensor[R_1 + R_2 + ..., C, P, P]`, in the order of the boxes.
    """
    roi_op = roi_op or make_roi_op(config)
    image_index = torch.cat([box.new_full((len(box), 1), i) for i, box in enumerate(boxes)])
    rois = torch.cat([image_index, torch.cat(boxes)], dim=1)
    # A map's stride is a power of two; its size may have been rounded.
    exponents = [round_log2(padded_size[0] / feature.shape[-2]) for feature in features]
    if len(features) == 1:
        return roi_op(features[0], rois, output_size, 2.0 ** -exponents[0])
    levels = assign_levels(
        rois[:, 1:],
        config.roi_canonical_size,
        config.roi_canonical_level,
        exponents[0],
        exponents[-1],
    )
    read, places = [], []
    for exponent, feature in zip(exponents, features):
        of_level = torch.nonzero(levels == exponent).squeeze(1)
        level_features = roi_op(feature, rois[of_level], output_size, 2.0**-exponent)
        # As rows of channels, which is how the RoI operations leave them in memory.
        read.append(level_features.permute(0, 2, 3, 1))
        places.append(of_level)
    return _Interleave.apply(places, *read).permute(0, 3, 1, 2)


class _Interleave(torch.autograd.Function):
    """Put the rows of several tensors in their places among all rows.

    As `torch.cat(parts)[order]`, but without writing everything twice: RoI features are the
    largest tensors of the second stage.
    """

    @staticmethod
    def forward(ctx, places, *parts):
        ctx.places = places
        rows = parts[0].new_empty(sum(map(len, parts)), *parts[0].shape[1:])
        for place, part in zip(places, parts):
            rows.index_copy_(0, place, part)
        return rows

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return None, *(grad.index_select(0, place) for place in ctx.places)


def make_roi_op(config: MaskRCNNConfig) -> RoIOp:
    """Give the configured RoI operation the arguments that do not change from call to call."""
    unaligned = config.roi_op == "align" and not config.aligned
    operation = find_operation("align_unaligned" if unaligned else config.roi_op)
    return partial(operation.read, sampling_ratio=SAMPLING_RATIO, reduce=config.roi_reduce)


def round_log2(ratio: float) -> int:
    """Round the base-2 logarithm of an image-to-map ratio to the level's number."""
    return int(torch.tensor(ratio).log2().round())
