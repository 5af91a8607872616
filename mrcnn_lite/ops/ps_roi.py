"""Position-sensitive RoI operations: every bin reads score maps of its own.

PSRoIPool: Dai, Li, He, Sun 2016, "R-FCN", section 2, and Li, Qi, Dai, Ji, Wei 2017, "Fully
Convolutional Instance-aware Semantic Segmentation" (FCIS), the rival of Mask R-CNN's Table 1.
PSRoIAlign is the same with RoIAlign's samples. The map has C * P_h * P_w channels; bin (i, j) of
output channel c reads input channel `(c * P_h + i) * P_w + j`. For the reducer that is no different
from other bags: the table has C columns, and the bins (i, j) read different parts of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torchvision
from torch import Tensor

from mrcnn_lite.ops.arguments import axes, bag_arguments, op_arguments
from mrcnn_lite.ops.axis import Axis, bilinear_samples, round_half_away, whole_cells
from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.kernels import run_torchvision, use_torchvision
from mrcnn_lite.ops.product import multiply
from mrcnn_lite.ops.reduce import reduce_sum
from mrcnn_lite.ops.tables import as_output, as_table


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
    y, x = _pool_axes(size, rois, output_size, spatial_scale)
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
    y, x = _align_axes(size, rois, output_size, spatial_scale, sampling_ratio)
    return Bags(rois, y, x, size, spatial_scale, position_sensitive=True)


def ps_roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """PSRoIPool (R-FCN, section 2): the mean of each bin's cells on the bin's own score map.

    The box is rounded to whole cells, halves away from zero, without RoIPool's + 1 but at least one
    cell large; bins are rounded outwards to whole cells. As in torchvision, whose kernel clips a
    bin's exclusive end to the last cell, the map's last row and column are never read.

    Args:
        input: `Tensor[N, C * P_h * P_w, H, W]`, the score maps.
        boxes: `Tensor[K, 5]` of (image, x1, y1, x2, y2), or a `Tensor[L, 4]` for each image; in
            image pixels.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.

    Returns:
        `Tensor[K, C, P_h, P_w]`, of the input's type; an empty bin gives 0.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, channels that P_h * P_w does not divide, an image
            number that is not in the batch, or a coordinate that is not finite.
    """
    rois, output_size = _arguments(input, boxes, output_size, spatial_scale)
    if use_torchvision():
        return run_torchvision(torchvision.ops.ps_roi_pool, input, rois, output_size, spatial_scale)
    y, x = _pool_axes(input.shape[2:], rois, output_size, spatial_scale)
    return _reduce(input, rois, y, x, output_size)


def ps_roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Tensor:
    """PSRoIAlign: the mean of each bin's bilinear samples on the bin's own score map.

    The samples are those of `roi_align` with `aligned=True`; a bin without samples gives 0 (of an
    empty box that is sampled adaptively, torchvision makes NaN).

    Args:
        input: `Tensor[N, C * P_h * P_w, H, W]`, the score maps.
        boxes: as for `ps_roi_pool`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        `Tensor[K, C, P_h, P_w]`, of the input's type.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, channels that P_h * P_w does not divide, an image
            number that is not in the batch, or a coordinate that is not finite.
    """
    rois, output_size = _arguments(input, boxes, output_size, spatial_scale)
    if use_torchvision() and not rois.requires_grad:
        arguments = output_size, spatial_scale, sampling_ratio
        return run_torchvision(torchvision.ops.ps_roi_align, input, rois, *arguments)
    y, x = _align_axes(input.shape[2:], rois, output_size, spatial_scale, sampling_ratio)
    return _reduce(input, rois, y, x, output_size)


def _arguments(input, boxes, output_size, spatial_scale):
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    bins = output_size[0] * output_size[1]
    if input.shape[1] % bins:
        raise ValueError(
            f"input must have a multiple of P_h * P_w = {bins} channels, got {input.shape[1]}"
        )
    return rois, output_size


def _pool_axes(size, rois, output_size, spatial_scale) -> Iterator[Axis]:
    for low, high, bins, length in axes(rois, output_size, size):
        start, end = round_half_away(low * spatial_scale), round_half_away(high * spatial_scale)
        axis = whole_cells(start, (end - start).clamp(min=1), bins, last=length - 1)
        share = 1 / axis.counts.to(start.dtype)
        of_cell = share.repeat_interleave(axis.counts, output_size=len(axis.cells))
        yield replace(axis, weights=of_cell)


def _align_axes(size, rois, output_size, spatial_scale, sampling_ratio) -> Iterator[Axis]:
    for low, high, bins, length in axes(rois, output_size, size):
        origin, end = low * spatial_scale - 0.5, high * spatial_scale - 0.5
        yield bilinear_samples(origin, end - origin, bins, length, sampling_ratio)


def _reduce(input: Tensor, rois: Tensor, y: Axis, x: Axis, output_size) -> Tensor:
    height, width = input.shape[2:]
    # One map per image and bin, whose channels are those of the output.
    maps = input.unflatten(1, (-1, output_size[0] * output_size[1])).transpose(1, 2).flatten(0, 1)
    table = as_table(maps)
    cells, weights, offsets = multiply(rois, y, x, (height, width), position_sensitive=True)
    shape = len(rois), *output_size
    return as_output(reduce_sum(table, cells, weights.to(table.dtype), offsets, shape), input.dtype)
