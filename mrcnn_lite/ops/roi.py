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
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    start, size = quantised_box(rois[:, 1:3], rois[:, 3:], spatial_scale)  # [K, 2] each, of (x, y)
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    return read_samples(maps, start - 0.5, size, output_size, sampling_ratio, reduce)


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
    rois, output_size = op_arguments(
        input, boxes, output_size, spatial_scale, sampling_ratio, aligned
    )
    start, end = (rois[:, 1:] * spatial_scale - (0.5 if aligned else 0.0)).split(2, dim=1)
    size = end - start if aligned else (end - start).clamp(min=1)  # [K, 2], of (x, y)
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    return read_samples(maps, start, size, output_size, sampling_ratio, reduce)


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
    start: Tensor, size: Tensor, bins: int, length: int, sampling: int
) -> tuple[Tensor, Tensor]:
    """Along one axis, the weights with which the samples in each bin read the cells.

    Args:
        start: `Tensor[K]`, where the boxes begin if cell j's value stands at j.
        size: `Tensor[K]`, their extent.
        bins: P, the number of bins.
        length: L, the number of cells.
        sampling: samples per bin, or <= 0 to take one per cell, rounded up.

    Returns:
        (weights, share): `Tensor[K, P, n, L]` and `Tensor[K, n]`, n being the largest number of
        samples in a bin, at least 1. A sample's share in its bin is one by their number; what a
        RoI's bins do not have has a share of 0.

    Raises:
        ValueError: there are more weights than a definition by such a matrix should be asked for.
    """
    number = (size.detach() / bins).ceil() if sampling <= 0 else torch.full_like(size, sampling)
    number = number.clamp(min=0)[:, None]  # [K, 1]
    p = torch.arange(bins, dtype=start.dtype, device=start.device)[:, None]
    largest = int(number.amax().clamp(1, MOST_SAMPLES + 1)) if number.numel() else 1
    check_total(largest * len(size) * bins * length, MOST_SAMPLES)
    i = torch.arange(largest, dtype=start.dtype, device=start.device)
    share = (i < number) / number.clamp(min=1)  # [K, n]
    bin_size = (size / bins)[:, None, None]  # [K, 1, 1]
    in_bin = (i + 0.5) * bin_size / number.clamp(min=1)[:, None]  # [K, 1, n]
    position = start[:, None, None] + p * bin_size + in_bin  # [K, P, n]
    cells, weights = neighbours(position, length)  # [K, P, n, 2] each
    dense = weights.new_zeros(*position.shape, length)
    return dense.scatter_add(3, cells.long(), weights), share


def read_samples(
    maps: Tensor,
    start: Tensor,
    size: Tensor,
    output_size: tuple[int, int],
    sampling_ratio: int,
    reduce: str,
) -> Tensor:
    """The mean or the maximum of each bin's samples; a bin without samples gives 0.

    Args:
        maps: `Tensor[K, C, H, W]`, a map for each RoI.
        start: `Tensor[K, 2]`, (x, y) in cells, where the boxes begin if a value stands at j.
        size: `Tensor[K, 2]`, (width, height) in cells.
        output_size: (P_h, P_w).
        sampling_ratio: samples per bin and axis; <= 0 takes one per cell, rounded up.
        reduce: "mean" or "max".

    Returns:
        `Tensor[K, C, P_h, P_w]`.
    """
    (height, width), dtype = maps.shape[2:], maps.dtype
    rows, row_share = sample_weights(
        start[:, 1], size[:, 1], output_size[0], height, sampling_ratio
    )  # [K, P_h, n, H], [K, n]
    columns, column_share = sample_weights(
        start[:, 0], size[:, 0], output_size[1], width, sampling_ratio
    )  # [K, P_w, m, W], [K, m]
    maps = maps.to(torch.promote_types(dtype, rows.dtype))  # no weights in half precision
    rows, columns = rows.to(maps), columns.to(maps)
    if reduce == "mean":
        rows = (rows * row_share[:, None, :, None]).sum(dim=2)  # [K, P_h, H]
        columns = (columns * column_share[:, None, :, None]).sum(dim=2)  # [K, P_w, W]
        return torch.einsum("kph,kchw,kqw->kcpq", rows, maps, columns).to(dtype)
    samples = torch.einsum("kpnh,kchw,kqmw->kcpqnm", rows, maps, columns).flatten(-2)
    exists = (row_share[:, :, None] * column_share[:, None] > 0).flatten(-2)  # [K, n * m]
    exists = exists[:, None, None, None]  # [K, 1, 1, 1, n * m]
    largest = samples.masked_fill(~exists, float("-inf")).max(dim=-1).values  # [K, C, P_h, P_w]
    return largest.where(exists.any(dim=-1), 0).to(dtype)


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
