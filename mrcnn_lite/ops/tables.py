"""Between feature maps and the tables of cells that the reducer works on."""

import torch
from torch import Tensor

from mrcnn_lite.ops.axis import Axis
from mrcnn_lite.ops.product import as_offsets, multiply, multiply_samples
from mrcnn_lite.ops.reduce import reduce_max, reduce_sum


def as_table(input: Tensor) -> Tensor:
    """`Tensor[N, H, W, C]`, a table in the reducer's sense, with one row per cell; a view.

    A half-precision map is read in float32: bfloat16 holds a weight to less than three digits.
    """
    return input.to(torch.promote_types(input.dtype, torch.float32)).permute(0, 2, 3, 1)


def as_output(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """`Tensor[K, C, P_h, P_w]` from `Tensor[K, P_h, P_w, C]`."""
    return rows.permute(0, 3, 1, 2).to(dtype)


def reduce_samples(input: Tensor, rois: Tensor, y: Axis, x: Axis, reduce: str) -> Tensor:
    """The mean or the maximum of each bin's bilinear samples, `Tensor[K, C, P_h, P_w]`."""
    shape = len(rois), y.edges.shape[1], x.edges.shape[1]
    table = as_table(input)
    if reduce == "max":
        entries, sample_offsets = multiply_samples(rois, y, x, input.shape[2:])
        cells, weights, offsets = entries
        samples = reduce_sum(table, cells, weights.to(table.dtype), offsets)
        each = torch.arange(len(samples), dtype=torch.int32, device=samples.device)
        rows = reduce_max(samples, each, sample_offsets, shape)
    elif input.shape[1] == 1:
        rows = _rows_then_columns(table, rois, y, x, input.shape[2:])
    else:
        cells, weights, offsets = multiply(rois, y, x, input.shape[2:])
        rows = reduce_sum(table, cells, weights.to(table.dtype), offsets, shape)
    return as_output(rows, input.dtype)


def _rows_then_columns(
    table: Tensor, rois: Tensor, y: Axis, x: Axis, size: tuple[int, int]
) -> Tensor:
    """The means for a map of a single channel, such as a mask: `Tensor[K, P_h, P_w, 1]`.

    A table row of one number leaves the reducer's inner loop nothing to do. The weights are
    products, so the same sum is taken along y, where a row of the table is a row of the map, and
    then along x, where it holds a column of each RoI's P_h rows.
    """
    height, width = size
    number, rows, columns = len(rois), y.edges.shape[1], x.edges.shape[1]
    image = rois[:, 0].detach().int()
    of_entry = torch.repeat_interleave(y.counts, output_size=len(y.cells)) // rows
    lines = reduce_sum(
        table.reshape(-1, width),
        image[of_entry] * height + y.cells,
        y.weights.to(table.dtype),
        as_offsets(y.counts),
        shape=(number, rows),
    )
    of_entry = torch.repeat_interleave(x.counts, output_size=len(x.cells)) // columns
    points = reduce_sum(
        lines.transpose(1, 2).contiguous(),
        of_entry.int() * width + x.cells,
        x.weights.to(table.dtype),
        as_offsets(x.counts),
        shape=(number, columns),
    )
    return points.transpose(1, 2).unsqueeze(-1)
