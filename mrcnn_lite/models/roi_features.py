"""From boxes of any size to features of one size: level assignment and RoI operation.

A mask seen through a box, which is what the mask branch learns, is read in the same way.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fast.training import interleave
from mrcnn_lite.ops import roi_align
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
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]  # [R], [R]
    sizes = torch.sqrt(widths * heights)  # [R]
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
    image_index = [box.new_full((len(box), 1), i) for i, box in enumerate(boxes)]
    rois = torch.cat([torch.cat(image_index), torch.cat(boxes)], dim=1)  # [R, 5]
    # A map's stride is a power of two; its size may have been rounded.
    exponents = [round_log2(padded_size[0] / feature.shape[-2]) for feature in features]
    if len(features) == 1:
        return roi_op(features[0], rois, output_size, 2.0 ** -exponents[0])  # [R, C, P, P]
    levels = assign_levels(
        rois[:, 1:],
        config.roi_canonical_size,
        config.roi_canonical_level,
        exponents[0],
        exponents[-1],
    )  # [R]
    read, places = [], []
    for exponent, feature in zip(exponents, features):
        on_level = torch.nonzero(levels == exponent).squeeze(1)  # [L]
        level_features = roi_op(feature, rois[on_level], output_size, 2.0**-exponent)
        # As rows of channels, which is how the RoI operations leave them in memory.
        read.append(level_features.permute(0, 2, 3, 1))  # [L, C, P, P] to [L, P, P, C]
        places.append(on_level)
    # From level by level to the order of the boxes.
    return interleave(read, places).permute(0, 3, 1, 2)  # [R, P, P, C] to [R, C, P, P]


def make_roi_op(config: MaskRCNNConfig) -> RoIOp:
    """Give the configured RoI operation the arguments that do not change from call to call."""
    unaligned = config.roi_op == "align" and not config.aligned
    operation = find_operation("align_unaligned" if unaligned else config.roi_op)
    return partial(operation.read, sampling_ratio=SAMPLING_RATIO, reduce=config.roi_reduce)


def round_log2(ratio: float) -> int:
    """Round the base-2 logarithm of an image-to-map ratio to the level's number."""
    return int(torch.tensor(ratio).log2().round())


def crop_masks(
    masks: Tensor, boxes: Tensor, mask_index: Tensor, output_size: int, aligned: bool
) -> Tensor:
    """See each box's true mask through the box, at the mask branch's resolution.

    Args:
        masks: `Tensor[G, H, W]`, 0 or 1, at the resized image's resolution.
        boxes: `Tensor[R, 4]` in image pixels.
        mask_index: `Tensor[R]`, which mask belongs to each box.
        output_size: m, the side of the result.
        aligned: as the features are read (see `MaskRCNNConfig.aligned`).

    Returns:
        `Tensor[R, m, m]`, 0 to 1: how much of each bin the mask covers.
    """
    height, width = masks.shape[-2:]
    targets = boxes.new_zeros(len(boxes), output_size, output_size)  # [R, m, m]
    # Object by object: only what its boxes show becomes floating point, not the whole image.
    for index in mask_index.unique().tolist():
        shown_in = torch.nonzero(mask_index == index).squeeze(1)  # [S]
        object_boxes = boxes[shown_in]  # [S, 4]
        # RoIAlign reads no farther than two cells beyond a box.
        x1, y1 = (object_boxes[:, :2].amin(dim=0) - 2).floor().int().tolist()
        x2, y2 = (object_boxes[:, 2:].amax(dim=0) + 2).ceil().int().tolist()
        x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        crop = masks[index, y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].to(boxes.dtype)  # [h, w]
        rois = [object_boxes - boxes.new_tensor([x1, y1, x1, y1])]
        read = roi_align(crop[None, None], rois, output_size, aligned=aligned)  # [S, 1, m, m]
        targets[shown_in] = read[:, 0]
    return targets
