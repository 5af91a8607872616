"""RoIPool, RoIWarp and RoIAlign: a feature of fixed size for every box.

RoIPool: Girshick 2015, "Fast R-CNN", section 2.1. RoIWarp: Dai, He, Sun 2016, "Instance-aware
Semantic Segmentation via Multi-task Network Cascades", as Mask R-CNN's Table 2c describes it.
RoIAlign: He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN", section 3.

These are the definitions, to be read; `mrcnn_lite.ops` gives the same numbers faster
(`mrcnn_lite.ops.fast`), by the same names. One difference at a time leads from the first to the
last, and it is said along one axis, in `mrcnn_lite.ops.axis`: RoIWarp reads RoIPool's box by
interpolation, RoIAlign leaves that box unrounded. Along y, bin p reads row h of the map with weight
rows[p, h], along x bin q reads column w with weight columns[q, w], and the bin in row p, column q
reads

    sum over h, w of  rows[p, h] * map[h, w] * columns[q, w]

with each operation's own rows and columns. RoIPool has the maximum in place of the sum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrcnn_lite.ops.arguments import bag_arguments, check_choice, op_arguments
from mrcnn_lite.ops.axis import (
    Axis,
    align_axis,
    both_axes,
    neighbours,
    pool_axis,
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
    y, x = both_axes(pool_axis, rois, output_size, input.shape[2:], spatial_scale)
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    rows = y.dense(maps.shape[2]) > 0  # [K, P_h, H]
    columns = x.dense(maps.shape[3]) > 0  # [K, P_w, W]
    in_bin = rows[:, None, :, None, :, None] & columns[:, None, None, :, None, :]
    # [K, 1, P_h, P_w, H, W], broadcast over the channels
    cells = maps[:, :, None, None].masked_fill(~in_bin, float("-inf")).flatten(-2)
    largest = cells.max(dim=-1).values  # [K, C, P_h, P_w]; of equal ones PyTorch takes the first
    return largest.where(in_bin.flatten(-2).any(dim=-1), 0)


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
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    y, x = both_axes(warp_axis, rois, output_size, input.shape[2:], spatial_scale, sampling_ratio)
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    return weighted_means(maps, y, x) if reduce == "mean" else largest_samples(maps, y, x)


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
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    y, x = both_axes(
        align_axis, rois, output_size, input.shape[2:], spatial_scale, sampling_ratio, aligned
    )
    maps = input[rois[:, 0].long()]  # [K, C, H, W]
    return weighted_means(maps, y, x) if reduce == "mean" else largest_samples(maps, y, x)


def weighted_means(maps: Tensor, y: Axis, x: Axis) -> Tensor:
    """The formula above, of a map for each RoI: `Tensor[K, C, H, W]` to `Tensor[K, C, P_h, P_w]`.

    The weights average a bin's samples, so that the sum is a mean.
    """
    rows = y.dense(maps.shape[2])  # [K, P_h, H]
    columns = x.dense(maps.shape[3])  # [K, P_w, W]
    exact = torch.promote_types(maps.dtype, rows.dtype)  # no weights in half precision
    factors = rows.to(exact), maps.to(exact), columns.to(exact)
    return torch.einsum("kph,kchw,kqw->kcpq", *factors).to(maps.dtype)


def largest_samples(maps: Tensor, y: Axis, x: Axis) -> Tensor:
    """The maximum of each bin's samples, for `reduce="max"`; without samples 0, as their mean is.

    The formula above gives the samples, each one a bin of its own. RoI by RoI, since adaptive
    sampling takes another number in each.
    """
    rows, columns = y.edges.shape[1], x.edges.shape[1]  # P_h, P_w
    exact = maps.to(torch.promote_types(maps.dtype, y.samples.dtype))
    means = weighted_means(exact, y, x)  # [K, C, P_h, P_w]
    largest = [means[:0]]
    # The same number of samples, n along y and m along x, in all bins of a RoI.
    y_numbers, x_numbers = y.sample_counts[::rows].tolist(), x.sample_counts[::columns].tolist()
    all_y = y.samples.split([rows * n for n in y_numbers])
    all_x = x.samples.split([columns * m for m in x_numbers])
    for k, (n, m) in enumerate(zip(y_numbers, x_numbers)):
        along_y = weights_of(all_y[k], maps.shape[2]).to(exact)  # [P_h * n, H]
        along_x = weights_of(all_x[k], maps.shape[3]).to(exact)  # [P_w * m, W]
        samples = torch.einsum("sh,chw,tw->cst", along_y, exact[k], along_x)
        bins = samples.view(maps.shape[1], rows, n, columns, m).transpose(2, 3)
        bins = bins.flatten(-2)  # [C, P_h, P_w, n * m]
        largest.append(bins.max(dim=-1).values[None] if n * m else means[k : k + 1])
    return torch.cat(largest).to(maps.dtype)


def weights_of(samples: Tensor, length: int) -> Tensor:
    """`Tensor[S, L]`: the weight with which each sample along an axis reads each of its L cells."""
    cells, weights = neighbours(samples, length)  # [S, 2] each
    return weights.new_zeros(len(samples), length).scatter_add(1, cells.long(), weights)


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
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
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
    size, rois, output_size = bag_arguments(map_size, boxes, output_size, spatial_scale)
    y, x = both_axes(align_axis, rois, output_size, size, spatial_scale, sampling_ratio, aligned)
    return Bags(rois, y, x, size, spatial_scale)
