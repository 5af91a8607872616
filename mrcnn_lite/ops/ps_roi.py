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
from mrcnn_lite.ops.axis import align_axis, both_axes, ps_pool_axis, round_half_away
from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.roi import cells_of_bins, sample_weights


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
    maps = input[rois[:, 0].long()]  # [K, C * P_h * P_w, H, W]
    start, end = round_half_away(rois[:, 1:] * spatial_scale).split(2, dim=1)  # [K, 2], of (x, y)
    size = (end - start).clamp(min=1)
    rows = cells_of_bins(start[:, 1], size[:, 1], output_size[0], maps.shape[2])  # [K, P_h, H]
    columns = cells_of_bins(start[:, 0], size[:, 0], output_size[1], maps.shape[3])  # [K, P_w, W]
    rows[..., -1] = columns[..., -1] = False  # never read; see `mrcnn_lite.ops.ps_roi_pool`
    rows, columns = rows.to(rois.dtype), columns.to(rois.dtype)
    rows = rows / rows.sum(dim=2, keepdim=True).clamp(min=1)
    columns = columns / columns.sum(dim=2, keepdim=True).clamp(min=1)
    return own_map_means(maps, rows, columns)


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
    rois, output_size = ps_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    maps = input[rois[:, 0].long()]  # [K, C * P_h * P_w, H, W]
    start, end = (rois[:, 1:] * spatial_scale - 0.5).split(2, dim=1)  # [K, 2], of (x, y)
    (x, y), (width, height) = start.unbind(1), (end - start).unbind(1)  # [K] each
    rows = sample_weights(y, height, output_size[0], maps.shape[2], sampling_ratio)  # [K, P_h, H]
    columns = sample_weights(x, width, output_size[1], maps.shape[3], sampling_ratio)  # and W
    return own_map_means(maps, rows, columns)


def own_map_means(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The formula of `roi.py`, where bin (p, q) of each channel reads a map of its own.

    Args:
        maps: `Tensor[K, C * P_h * P_w, H, W]`, for each RoI.
        rows: `Tensor[K, P_h, H]`, weights that sum to 1.
        columns: `Tensor[K, P_w, W]`, likewise.

    Returns:
        `Tensor[K, C, P_h, P_w]`.
    """
    own_maps = maps.unflatten(1, (-1, rows.shape[1], columns.shape[1]))  # [K, C, P_h, P_w, H, W]
    exact = torch.promote_types(maps.dtype, rows.dtype)  # no weights in half precision
    factors = rows.to(exact), own_maps.to(exact), columns.to(exact)
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
    size, rois, output_size = bag_arguments(
        map_size, boxes, output_size, spatial_scale, sampling_ratio
    )
    y, x = both_axes(align_axis, rois, output_size, size, spatial_scale, sampling_ratio, True)
    return Bags(rois, y, x, size, spatial_scale, position_sensitive=True)
