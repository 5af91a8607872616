"""Two axes multiplied: the cells that the bins of all RoIs read on the map.

A bin in row i and column j reads every cell in one of row i's rows and one of column j's columns,
with the product of their weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mrcnn_lite.ops.axis import Axis, check_total, neighbours, ragged


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


class Pairs(NamedTuple):
    """All pairs of a bin's entries along y and x, one bin after another, row by row.

    The pairs of a bin with the same entry along y form a line.

    Attributes:
        bin_of_line: the bin of each line.
        y: for each line, its entry of the y axis.
        line: for each pair, its line.
        x: for each pair, its entry of the x axis.
        offsets: where the pairs of each bin begin, and where the last ones end.
    """

    bin_of_line: Tensor
    y: Tensor
    line: Tensor
    x: Tensor
    offsets: Tensor


def as_offsets(counts: Tensor) -> Tensor:
    """`Tensor[N + 1]`: where each of N groups laid end to end begins, and where the last ends."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0, dtype=counts.dtype)])


def pair(y_counts: Tensor, x_counts: Tensor, output_size: tuple[int, int]) -> Pairs:
    """Pair the entries of each RoI's row i along y with those of its column j along x.

    Args:
        y_counts: `Tensor[K * P_h]` int32, the number of entries of each row.
        x_counts: `Tensor[K * P_w]` int32, of each column.
        output_size: (P_h, P_w).

    Raises:
        ValueError: there are more pairs than int32 can number.
    """
    rows, columns = output_size

    def of_bins(y_values: Tensor, x_values: Tensor) -> tuple[Tensor, Tensor]:
        y = y_values.view(-1, rows, 1).expand(-1, rows, columns).reshape(-1)
        return y, x_values.view(-1, 1, columns).expand(-1, rows, columns).reshape(-1)

    y_count, x_count = of_bins(y_counts, x_counts)
    y_first, x_first = of_bins(as_offsets(y_counts)[:-1], as_offsets(x_counts)[:-1])
    bin_of_line, line_in_bin = ragged(y_count)
    line, place = ragged(x_count[bin_of_line])
    return Pairs(
        bin_of_line=bin_of_line,
        y=y_first[bin_of_line] + line_in_bin,
        line=line,
        x=x_first[bin_of_line][line] + place,
        offsets=as_offsets(y_count * x_count),
    )


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
        the entries of all bins; bin `(k * P_h + i) * P_w + j` is row i, column j of RoI k.

    Raises:
        ValueError: all bins together would read more cells than int32 can number.
    """
    height, width = map_size
    rows, columns = y.edges.shape[1], x.edges.shape[1]
    maps = rois[:, 0].detach().int().view(-1, 1, 1)
    if position_sensitive:
        i = torch.arange(rows, dtype=torch.int32, device=rois.device)[:, None]
        j = torch.arange(columns, dtype=torch.int32, device=rois.device)
        maps = (maps * rows + i) * columns + j
    base = (maps * (height * width)).expand(-1, rows, columns)
    if y.width and x.width:
        # As many entries in every bin: broadcasting, with nothing to look up.
        check_total(base.numel() * y.width * x.width)
        y_shape, x_shape = (-1, rows, 1, y.width, 1), (-1, 1, columns, 1, x.width)
        cells = (base[..., None, None] + y.cells.view(y_shape) * width) + x.cells.view(x_shape)
        weights = y.weights.view(y_shape) * x.weights.view(x_shape)
        bins = torch.arange(base.numel() + 1, dtype=torch.int32, device=rois.device)
        return Entries(cells.flatten(), weights.flatten(), bins * (y.width * x.width))
    pairs = pair(y.counts, x.counts, (rows, columns))
    line_cells = base.reshape(-1)[pairs.bin_of_line] + y.cells[pairs.y] * width
    cells = line_cells[pairs.line] + x.cells[pairs.x]
    weights = None
    if y.weights is not None:
        weights = y.weights[pairs.y][pairs.line] * x.weights[pairs.x]
    return Entries(cells, weights, pairs.offsets)


def multiply_samples(
    rois: Tensor, y: Axis, x: Axis, map_size: tuple[int, int]
) -> tuple[Entries, Tensor]:
    """Which cells every single sample reads, for an operation that does not average a bin's.

    Args:
        rois: as for `multiply`, and so are `y`, `x` and `map_size`.
        y: see there.
        x: see there.
        map_size: see there.

    Returns:
        (entries, offsets): the entries of S samples, four each; `Tensor[N + 1]` int32, bin n has
        samples `offsets[n]` up to `offsets[n + 1]`.

    Raises:
        ValueError: the samples read more cells than int32 can number.
    """
    height, width = map_size
    output_size = y.edges.shape[1], x.edges.shape[1]
    pairs = pair(y.sample_counts, x.sample_counts, output_size)
    check_total(4 * len(pairs.x))
    y_cells, y_weights = neighbours(y.samples, height)
    x_cells, x_weights = neighbours(x.samples, width)
    image = rois[:, 0].detach().int()[pairs.bin_of_line // (output_size[0] * output_size[1])]
    line_cells = (image[:, None] * height + y_cells[pairs.y]) * width
    cells = line_cells[pairs.line][:, :, None] + x_cells[pairs.x][:, None]
    weights = y_weights[pairs.y][pairs.line][:, :, None] * x_weights[pairs.x][:, None]
    samples = torch.arange(len(pairs.x) + 1, dtype=torch.int32, device=rois.device)
    return Entries(cells.flatten(), weights.flatten(), 4 * samples), pairs.offsets
