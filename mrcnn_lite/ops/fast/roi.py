"""RoIPool, RoIWarp and RoIAlign, fast: what `mrcnn_lite.ops` and every model call.

What they replace: the definitions in `mrcnn_lite.ops.roi`, of the same names, whose numbers and
gradients they give. What makes them faster, and where that was measured, say `sparse.py` (the
means), `maximum.py` (the maxima) and `few_outputs.py` (what is too little for both) beside this
file.
"""

from collections.abc import Sequence

from torch import Tensor

from mrcnn_lite.ops.arguments import check_choice, op_arguments
from mrcnn_lite.ops.axis import Axis, align_axis, both_axes, pool_axis, warp_axis
from mrcnn_lite.ops.fast import few_outputs
from mrcnn_lite.ops.fast.mapped import mappable
from mrcnn_lite.ops.fast.maximum import maximum, maximum_of_samples
from mrcnn_lite.ops.fast.parts import in_parts
from mrcnn_lite.ops.fast.sparse import (
    as_output,
    as_table,
    multiply,
    rows_then_columns,
    weighted_sum,
)


@mappable
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
        `Tensor[K, C, P_h, P_w]` of the input's type, in channels-last format or, of a few RoIs on a
        CPU, contiguous; differentiable with respect to `input`. Of equal maxima the first in
        reading order gets the gradient.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, a size below 1, an image number that is not in the batch, or a
            coordinate that is not finite.
    """
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale)
    if few_outputs.reads_little("pool", input, rois, output_size, spatial_scale):
        return few_outputs.roi_pool(input, rois, output_size, spatial_scale)
    y, x = both_axes(pool_axis, rois, output_size, input.shape[2:], spatial_scale)
    cells, _, offsets = multiply(rois, y, x, input.shape[2:])
    # [K, P_h, P_w, C]
    rows = maximum(as_table(input), cells, offsets, (len(rois), *output_size))
    return as_output(rows, input.dtype)


@mappable
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
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    bins = output_size[0] * output_size[1]
    arguments = output_size, input.shape[2:], spatial_scale, sampling_ratio

    def read(input: Tensor, rois: Tensor) -> Tensor:
        return _reduce_samples(input, rois, *both_axes(warp_axis, rois, *arguments), reduce)

    return in_parts(read, input, rois, bins)


@mappable
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
        `Tensor[K, C, P_h, P_w]` of the input's type, in channels-last format or, of a few RoIs on a
        CPU, contiguous; differentiable with respect to `input` and `boxes`.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong shape, size or `reduce`, an image number that is not in the batch, or a
            coordinate that is not finite.
    """
    check_choice("reduce", reduce, ("mean", "max"))
    rois, output_size = op_arguments(
        input, boxes, output_size, spatial_scale, sampling_ratio, aligned
    )
    if reduce == "mean" and few_outputs.reads_little(
        "align", input, rois, output_size, spatial_scale
    ):
        return few_outputs.roi_align(
            input, rois, output_size, spatial_scale, sampling_ratio, aligned
        )
    bins = output_size[0] * output_size[1]
    arguments = output_size, input.shape[2:], spatial_scale, sampling_ratio, aligned

    def read(input: Tensor, rois: Tensor) -> Tensor:
        return _reduce_samples(input, rois, *both_axes(align_axis, rois, *arguments), reduce)

    return in_parts(read, input, rois, bins)


def _reduce_samples(input: Tensor, rois: Tensor, y: Axis, x: Axis, reduce: str) -> Tensor:
    """The mean or the maximum of each bin's bilinear samples, `Tensor[K, C, P_h, P_w]`."""
    map_size, table = input.shape[2:], as_table(input)  # [N, H, W, C]
    if reduce == "max":
        rows = maximum_of_samples(table, rois, y, x, map_size)  # [K, P_h, P_w, C]
    elif input.shape[1] == 1:
        rows = rows_then_columns(table, rois, y, x, map_size)  # [K, P_h, P_w, 1]
    else:
        cells, weights, offsets = multiply(rois, y, x, map_size)
        shape = len(rois), y.edges.shape[1], x.edges.shape[1]
        rows = weighted_sum(table, cells, weights.to(table.dtype), offsets, shape)
    return as_output(rows, input.dtype)
