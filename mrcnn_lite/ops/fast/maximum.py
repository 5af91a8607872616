"""Maxima over bags of cells: RoIPool, and the maximum of a bin's samples (`reduce="max"`).

What it replaces: the maximum over the whole map with the cells of other bins masked out, in
`mrcnn_lite.ops.roi`. A maximum over bags is a product with a sparse matrix of ones whose sums are
maxima, and PyTorch has that product for CPUs. For every bag and channel it says which entry won,
and the backward pass sends the gradient there.

Why it is faster: only a bin's own cells are looked at, by all threads, for all channels at once.
Elsewhere than on a CPU `embedding_bag`'s maximum does the same; on a CPU it is several times
slower, on one thread and channel by channel.

Where it was measured: docs/results/roi_ops.md, which also says why RoIPool with its backward pass
gains less than RoIAlign.
"""

import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.ops.axis import LARGEST, MOST_SAMPLES, Axis, neighbours
from mrcnn_lite.ops.fast.channels import by_channels
from mrcnn_lite.ops.fast.dry_run import ValuelessTensor
from mrcnn_lite.ops.fast.pairs import pair
from mrcnn_lite.ops.fast.sparse import Entries, weighted_sum

BAGS_AT_ONCE = 512  # in the backward pass, so that what is made on the way stays in the cache


def maximum(table: Tensor, cells: Tensor, offsets: Tensor, shape: Sequence[int] = (-1,)) -> Tensor:
    """The maximum of each bag's rows, channel by channel; an empty bag gives 0.

    Args:
        table: `Tensor[..., C]`, float32 or float64; all dimensions but the last number its rows.
        cells: `Tensor[E]` int32, the rows that all bags read, one bag after another.
        offsets: `Tensor[N + 1]` int32; bag n has entries `offsets[n]` up to `offsets[n + 1]`.
        shape: of the output without its channels; its product is N.

    Returns:
        `Tensor[*shape, C]`, differentiable with respect to `table`: the gradient of a
        maximum goes to the first entry that has it.
    """
    # Before PyTorch 2.15 a tensor without values cannot be part of a sparse matrix.
    if table.device.type == "cpu" and not isinstance(table, ValuelessTensor):
        return _Maximum.apply(table, cells, offsets, shape)
    return _maximum_on_any_device(table, cells, offsets).view(*shape, table.shape[-1])


def maximum_of_samples(
    table: Tensor, rois: Tensor, y: Axis, x: Axis, map_size: tuple[int, int]
) -> Tensor:
    """The maximum of each bin's bilinear samples: `Tensor[K, P_h, P_w, C]`.

    Raises:
        ValueError: there are more samples than memory should be asked for.
    """
    samples, offsets = multiply_samples(rois, y, x, map_size)
    cells, weights, cell_offsets = samples
    values = weighted_sum(table, cells, weights.to(table.dtype), cell_offsets)  # [S, C]
    each = torch.arange(len(values), dtype=torch.int32, device=values.device)
    return maximum(values, each, offsets, (len(rois), y.edges.shape[1], x.edges.shape[1]))


