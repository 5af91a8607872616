"""One reducer for all RoI operations: sum or maximise the rows of a table, bag by bag.

A feature map is a table with one row per cell and one column per channel. A bag lists rows; its
result is their weighted sum (RoIWarp, RoIAlign) or their maximum (RoIPool), for all channels at
once, so the inner loop runs over memory that lies together.

A weighted sum is a product with a sparse matrix, `output = A @ table`, and its gradient is the
product with the transposed one. The transposed matrix is again a set of bags: for every cell, the
bins that read it. So the backward pass is the same reducer, after sorting the entries by cell.
"""

import warnings
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd.function import once_differentiable

# So much at once stays in a core's cache; more runs slower, fewer spend their time on calls.
ROWS_AT_ONCE = 4096
NARROW = 16  # entries of a bag


def reduce_sum(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """The weighted sum of each bag's rows; an empty bag gives 0.

    Args:
        table: `Tensor[R, C]`, float32 or float64.
        cells: `Tensor[E]`, int32 or int64; the rows that all bags read, one bag after another.
        weights: `Tensor[E]` of the table's type.
        offsets: `Tensor[N + 1]` of the type of `cells`; bag n has entries `offsets[n]` up to
            `offsets[n + 1]`.

    Returns:
        `Tensor[N, C]`, differentiable (once) with respect to `table` and `weights`.
    """
    return _WeightedSum.apply(table, cells, weights, offsets)


def _sum(table: Tensor, cells: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        cells, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, weights, offsets):
        # The table is needed only for the gradient to the weights: not kept alive without.
        ctx.save_for_backward(table if ctx.needs_input_grad[2] else None, cells, weights, offsets)
        ctx.rows = table.shape[0]
        return _sum(table, cells, weights, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        table, cells, weights, offsets = ctx.saved_tensors
        grad_table = grad_weights = None
        if ctx.needs_input_grad[0]:
            grad_table = _sum(
                grad.contiguous(), *transpose_bags(cells, weights, offsets, rows=ctx.rows)
            )
        if ctx.needs_input_grad[2]:
            with torch.enable_grad():
                leaf = weights.detach().requires_grad_()
                output = _sum(table.detach(), cells, leaf, offsets)
                (grad_weights,) = torch.autograd.grad(output, leaf, grad.contiguous())
        return grad_table, None, grad_weights, None


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
    bags = torch.repeat_interleave(offsets.diff(), output_size=cells.numel()).to(cells.dtype)
    # The sorted column of row numbers, compressed as in a CSR matrix.
    counts = offsets.new_zeros(rows + 1).scatter_add_(
        0, row_of_entry.long() + 1, torch.ones_like(row_of_entry)
    )
    return bags[order], weights[order], counts.cumsum(0, dtype=offsets.dtype)


def reduce_max(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    """The maximum of each bag's rows, channel by channel; an empty bag gives 0.

    Args:
        table: `Tensor[R, C]`, float32 or float64.
        cells: as in `reduce_sum`.
        offsets: as in `reduce_sum`.

    Returns:
        `Tensor[N, C]`, differentiable (once) with respect to `table`: the gradient of a maximum
        goes to the first entry that has it.
    """
    return _Maximum.apply(table, cells, offsets)


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, offsets):
        # Before PyTorch 2.15 a fake tensor cannot be part of a sparse matrix.
        on_cpu = table.device.type == "cpu" and not isinstance(table, FakeTensor)
        output = (_max_on_cpu if on_cpu else _max)(table, cells, offsets)
        ctx.save_for_backward(table, cells, offsets, output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        table, cells, offsets, output = ctx.saved_tensors
        grad_table = torch.zeros_like(table)
        space = table.new_empty(ROWS_AT_ONCE, table.shape[1])
        for bags, rows in _batches(cells, offsets):
            maxima, rest = output.index_select(0, bags), grad.index_select(0, bags)
            if len(rows) > NARROW:
                _share_wide(grad_table, table, rows, maxima, rest)
                continue
            for row in rows:
                # In place, eq gives numbers 0 and 1, in vector instructions; bools are slower.
                read = torch.index_select(table, 0, row, out=space[: len(row)])
                taken = read.eq_(maxima).mul_(rest)
                grad_table.index_add_(0, row, taken)
                rest.sub_(taken)  # a later row of the same value gets nothing
        return grad_table, None, None


def _max_on_cpu(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    # A product with a matrix of ones whose sums are maxima; only a CPU has it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        ones = table.new_ones(len(cells))
        size = (len(offsets) - 1, len(table))
        matrix = torch.sparse_csr_tensor(offsets, cells, ones, size, check_invariants=False)
    return torch.sparse.mm(matrix, table, "amax")


def _max(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    output = table.new_zeros(len(offsets) - 1, table.shape[1])
    for bags, rows in _batches(cells, offsets):
        read = table.index_select(0, rows.flatten()).view(*rows.shape, -1)
        output.index_copy_(0, bags, read.amax(dim=0))
    return output


def _share_wide(
    grad_table: Tensor, table: Tensor, rows: Tensor, maxima: Tensor, grad: Tensor
) -> None:
    """Add the gradient of bags so wide that going through their entries one by one takes long."""
    width, bags = rows.shape
    # Max pooling tells where the first maximum is, of an image whose rows are the bags.
    image = table.index_select(0, rows.t().flatten()).view(1, bags, width, -1).permute(0, 3, 1, 2)
    index = F.max_pool2d(image, (1, width), return_indices=True)[1][0, :, :, 0].t()
    winners = rows.t().flatten().gather(0, index.reshape(-1)).view(index.shape)
    grad_table.scatter_add_(0, winners, grad)


def _batches(cells: Tensor, offsets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of non-empty bags of about the same size, small enough for a core's cache.

    Sizes are rounded up to three significant bits: at most a quarter more to read, and never more
    than a few dozen different widths. A bag shorter than its batch is wide repeats its first row,
    which changes no maximum.

    Yields:
        (bags, rows): `Tensor[n]`, their numbers, and `Tensor[width, n]` int64, what they read.
    """
    sizes = offsets.diff()
    if isinstance(sizes, FakeTensor):
        yield torch.arange(len(sizes), device=sizes.device), cells.new_zeros(1, len(sizes))
        return
    step = 2 ** (sizes.clamp(min=4).double().log2().floor() - 2).to(sizes.dtype)
    widths, order = (-(-sizes // step) * step).sort(stable=True)
    present, counts = widths.unique_consecutive(return_counts=True)
    for width, bags_of_width in zip(present.tolist(), order.split(counts.tolist())):
        place = torch.arange(width, dtype=sizes.dtype, device=sizes.device)[:, None]
        for bags in bags_of_width.split(max(1, ROWS_AT_ONCE // max(width, 1))) if width else ():
            inside = place < sizes[bags]
            yield bags, cells[offsets[bags] + torch.where(inside, place, 0)].long()
