"""The entries of two axes in pairs, where each bin has as many as it happens to have.

A bin in row i and column j reads every cell in one of row i's rows and one of column j's columns.
This replaces three nested loops (bins, rows, columns) by a few look-ups in tables of all pairs. It
serves RoIPool and adaptive sampling; with a fixed number of samples `sparse.multiply` broadcasts.
"""

from typing import NamedTuple

from torch import Tensor

from mrcnn_lite.ops.axis import LARGEST, as_offsets, ragged


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


def pair(
    y_counts: Tensor, x_counts: Tensor, output_size: tuple[int, int], most: int = LARGEST
) -> Pairs:
    """Pair the entries of each RoI's row i along y with those of its column j along x.

    Args:
        y_counts: `Tensor[K * P_h]` int32, the number of entries of each row.
        x_counts: `Tensor[K * P_w]` int32, of each column.
        output_size: (P_h, P_w).
        most: how many pairs there may be, at most as many as int32 can number.

    Raises:
        ValueError: there are more than `most`.
    """
    rows, columns = output_size

    def by_bin(y_values: Tensor, x_values: Tensor) -> tuple[Tensor, Tensor]:
        y = y_values.view(-1, rows, 1).expand(-1, rows, columns)  # [K, P_h, P_w]
        x = x_values.view(-1, 1, columns).expand(-1, rows, columns)  # [K, P_h, P_w]
        return y.reshape(-1), x.reshape(-1)  # [bins] each

    y_count, x_count = by_bin(y_counts, x_counts)
    y_first, x_first = by_bin(as_offsets(y_counts)[:-1], as_offsets(x_counts)[:-1])
    bin_of_line, line_in_bin = ragged(y_count, most)  # [lines] each
    line, place = ragged(x_count[bin_of_line], most)  # [pairs] each
    return Pairs(
        bin_of_line=bin_of_line,
        y=y_first[bin_of_line] + line_in_bin,
        line=line,
        x=x_first[bin_of_line][line] + place,
        offsets=as_offsets(y_count * x_count),
    )
