"""Position-sensitive RoI operations: every bin reads score maps of its own.

PSRoIPool: Dai, Li, He, Sun 2016, "R-FCN", section 2, and Li, Qi, Dai, Ji, Wei 2017, "Fully
Convolutional Instance-aware Semantic Segmentation" (FCIS), the rival of Mask R-CNN's Table 1.
PSRoIAlign is the same with RoIAlign's samples. The map has C * P_h * P_w channels; bin (i, j) of
output channel c reads input channel `(c * P_h + i) * P_w + j`.

These are the definitions, to be read, as in `mrcnn_lite.ops.roi`; the fast ones, which
`mrcnn_lite.ops` gives, are in `mrcnn_lite.ops.fast.ps_roi`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrcnn_lite.ops.arguments import bag_arguments, ps_arguments
from mrcnn_lite.ops.axis import Axis, align_axis, both_axes, ps_pool_axis
from mrcnn_lite.ops.bags import Bags


def ps_roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """PSRoIPool by its definition: the mean of each bin's cells on the bin's own score map.

    Arguments, result and errors are those of `mrcnn_lite.ops.ps_roi_pool`.
    """
    rois, output_size = ps_arguments(input, boxes, output_size, spatial_scale)
    y, x = both_axes(ps_pool_axis, rois, output_size, input.shape[2:], spatial_scale)
    return own_map_means(input[rois[:, 0].long()], y, x)


def ps_roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Tensor:
    """PSRoIAlign by its definition: the mean of each bin's samples on the bin's own score map.

    Arguments, result and errors are those of `mrcnn_lite.ops.ps_roi_align`.
    """
    rois, output_size = ps_arguments(input, boxes, output_size, spatial_scale)
    y, x = both_axes(
        align_axis, rois, output_size, input.shape[2:], spatial_scale, sampling_ratio, True
    )
    return own_map_means(input[rois[:, 0].long()], y, x)


def own_map_means(maps: Tensor, y: Axis, x: Axis) -> Tensor:
    """`roi.weighted_means`, where bin (p, q) of a channel reads the p-th row's q-th map.

    Args:
        maps: `Tensor[K, C * P_h * P_w, H, W]`, for each RoI.
        y: what the P_h rows of bins read.
        x: what the P_w columns of bins read.

    Returns:
        `Tensor[K, C, P_h, P_w]`.
    """
    rows = y.dense(maps.shape[2])  # [K, P_h, H]
    columns = x.dense(maps.shape[3])  # [K, P_w, W]
    of_bins = maps.unflatten(1, (-1, rows.shape[1], columns.shape[1]))  # [K, C, P_h, P_w, H, W]
    exact = torch.promote_types(maps.dtype, rows.dtype)  # no weights in half precision
    factors = rows.to(exact), of_bins.to(exact), columns.to(exact)
    return torch.einsum("kph,kcpqhw,kqw->kcpq", *factors).to(maps.dtype)


def ps_roi_pool_bags(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Bags:
    """The cells that each bin of PSRoIPool averages, as `ps_roi_pool` describes them.

    Args:
        map_size: (H, W) of the feature map in cells.
        boxes: as for `ps_roi_pool`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.

    Returns:
        the bags, position-sensitive.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, or a coordinate that is not finite.
    """
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = both_axes(ps_pool_axis, rois, output_size, size, spatial_scale)
    return Bags(rois, y, x, size, spatial_scale, position_sensitive=True)


def ps_roi_align_bags(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Bags:
    """The weighted cells that each bin of PSRoIAlign averages, as `ps_roi_align` describes them.

    Args:
        map_size: (H, W) of the feature map in cells.
        boxes: as for `ps_roi_pool`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        the bags, position-sensitive.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, or a coordinate that is not finite.
    """
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = both_axes(align_axis, rois, output_size, size, spatial_scale, sampling_ratio, True)
    return Bags(rois, y, x, size, spatial_scale, position_sensitive=True)
