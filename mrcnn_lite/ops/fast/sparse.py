"""Weighted means of cells, for all bins of all RoIs, as one product with a sparse matrix.

What it replaces: `einsum('kph,kchw,kqw->kcpq', rows, maps, columns)` of `mrcnn_lite.ops.roi`, which
copies the map for each RoI and multiplies mostly by zeros. Here each bin lists the cells that it
reads, a *bag*, and the map is a table with a row of C channels for each cell. The weighted sum of a
bag's rows, for all channels at once, is PyTorch's `embedding_bag`.

Why it is faster: the zeros are not there, and the inner loop runs over channels, which lie together
in memory. Its gradient is the product with the transposed matrix, which is again a set of bags: for
each cell, the bins that read it. So the backward pass is the same sum, after sorting the entries by
cell. A map of one channel leaves the inner loop nothing to do and is summed along one axis at a
time. What becomes of a channels-first map is in `channels.py`.

Where it was measured: docs/results/roi_ops.md, beside torchvision's kernels.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.ops.axis import Axis, as_offsets, check_total
from mrcnn_lite.ops.fast.channels import by_channels, rows_of, some_channels
from mrcnn_lite.ops.fast.pairs import pair

# How much is worked on at once: with less, the calls take the time; with more, the intermediate
# results leave the cache, and the operating system has to find and clear memory for them.
ENTRIES_AT_ONCE = 2**16


class Entries(NamedTuple):
    """The entries of all bags, one bag after another.

    Attributes:
        cells: `Tensor[E]` int32, the number of the cell that each entry reads.
        weights: `Tensor[E]`, or None if whole cells are read.
        offsets: `Tensor[N + 1]` int32; bag n has entries `offsets[n]` up to `offsets[n + 1]`.
    """

    cells: Tensor
    weights: Tensor | None
    offsets: Tensor


def as_table(input: Tensor) -> Tensor:
    """`Tensor[N, H, W, C]`, one row of channels per cell; a view of `Tensor[N, C, H, W]`.

    A half-precision map is read in float32: bfloat16 holds a weight to less than three digits.
    """
    return input.to(torch.promote_types(input.dtype, torch.float32)).permute(0, 2, 3, 1)


def as_output(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """`Tensor[K, C, P_h, P_w]` from `Tensor[K, P_h, P_w, C]`."""
    return rows.permute(0, 3, 1, 2).to(dtype)


def multiply(
    rois: Tensor, y: Axis, x: Axis, map_size: tuple[int, int], position_sensitive: bool = False
) -> Entries:
    """Which cells every bin reads, the cell in row y, column x of map n being (n * H + y) * W + x.

    Args:
        rois: `Tensor[K, 5]`, whose first column is the image.
        y: what the P_h bins of each RoI read along y.
        x: what the P_w bins of each RoI read along x.
        map_size: (H, W) in cells.
        position_sensitive: each bin (i, j) has a map of its own, number `(n * P_h + i) * P_w + j`
            for image n. Otherwise all bins of a RoI read map n.

    Returns:
        the entries of all bins; bin `(k * P_h + i) * P_w + j` is row i, column j of RoI k. Weights
        are products of those along y and x.

    Raises:
        ValueError: all bins together would read more cells than int32 can number.
    """
    height, width = map_size
    rows, columns = y.edges.shape[1], x.edges.shape[1]
    maps = rois[:, 0].detach().int().view(-1, 1, 1)  # [K, 1, 1]
    if position_sensitive:
        i = torch.arange(rows, dtype=torch.int32, device=rois.device)[:, None]  # [P_h, 1]
        j = torch.arange(columns, dtype=torch.int32, device=rois.device)  # [P_w]
        maps = (maps * rows + i) * columns + j  # [K, P_h, P_w]
    first_cell = maps * (height * width)
    if y.width and x.width:
        # As many entries in every bin, n = n_y * n_x: broadcasting to [K, P_h, P_w, n], and no
        # look-ups. Both factors are laid out as long as n first, for which the loops are quicker.
        entries = y.width * x.width
        number = len(rois) * rows * columns
        check_total(number * entries)

        def along_y(values: Tensor) -> Tensor:
            values = values.view(-1, rows, y.width, 1).expand(-1, -1, -1, x.width)
            return values.reshape(-1, rows, 1, entries)

        def along_x(values: Tensor) -> Tensor:
            values = values.view(-1, columns, 1, x.width).expand(-1, -1, y.width, -1)
            return values.reshape(-1, 1, columns, entries)

        cells = along_y(y.cells * width) + first_cell[..., None] + along_x(x.cells)
        weights = along_y(y.weights) * along_x(x.weights)
        bins = torch.arange(number + 1, dtype=torch.int32, device=rois.device)
        return Entries(cells.flatten(), weights.flatten(), bins * entries)
    pairs = pair(y.counts, x.counts, (rows, columns))
    first_cell = first_cell.expand(-1, rows, columns).reshape(-1)  # [bins]
    lines = first_cell[pairs.bin_of_line] + y.cells[pairs.y] * width
    cells = lines[pairs.line] + x.cells[pairs.x]  # [E]
    weights = None
    if y.weights is not None:
        weights = y.weights[pairs.y][pairs.line] * x.weights[pairs.x]  # [E]
    return Entries(cells, weights, pairs.offsets)


def rows_then_columns(
    table: Tensor, rois: Tensor, y: Axis, x: Axis, map_size: tuple[int, int]
) -> Tensor:
    """The means for a map of a single channel, such as a mask: `Tensor[K, P_h, P_w, 1]`.

    The weights are products, so the same sum is taken along y, where a row of the table is a row
    of the map, and then along x, where it holds a column of each RoI's P_h rows.
    """
    height, width = map_size
    number, rows, columns = len(rois), y.edges.shape[1], x.edges.shape[1]
    image = rois[:, 0].detach().int()
    roi_of_entry = torch.repeat_interleave(y.counts, output_size=len(y.cells)) // rows
    lines = weighted_sum(
        table.reshape(-1, width),  # [N * H, W]
        image[roi_of_entry] * height + y.cells,
        y.weights.to(table.dtype),
        as_offsets(y.counts),
        shape=(number, rows),
    )  # [K, P_h, W]
    roi_of_entry = torch.repeat_interleave(x.counts, output_size=len(x.cells)) // columns
    points = weighted_sum(
        lines.transpose(1, 2).contiguous(),  # [K, W, P_h]
        roi_of_entry.int() * width + x.cells,
        x.weights.to(table.dtype),
        as_offsets(x.counts),
        shape=(number, columns),
    )  # [K, P_w, P_h]
    return points.transpose(1, 2).unsqueeze(-1)


def weighted_sum(
    table: Tensor,
    cells: Tensor,
    weights: Tensor,
    offsets: Tensor,
    shape: Sequence[int] = (-1,),
) -> Tensor:
    """The weighted sum of each bag's rows; an empty bag gives 0.

    Args:
        table: `Tensor[..., C]`, float32 or float64; all dimensions but the last number its rows.
        cells: `Tensor[E]` int32, the rows that all bags read, one bag after another.
        weights: `Tensor[E]` of the table's type.
        offsets: `Tensor[N + 1]` int32; bag n has entries `offsets[n]` up to `offsets[n + 1]`.
        shape: of the output without its channels; its product is N.

    Returns:
        `Tensor[*shape, C]`, differentiable with respect to `table` and `weights`.
    """
    return _WeightedSum.apply(table, cells, weights, offsets, shape)


def transpose_bags(
    cells: Tensor, weights: Tensor, offsets: Tensor, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Which bags read each row of the table, and with which weights: the transposed matrix.

    Args:
        cells: `Tensor[E]` int32, as for `weighted_sum`.
        weights: `Tensor[E]`.
        offsets: `Tensor[N + 1]` int32.
        rows: the number of rows of the table.

    Returns:
        (bags, weights, offsets): row r is read by `bags[offsets[r]:offsets[r + 1]]`.
    """
    row_of_entry, order = cells.sort(stable=True)  # [E] each
    each_row = torch.arange(rows + 1, dtype=cells.dtype, device=cells.device)
    first = torch.searchsorted(row_of_entry, each_row, out_int32=True)  # [rows + 1]
    del row_of_entry
    bags = torch.repeat_interleave(offsets.diff(), output_size=cells.numel()).to(cells.dtype)
    bags = bags.index_select(0, order)  # [E]
    return bags, weights.index_select(0, order), first


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, weights, offsets, shape):
        # The table is needed only for the gradient to the weights: not kept alive without.
        ctx.save_for_backward(table if ctx.needs_input_grad[2] else None, cells, weights, offsets)
        ctx.table_shape = table.shape
        return _sum(table, cells, weights, offsets).view(*shape, table.shape[-1])

    @staticmethod
    def backward(ctx, grad):
        table, *bags = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody asks for the gradient's gradient
            grad_table, grad_weights = _differentiable_gradients(
                grad, table, *bags, ctx.table_shape
            )
            return grad_table, None, grad_weights, None, None
        grad_table = grad_weights = None
        if ctx.needs_input_grad[0]:
            grad_table = _transposed_sum(grad, *bags, ctx.table_shape[:-1].numel())
            grad_table = grad_table.view(ctx.table_shape)
        if ctx.needs_input_grad[2]:
            grad_weights = _gradient_to_weights(grad, table, *bags)
        return grad_table, None, grad_weights, None, None


