"""The position-sensitive RoI operations, fast: PSRoIPool and PSRoIAlign.

What they replace: the definitions in `mrcnn_lite.ops.ps_roi`, of the same names, whose numbers and
gradients they give. To the sparse product (`sparse.py`, which says why it is faster and where that
was measured) they are no different from other bags: the table has C columns, and the bins (i, j)
read different parts of it.
"""

from collections.abc import Sequence

from torch import Tensor

from mrcnn_lite.ops.arguments import ps_arguments
from mrcnn_lite.ops.axis import Axis, align_axis, both_axes, ps_pool_axis
from mrcnn_lite.ops.fast.mapped import mappable
from mrcnn_lite.ops.fast.sparse import as_output, as_table, multiply, weighted_sum


@mappable
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
    rois, output_size = ps_arguments(input, boxes, output_size, spatial_scale)
    y, x = both_axes(ps_pool_axis, rois, output_size, input.shape[2:], spatial_scale)
    return _means(input, rois, y, x, output_size)


@mappable
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
    rois, output_size = ps_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    y, x = both_axes(
        align_axis, rois, output_size, input.shape[2:], spatial_scale, sampling_ratio, True
    )
    return _means(input, rois, y, x, output_size)


def _means(input: Tensor, rois: Tensor, y: Axis, x: Axis, output_size: tuple[int, int]) -> Tensor:
    """`Tensor[K, C, P_h, P_w]` from `Tensor[N, C * P_h * P_w, H, W]`."""
    map_size = input.shape[2:]
    # One map per image and bin, whose channels are those of the output: [N * P_h * P_w, C, H, W]
    maps = input.unflatten(1, (-1, output_size[0] * output_size[1])).transpose(1, 2).flatten(0, 1)
    table = as_table(maps)  # [N * P_h * P_w, H, W, C]
    cells, weights, offsets = multiply(rois, y, x, map_size, position_sensitive=True)
    shape = len(rois), *output_size
    rows = weighted_sum(table, cells, weights.to(table.dtype), offsets, shape)  # [K, P_h, P_w, C]
    return as_output(rows, input.dtype)
