"""One reducer for all RoI operations: sum or maximise the rows of a table, bag by bag.

A feature map is a table with one row per cell and one column per channel. A bag lists rows; its
result is their weighted sum (RoIWarp, RoIAlign) or their maximum (RoIPool), for all channels at
once, so the inner loop runs over memory that lies together.

A weighted sum is a product with a sparse matrix, `output = A @ table`, and its gradient is the
product with the transposed one. The transposed matrix is again a set of bags: for every cell, the
bins that read it. So the backward pass is the same reducer, after sorting the entries by cell.

A maximum is a product with a matrix of ones whose sums are maxima. For every bag and channel it
keeps the entry that won, and the backward pass sends the gradient there.

A table is `Tensor[..., C]`: all dimensions but the last number its rows. If its rows do not lie
together in memory (a channels-first map), a few channels at a time are copied so that they do.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd.function import once_differentiable

# How much is worked on at once: with less, the calls take the time; with more, the intermediate
# results leave the cache, and the operating system has to find and clear memory for them.
CHANNELS_AT_ONCE = 32
BAGS_AT_ONCE = 512
ENTRIES_AT_ONCE = 2**16


def reduce_sum(
    table: Tensor,
    cells: Tensor,
    weights: Tensor,
    offsets: Tensor,
    shape: Sequence[int] = (-1,),
) -> Tensor:
    """The weighted sum of each bag's rows; an empty bag gives 0.

    Args:
        table: `Tensor[..., C]`, float32 or float64.
        cells: `Tensor[E]` int32, the rows that all bags read, one bag after another.
        weights: `Tensor[E]` of the table's type.
        offsets: `Tensor[N + 1]` int32; bag n has entries `offsets[n]` up to `offsets[n + 1]`.
        shape: of the output without its channels; its product is N.

    Returns:
        `Tensor[*shape, C]`, differentiable (once) with respect to `table` and `weights`.
    """
    return _WeightedSum.apply(table, cells, weights, offsets, shape)


def reduce_max(
    table: Tensor, cells: Tensor, offsets: Tensor, shape: Sequence[int] = (-1,)
) -> Tensor:
    """The maximum of each bag's rows, channel by channel; an empty bag gives 0.

    Args:
        table: as in `reduce_sum`, and so are `cells`, `offsets` and `shape`.
        cells: see there.
        offsets: see there.
        shape: see there.

    Returns:
        `Tensor[*shape, C]`, differentiable (once) with respect to `table`: the gradient of a
        maximum goes to the first entry that has it.
    """
    # Before PyTorch 2.15 a fake tensor cannot be part of a sparse matrix.
    if table.device.type == "cpu" and not isinstance(table, FakeTensor):
        return _Maximum.apply(table, cells, offsets, shape)
    return _max_on_any_device(table, cells, offsets).view(*shape, table.shape[-1])


def transpose_bags(
    cells: Tensor, weights: Tensor, offsets: Tensor, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Which bags read each row of the table, and with which weights: the transposed matrix.

    Args:
        cells: as in `reduce_sum`, and so are `weights` and `offsets`.
        weights: see there.
        offsets: see there.
        rows: the number of rows of the table.

    Returns:
        (bags, weights, offsets): row r is read by `bags[offsets[r]:offsets[r + 1]]`.
    """
    row_of_entry, order = cells.sort(stable=True)
    each_row = torch.arange(rows + 1, dtype=cells.dtype, device=cells.device)
    first = torch.searchsorted(row_of_entry, each_row, out_int32=True)
    del row_of_entry
    bags = torch.repeat_interleave(offsets.diff(), output_size=cells.numel()).to(cells.dtype)
    bags = bags.index_select(0, order)
    return bags, weights.index_select(0, order), first


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, weights, offsets, shape):
        # The table is needed only for the gradient to the weights: not kept alive without.
        ctx.save_for_backward(table if ctx.needs_input_grad[2] else None, cells, weights, offsets)
        ctx.table_shape = table.shape
        return _sum(table, cells, weights, offsets).view(*shape, table.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        table, *bags = ctx.saved_tensors
        grad_table = grad_weights = None
        if ctx.needs_input_grad[0]:
            grad_table = _transposed_sum(grad, *bags, ctx.table_shape[:-1].numel())
            grad_table = grad_table.view(ctx.table_shape)
        if ctx.needs_input_grad[2]:
            grad_weights = _gradient_to_weights(grad, table, *bags)
        return grad_table, None, grad_weights, None, None


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, offsets, shape):
        differentiable = ctx.needs_input_grad[0]
        matrix = _matrix_of_ones(table, cells, offsets)

        def maxima(part):
            # What torch.sparse.mm(matrix, part, "amax") runs, which keeps the winners to itself;
            # of an empty bag the winner is the entry after the last one.
            with torch.set_grad_enabled(differentiable):
                part = part.detach().requires_grad_(differentiable)
                output, winners = torch.ops.aten._sparse_mm_reduce_impl(matrix, part, "amax")
            output = output.detach()
            return (output, winners.view(output.shape)) if differentiable else (output,)

        output, *winners = _by_channels(table, maxima)
        # One more row, to which the gradients of empty bags go.
        rows = table.shape[:-1].numel()
        ctx.save_for_backward(torch.cat([cells, cells.new_tensor([rows])]), *winners)
        ctx.table_shape = table.shape
        return output.view(*shape, table.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        cells, winners = ctx.saved_tensors
        rows, channels = ctx.table_shape[:-1].numel(), ctx.table_shape[-1]
        grad_table = grad.new_zeros(rows + 1, channels)
        at_once = max(1, BAGS_AT_ONCE // max(1, grad.shape[1:-1].numel()))
        for won, part in zip(winners.view(grad.shape).split(at_once), grad.split(at_once)):
            to = cells.index_select(0, won.flatten()).view(-1, channels)
            grad_table.scatter_add_(0, to.long(), part.reshape(-1, channels))
        return grad_table[:-1].view(ctx.table_shape), None, None, None


def _sum(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    (output,) = _by_channels(table, lambda part: (_sum_rows(part, cells, weights, offsets),))
    return output


def _sum_rows(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        cells, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


def _max_on_any_device(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    # On a CPU it is several times slower, on one thread and channel by channel.
    table = table.reshape(-1, table.shape[-1])
    return F.embedding_bag(cells, table, offsets, mode="max", include_last_offset=True)


def _matrix_of_ones(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        ones = table.new_ones(len(cells))
        size = (len(offsets) - 1, table.shape[:-1].numel())
        return torch.sparse_csr_tensor(offsets, cells, ones, size, check_invariants=False)


def _channels(table: Tensor) -> list[slice]:
    """Which channels of a table to work on at a time: all, if its rows lie together in memory."""
    if table.is_contiguous():
        return [slice(None)]
    starts = range(0, table.shape[-1], CHANNELS_AT_ONCE)
    return [slice(start, start + CHANNELS_AT_ONCE) for start in starts]


def _rows(table: Tensor, channels: slice) -> Tensor:
    """Some channels of a table, `Tensor[R, c]`, with rows lying together."""
    return table[..., channels].flatten(0, -2).contiguous()


def _by_channels(table: Tensor, function: Callable[[Tensor], Sequence[Tensor]]) -> Sequence[Tensor]:
    """What `function` makes of a table, each result `Tensor[n, C]`, from what it makes of parts."""
    outputs = []
    for channels in _channels(table):
        results = list(function(_rows(table, channels)))
        if table.is_contiguous():
            return results
        outputs = outputs or [result.new_empty(len(result), table.shape[-1]) for result in results]
        for output in outputs:
            # What is copied goes at once, so that the next part is made without it.
            output[:, channels] = results.pop(0)
    return outputs


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
    for part, of_part in zip(grad.split(at_once), bags):
        of_this_part = _sum(part, *transpose_bags(*of_part, rows))
        total = of_this_part if total is None else total.add_(of_this_part)
        del of_this_part  # or it would still be there while the next one is made
    return total


def _gradient_to_weights(
    grad: Tensor, table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor
) -> Tensor:
    total = torch.zeros_like(weights)
    for channels in _channels(table):
        with torch.enable_grad():
            leaf = weights.detach().requires_grad_()
            output = _sum_rows(_rows(table.detach(), channels), cells, leaf, offsets)
        total += torch.autograd.grad(output, leaf, _rows(grad, channels))[0]
    return total