def _sum(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    (output,) = by_channels(
        table, len(offsets) - 1, lambda part: (_sum_rows(part, cells, weights, offsets),)
    )
    return output  # [N, C]


def _sum_rows(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        cells, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


def _split_bags(
    cells: Tensor, weights: Tensor, offsets: Tensor, number: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """So many bags at a time, as (cells, weights, offsets)."""
    if number >= len(offsets) - 1:
        yield cells, weights, offsets
        return
    first = [*offsets[:-1:number].tolist(), len(cells)]
    for i, (low, high) in enumerate(pairwise(first)):
        part = offsets[i * number : (i + 1) * number + 1]
        yield cells[low:high], weights[low:high], part - low


def _transposed_sum(
    grad: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor, rows: int
) -> Tensor:
    """`Tensor[rows, C]`: the transposed matrix times `grad`, some bags at a time."""
    # Each time a whole table is added: so many entries that this is little beside reading them.
    times = max(1, len(cells) // max(ENTRIES_AT_ONCE, 16 * rows))
    at_once = max(1, -(-len(grad) // times))
    bags = _split_bags(cells, weights, offsets, at_once * grad.shape[1:-1].numel())
    total = None
    for grad_part, bags_part in zip(grad.split(at_once), bags):
        summand = _sum(grad_part, *transpose_bags(*bags_part, rows))
        total = summand if total is None else total.add_(summand)
        del summand  # or it would still be there while the next one is made
    return total


def _gradient_to_weights(
    grad: Tensor, table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor
) -> Tensor:
    """`Tensor[E]`: each entry's row of the table times the gradient of its bag."""
    total = torch.zeros_like(weights)
    for channels in some_channels(table):
        with torch.enable_grad():
            leaf = weights.detach().requires_grad_()
            output = _sum_rows(rows_of(table.detach(), channels), cells, leaf, offsets)
        total += torch.autograd.grad(output, leaf, rows_of(grad, channels))[0]
    return total


def _differentiable_gradients(
    grad: Tensor,
    table: Tensor | None,
    cells: Tensor,
    weights: Tensor,
    offsets: Tensor,
    table_shape: torch.Size,
) -> tuple[Tensor, Tensor | None]:
    """The gradients to table and weights, by operations that have a gradient themselves."""
    grad = grad.flatten(0, -2)  # [N, C]
    transposed = transpose_bags(cells, weights, offsets, table_shape[:-1].numel())
    grad_table = weighted_sum(grad, *transposed).view(table_shape)
    if table is None:
        return grad_table, None
    bag_of_entry = torch.repeat_interleave(offsets.diff(), output_size=len(cells))  # [E]
    read = table.flatten(0, -2).index_select(0, cells)  # [E, C]
    return grad_table, (grad.index_select(0, bag_of_entry) * read).sum(dim=1)
