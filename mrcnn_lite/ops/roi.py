"""RoIPool, RoIWarp and RoIAlign: a feature of fixed size for every box.

RoIPool: Girshick 2015, "Fast R-CNN", section 2.1. RoIWarp: Dai, He, Sun 2016, "Instance-aware
Semantic Segmentation via Multi-task Network Cascades", as Mask R-CNN's Table 2c describes it.
RoIAlign: He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN", section 3.

Each operation stands beside its bags: which cells its bins read (`roi_align_bags`), then what is
made of them (`roi_align`). One difference at a time leads from the first to the last: RoIWarp reads
RoIPool's box by interpolation, RoIAlign leaves that box unrounded.
"""

from collections.abc import Iterator, Sequence

import torchvision
from torch import Tensor

from mrcnn_lite.ops.arguments import axes, bag_arguments, check_choice, op_arguments
from mrcnn_lite.ops.axis import Axis, bilinear_samples, quantised_box, whole_cells
from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.kernels import run_torchvision, torchvision_warp, use_torchvision
from mrcnn_lite.ops.product import multiply
from mrcnn_lite.ops.reduce import reduce_max
from mrcnn_lite.ops.tables import as_output, as_table, reduce_samples


def roi_pool_bags(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Bags:
    """The cells over which each bin of RoIPool takes the maximum (Fast R-CNN, section 2.1).

    Two roundings: the box to whole cells (halves away from zero, the last cell included), and each
    bin outwards to whole cells. Bins therefore overlap; off the map they are empty.

    Args:
        map_size: (H, W) of the feature map in cells.
        boxes: `Tensor[K, 5]` of (image, x1, y1, x2, y2), or a `Tensor[L, 4]` for each image; in
            image pixels. A box may lie off the map, be empty or be inverted.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.

    Returns:
        the bags, without weights.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, or a coordinate that is not finite.
    """
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = _pool_axes(size, rois, output_size, spatial_scale)
    return Bags(rois, y, x, size, spatial_scale)


def roi_warp_bags(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Bags:
    """The weighted cells that each bin of RoIWarp averages (Mask R-CNN, Table 2c).

    The box is rounded as RoIPool rounds it, the bins are not: they are equal parts of it, read at
    sample points by bilinear interpolation. That is RoIAlign of RoIPool's box.

    Args:
        map_size: (H, W) of the feature map in cells.
        boxes: as for `roi_pool_bags`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        the bags.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, or a coordinate that is not finite.
    """
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = _warp_axes(size, rois, output_size, spatial_scale, sampling_ratio)
    return Bags(rois, y, x, size, spatial_scale)


def roi_align_bags(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Bags:
    """The weighted cells that each bin of RoIAlign averages (Mask R-CNN, section 3).

    Nothing is rounded: the bins are equal parts of the box, read at sample points by bilinear
    interpolation.

    Args:
        map_size: (H, W) of the feature map in cells.
        boxes: as for `roi_pool_bags`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.
        aligned: take a cell's value as standing at its centre, j + 0.5. False is the first
            implementations' reading: the value stands at j, so that the box is read half a cell
            too far right and down; a box smaller than a cell is then read as one cell.

    Returns:
        the bags; the weights are differentiable with respect to `boxes`.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, or a coordinate that is not finite.
    """
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = _align_axes(size, rois, output_size, spatial_scale, sampling_ratio, aligned)
    return Bags(rois, y, x, size, spatial_scale)


def _pool_axes(size, rois, output_size, spatial_scale) -> Iterator[Axis]:
    for low, high, bins, length in axes(rois, output_size, size):
        yield whole_cells(*quantised_box(low, high, spatial_scale), bins, last=length)


def _warp_axes(size, rois, output_size, spatial_scale, sampling_ratio) -> Iterator[Axis]:
    for low, high, bins, length in axes(rois, output_size, size):
        start, extent = quantised_box(low, high, spatial_scale)
        yield bilinear_samples(start - 0.5, extent, bins, length, sampling_ratio)


def _align_axes(size, rois, output_size, spatial_scale, sampling_ratio, aligned) -> Iterator[Axis]:
    half_a_cell = 0.5 if aligned else 0.0
    for low, high, bins, length in axes(rois, output_size, size):
        origin, end = (edge * spatial_scale - half_a_cell for edge in (low, high))
        extent = end - origin if aligned else (end - origin).clamp(min=1)
        yield bilinear_samples(origin, extent, bins, length, sampling_ratio)


def roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """RoIPool (Fast R-CNN, section 2.1): the maximum of each bin's cells, an empty bin giving 0.

    Args:
        input: `Tensor[N, C, H, W]`, the features; fastest in channels-last format.
        boxes: `Tensor[K, 5]` of (image, x1, y1, x2, y2), or a `Tensor[L, 4]` for each image; in
            image pixels.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.

    Returns:
        `Tensor[K, C, P_h, P_w]` in channels-last format, of the input's type; differentiable with
        respect to `input`. Of equal maxima the first in reading order gets the gradient.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, an image number that is not in the batch, or a
            coordinate that is not finite.
    """
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    if use_torchvision():
        return run_torchvision(torchvision.ops.roi_pool, input, rois, output_size, spatial_scale)
    y, x = _pool_axes(input.shape[2:], rois, output_size, spatial_scale)
    cells, _, offsets = multiply(rois, y, x, input.shape[2:])
    rows = reduce_max(as_table(input), cells, offsets, (len(rois), *output_size))
    return as_output(rows, input.dtype)


def roi_warp(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    reduce: str = "mean",
) -> Tensor:
    """RoIWarp as Mask R-CNN's Table 2c has it: RoIPool's rounded box, read by interpolation.

    Args:
        input: `Tensor[N, C, H, W]`, the features; fastest in channels-last format.
        boxes: as for `roi_pool`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.
        reduce: "mean" or "max" of a bin's samples.

    Returns:
        `Tensor[K, C, P_h, P_w]` in channels-last format, of the input's type; differentiable with
        respect to `input`, and to `boxes`, where the rounding makes the gradient zero.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, size or `reduce`, an image number that is not in the batch, or a
            coordinate that is not finite.
    """
    check_choice("reduce", reduce, ("mean", "max"))
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    if use_torchvision() and reduce == "mean" and not rois.requires_grad:
        return torchvision_warp(input, rois, output_size, spatial_scale, sampling_ratio)
    y, x = _warp_axes(input.shape[2:], rois, output_size, spatial_scale, sampling_ratio)
    return reduce_samples(input, rois, y, x, reduce)


def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    reduce: str = "mean",
) -> Tensor:
    """RoIAlign (Mask R-CNN, section 3): bilinear samples of the unrounded box.

    Args:
        input: `Tensor[N, C, H, W]`, the features; fastest in channels-last format.
        boxes: as for `roi_pool`.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        spatial_scale: feature cells per image pixel.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.
        aligned: take a cell's value as standing at its centre; see `roi_align_bags`.
        reduce: "mean" or "max" of a bin's samples.

    Returns:
        `Tensor[K, C, P_h, P_w]` in channels-last format, of the input's type; differentiable with
        respect to `input` and `boxes`.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, size or `reduce`, an image number that is not in the batch, or a
            coordinate that is not finite.
    """
    check_choice("reduce", reduce, ("mean", "max"))
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    if use_torchvision() and reduce == "mean" and not rois.requires_grad:
        arguments = output_size, spatial_scale, sampling_ratio, aligned
        return run_torchvision(torchvision.ops.roi_align, input, rois, *arguments)
    y, x = _align_axes(input.shape[2:], rois, output_size, spatial_scale, sampling_ratio, aligned)
    return reduce_samples(input, rois, y, x, reduce)
