"""RoIPool, RoIWarp and RoIAlign: a feature of fixed size for every box.

RoIPool: Girshick 2015, "Fast R-CNN", section 2.1. RoIWarp: Dai, He, Sun 2016, "Instance-aware
Semantic Segmentation via Multi-task Network Cascades", as Mask R-CNN's Table 2c describes it.
RoIAlign: He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN", section 3.

These are the definitions, to be read; `mrcnn_lite.ops` gives the same numbers faster, by the same
names (`mrcnn_lite.ops.fast`). One difference at a time leads from the first to the last: RoIWarp
reads RoIPool's box by interpolation, RoIAlign leaves that box unrounded.

Along y, bin p reads row h of the map with the weight rows[p, h]; along x, bin q reads column w with
the weight columns[q, w]. The bin in row p and column q reads

    sum over h and w of  rows[p, h] * map[h, w] * columns[q, w],

and RoIPool, whose weights are 0 and 1, has the maximum in place of the sum.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.ops.arguments import bag_arguments, check_choice, op_arguments
from mrcnn_lite.ops.axis import (
    MOST_SAMPLES,
    align_axis,
    both_axes,
    check_total,
    neighbours,
    pool_axis,
    quantised_box,
    warp_axis,
)
from mrcnn_lite.ops.bags import Bags


def roi_pool(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """RoIPool by its definition: the maximum of each bin's cells, an empty bin giving 0.

    Arguments, result and errors are those of `mrcnn_lite.ops.roi_pool`.
    """
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    start, size = quantised_box(rois[:, 1:3], rois[:, 3:], spatial_scale)  # [K, 2] each, of (x, y)
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    rows = cells_of_bins(start[:, 1], size[:, 1], output_size[0], maps.shape[2])  # [K, P_h, H]
    columns = cells_of_bins(start[:, 0], size[:, 0], output_size[1], maps.shape[3])  # [K, P_w, W]
    in_bin = rows[:, :, None, :, None] & columns[:, None, :, None]  # [K, P_h, P_w, H, W]
    in_bin = in_bin[:, None].flatten(-2)  # [K, 1, P_h, P_w, H * W]
    cells = maps.flatten(-2)[:, :, None, None].masked_fill(~in_bin, float("-inf"))
    largest = cells.max(dim=-1).values  # [K, C, P_h, P_w], the first of equal ones
    return largest.where(in_bin.any(dim=-1), 0)


def roi_warp(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    reduce: str = "mean",
) -> Tensor:
    """RoIWarp by its definition: RoIPool's rounded box, read by interpolation.

    Arguments, result and errors are those of `mrcnn_lite.ops.roi_warp`.
    """
    check_choice("reduce", reduce, ("mean", "max"))
    rois, bins = op_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    start, size = quantised_box(rois[:, 1:3], rois[:, 3:], spatial_scale)  # [K, 2] each, of (x, y)
    return read_samples(input[rois[:, 0].long()], start - 0.5, size, bins, sampling_ratio, reduce)


def roi_align(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    reduce: str = "mean",
) -> Tensor:
    """RoIAlign by its definition: the box as it is, read by interpolation.

    Arguments, result and errors are those of `mrcnn_lite.ops.roi_align`.
    """
    check_choice("reduce", reduce, ("mean", "max"))
    rois, bins = op_arguments(input, boxes, output_size, spatial_scale, sampling_ratio, aligned)
    start, end = (rois[:, 1:] * spatial_scale - (0.5 if aligned else 0.0)).split(2, dim=1)
    size = end - start if aligned else (end - start).clamp(min=1)  # [K, 2], of (x, y)
    return read_samples(input[rois[:, 0].long()], start, size, bins, sampling_ratio, reduce)


def cells_of_bins(start: Tensor, size: Tensor, bins: int, length: int) -> Tensor:
    """Along one axis, the cells that RoIPool's bins read: equal parts, rounded outwards.

    Args:
        start: `Tensor[K]` of whole numbers, where the boxes begin.
        size: `Tensor[K]`, their extent.
        bins: P, the number of bins.
        length: L, the number of cells.

    Returns:
        bool `Tensor[K, P, L]`.
    """
    p = torch.arange(bins, dtype=start.dtype, device=start.device)
    cell = torch.arange(length, dtype=start.dtype, device=start.device)
    bin_size = (size / bins)[:, None]  # [K, 1]
    first = (p * bin_size).floor() + start[:, None]  # [K, P]
    end = ((p + 1) * bin_size).ceil() + start[:, None]  # [K, P]
    return (first[..., None] <= cell) & (cell < end[..., None])


def sample_weights(
    start: Tensor, size: Tensor, bins: int, length: int, sampling: int, reduce: str = "mean"
) -> Tensor:
    """Along one axis, the weights with which the bins, or the samples in them, read the cells.

    Args:
        start: `Tensor[K]`, where the boxes begin if cell j's value stands at j.
        size: `Tensor[K]`, their extent.
        bins: P, the number of bins.
        length: L, the number of cells.
        sampling: samples per bin, or <= 0 to take one per cell, rounded up.
        reduce: "mean" for the weights of each bin's mean, "max" for those of each sample.

    Returns:
        `Tensor[K, P, L]`, or for "max" `Tensor[K, P * n, L]`, n being the largest number of samples
        in a bin, at least 1. In a RoI with fewer, the last one of each bin is repeated; where there
        are none, all weights are 0.

    Raises:
        ValueError: there are more weights than a definition by such a matrix should be asked for.
    """
    number = torch.full_like(size, sampling) if sampling > 0 else (size.detach() / bins).ceil()
    number = number.clamp(0, 2 * MOST_SAMPLES)[:, None]  # [K, 1]
    most = int(max([1, *number.flatten().tolist()]))
    check_total(most * len(size) * bins * length, MOST_SAMPLES)
    p, i = (torch.arange(count).to(start) for count in (bins, most))  # [P], [n]
    bin_size = (size / bins)[:, None]  # [K, 1]
    in_bin = (i.minimum(number - 1) + 0.5) * bin_size / number.clamp(min=1)  # [K, n]
    position = (start[:, None] + p * bin_size)[:, :, None] + in_bin[:, None]  # [K, P, n]
    cells, weights = neighbours(position, length)  # [K, P, n, 2] each
    dense = weights.new_zeros(*position.shape, length).scatter_add(3, cells.long(), weights)
    share = number > 0 if reduce == "max" else (i < number) / number.clamp(min=1)  # [K, 1 or n]
    dense = dense * share[:, None, :, None]  # [K, P, n, L]
    return dense.flatten(1, 2) if reduce == "max" else dense.sum(dim=2)


def read_samples(
    maps: Tensor, start: Tensor, size: Tensor, bins: Sequence[int], sampling: int, reduce: str
) -> Tensor:
    """The mean or the maximum of each bin's samples; a bin without samples gives 0.

    Args:
        maps: `Tensor[K, C, H, W]`, a map for each RoI.
        start: `Tensor[K, 2]`, (x, y) in cells, where the boxes begin if a value stands at j.
        size: `Tensor[K, 2]`, (width, height) in cells.
        bins: (P_h, P_w).
        sampling: samples per bin and axis; <= 0 takes one per cell, rounded up.
        reduce: "mean" or "max".

    Returns:
        `Tensor[K, C, P_h, P_w]`.
    """
    # [K, P_h, H] and [K, P_w, W]; for "max" every sample is a bin of its own until the last step.
    rows = sample_weights(start[:, 1], size[:, 1], bins[0], maps.shape[2], sampling, reduce)
    columns = sample_weights(start[:, 0], size[:, 0], bins[1], maps.shape[3], sampling, reduce)
    exact = torch.promote_types(maps.dtype, rows.dtype)  # no weights in half precision
    read = torch.einsum("kph,kchw,kqw->kcpq", rows.to(exact), maps.to(exact), columns.to(exact))
    read = F.adaptive_max_pool2d(read, bins) if reduce == "max" else read  # [K, C, P_h, P_w]
    return read.to(maps.dtype)


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
    y, x = both_axes(pool_axis, rois, output_size, size, spatial_scale)
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
    size, rois, output_size = bag_arguments(
        map_size, boxes, output_size, spatial_scale, sampling_ratio
    )
    y, x = both_axes(warp_axis, rois, output_size, size, spatial_scale, sampling_ratio)
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
    size, rois, output_size = bag_arguments(
        map_size, boxes, output_size, spatial_scale, sampling_ratio, aligned
    )
    y, x = both_axes(align_axis, rois, output_size, size, spatial_scale, sampling_ratio, aligned)
    return Bags(rois, y, x, size, spatial_scale)