def multiply_samples(
    rois: Tensor, y: Axis, x: Axis, map_size: tuple[int, int]
) -> tuple[Entries, Tensor]:
    """Which cells every single sample reads, for an operation that does not average a bin's.

    Args:
        rois: `Tensor[K, 5]`, whose first column is the image.
        y: what the P_h bins of each RoI read along y.
        x: what the P_w bins of each RoI read along x.
        map_size: (H, W) in cells.

    Returns:
        (entries, offsets): the entries of S samples, four each; `Tensor[N + 1]` int32, bin n has
        samples `offsets[n]` up to `offsets[n + 1]`.

    Raises:
        ValueError: there are more samples than memory should be asked for.
    """
    height, width = map_size
    output_size = y.edges.shape[1], x.edges.shape[1]
    pairs = pair(y.sample_counts, x.sample_counts, output_size, MOST_SAMPLES)
    y_cells, y_weights = neighbours(y.samples, height)  # [samples along y, 2] each
    x_cells, x_weights = neighbours(x.samples, width)  # [samples along x, 2] each
    image = rois[:, 0].detach().int()[pairs.bin_of_line // (output_size[0] * output_size[1])]
    lines = (image[:, None] * height + y_cells[pairs.y]) * width  # [lines, 2]
    cells = lines[pairs.line][:, :, None] + x_cells[pairs.x][:, None]  # [S, 2, 2]
    weights = y_weights[pairs.y][pairs.line][:, :, None] * x_weights[pairs.x][:, None]  # [S, 2, 2]
    samples = torch.arange(len(pairs.x) + 1, dtype=torch.int32, device=rois.device)
    return Entries(cells.flatten(), weights.flatten(), 4 * samples), pairs.offsets


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, cells, offsets, shape):
        differentiable = ctx.needs_input_grad[0]
        matrix = _matrix_of_ones(table, cells, offsets)
        rows, channels = table.shape[:-1].numel(), table.shape[-1]
        if differentiable:
            # Where each entry's row begins among the table's numbers. One more row takes what
            # comes to empty bags, of which the winner is the entry after the last one.
            place = torch.int32 if (rows + 1) * channels <= LARGEST else torch.int64
            first_of_row = torch.cat([cells, cells.new_tensor([rows])]).to(place) * channels

        def maxima(part):
            # What torch.sparse.mm(matrix, part, "amax") runs, which keeps the winners to itself.
            with torch.set_grad_enabled(differentiable):
                part = part.detach().requires_grad_(differentiable)
                output, winners = torch.ops.aten._sparse_mm_reduce_impl(matrix, part, "amax")
            output = output.detach()
            if not differentiable:
                return (output,)
            if not len(cells):
                winners = torch.zeros_like(output, dtype=torch.int32)  # it gives none at all
            return output, first_of_row.index_select(0, winners.flatten()).view(output.shape)

        output, *places = by_channels(table, len(offsets) - 1, maxima)  # [N, C] each
        for place in places:
            place += torch.arange(channels, dtype=place.dtype)
        ctx.save_for_backward(*places)
        ctx.table_shape = table.shape
        return output.view(*shape, channels)

    @staticmethod
    def backward(ctx, grad):
        (places,) = ctx.saved_tensors
        grad = grad.flatten(1, -2) if grad.dim() > 2 else grad[:, None]  # [K, bags of each, C]
        rows, channels = ctx.table_shape[:-1].numel() + 1, ctx.table_shape[-1]
        numbered = max(grad.numel(), rows * channels) <= LARGEST
        if numbered and not torch.is_grad_enabled():
            grad_table = _add_at(places.view(grad.shape), grad, rows)
        else:
            # Differentiable, too: written to in place, a tensor remembers where its parts came
            # from.
            grad_table = grad.new_zeros(rows * channels)
            at_once = max(1, BAGS_AT_ONCE // max(1, grad.shape[1]))
            for some, part in zip(places.view(grad.shape).split(at_once), grad.split(at_once)):
                grad_table.scatter_add_(0, some.flatten().long(), part.flatten())
        return grad_table.view(rows, channels)[:-1].view(ctx.table_shape), None, None, None


def _add_at(places: Tensor, values: Tensor, rows: int) -> Tensor:
    """Zeros, `Tensor[rows, C]`, with each value added at its place among their numbers.

    PyTorch's `scatter_add_` wants places in int64 and takes several times as long. The backward
    pass of torchvision's RoIPool is such a loop, over a single channel here, in which every number
    of the table is a cell.

    Args:
        places: `Tensor[K, b, C]` int32.
        values: `Tensor[K, b, C]`, in any layout.
        rows: how many.
    """
    number, bags, channels = values.shape
    image = values.new_zeros(number, 5)  # each RoI is of the first image
    sizes = (bags, channels), (1, 1, rows, channels)  # of what comes, and of what goes
    return torch.ops.torchvision._roi_pool_backward(
        values.unsqueeze(1), image, places.unsqueeze(1), 1.0, *sizes[0], *sizes[1]
    )


def _maximum_on_any_device(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    table = table.reshape(-1, table.shape[-1])
    return F.embedding_bag(cells, table, offsets, mode="max", include_last_offset=True)


def _matrix_of_ones(table: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        ones = table.new_ones(len(cells))
        size = (len(offsets) - 1, table.shape[:-1].numel())
        return torch.sparse_csr_tensor(offsets, cells, ones, size, check_invariants=False)
