"""Which cells of a feature map every bin of an RoI operation reads, and with which weights.

The operations differ only in what their bins read: a bag of cells. Every picture of an operation
draws these bags. They are the very entries that `mrcnn_lite.ops.fast` sums up or maximises, so that
a picture cannot show anything else than what is computed.

Feature cells are the unit: cell j covers [j, j + 1) and its centre is at j + 0.5. Image pixels
times the spatial scale give feature cells.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from mrcnn_lite.ops.axis import MOST_SAMPLES, Axis
from mrcnn_lite.ops.fast.pairs import pair
from mrcnn_lite.ops.fast.sparse import Entries, multiply


class Bin(NamedTuple):
    """What one bin reads, in feature cells, for drawing and counting.

    Attributes:
        edges: `Tensor[4]`, (x1, y1, x2, y2) of the part of the map that the bin stands for.
        cells: `Tensor[n, 2]`, (x, y) = (column, row) of every cell that it reads, each once.
        weights: `Tensor[n]`, the total weight of each; 1 where whole cells are read.
        sample_points: `Tensor[m, 2]`, (x, y); no rows for an operation that reads whole cells.
    """

    edges: Tensor
    cells: Tensor
    weights: Tensor
    sample_points: Tensor


@dataclass(frozen=True)
class Bags:
    """What all bins of all RoIs read; row i, column j of RoI k is bin `(k * P_h + i) * P_w + j`.

    Attributes:
        rois: `Tensor[K, 5]`, (image, x1, y1, x2, y2) in image pixels, as given.
        y: what is read along the y axis.
        x: what is read along the x axis.
        map_size: (H, W) of the feature map in cells.
        spatial_scale: feature cells per image pixel.
        position_sensitive: whether each bin has a map of its own.
    """

    rois: Tensor
    y: Axis
    x: Axis
    map_size: tuple[int, int]
    spatial_scale: float
    position_sensitive: bool = False

    @cached_property
    def entries(self) -> Entries:
        """What all bins read, in the form that the fast operations take."""
        return multiply(self.rois, self.y, self.x, self.map_size, self.position_sensitive)

    @property
    def cells(self) -> Tensor:
        """`Tensor[E]` int32, what the bins read, one bin after another.

        The cell in row y and column x of image n is number `(n * H + y) * W + x`; for a position-
        sensitive operation n is `(image * P_h + i) * P_w + j`, the map of bin (i, j). A cell that
        several samples of a bin touch may be listed more than once; `bin` adds such entries up.
        """
        return self.entries.cells

    @property
    def weights(self) -> Tensor | None:
        """`Tensor[E]`, the weight of each entry; None if whole cells are read."""
        return self.entries.weights

    @property
    def offsets(self) -> Tensor:
        """`Tensor[K * P_h * P_w + 1]` int32; bin b reads `cells[offsets[b]:offsets[b + 1]]`."""
        return self.entries.offsets

    @property
    def output_size(self) -> tuple[int, int]:
        """(P_h, P_w), the numbers of bins."""
        return self.y.edges.shape[1], self.x.edges.shape[1]

    @property
    def true_box(self) -> Tensor:
        """`Tensor[K, 4]`: the boxes as given, (x1, y1, x2, y2) in feature cells, unrounded."""
        return self.rois[:, 1:] * self.spatial_scale

    @property
    def box(self) -> Tensor:
        """`Tensor[K, 4]`: the boxes that are really read, (x1, y1, x2, y2) in feature cells.

        Rounded for RoIPool and RoIWarp; half a cell off `true_box` for RoIAlign if not `aligned`.
        """
        x, y = self.x, self.y
        return torch.stack([x.start, y.start, x.start + x.size, y.start + y.size], dim=1)

    @property
    def box_in_image(self) -> Tensor:
        """`Tensor[K, 4]`: `box` in image pixels."""
        return self.box / self.spatial_scale

    @property
    def bins(self) -> Tensor:
        """`Tensor[K, P_h, P_w, 4]`: (x1, y1, x2, y2) of every bin in feature cells.

        The bins of RoIPool are whole cells on the map; they may overlap or be empty.
        """
        rows, columns = self.output_size
        x = self.x.edges[:, None].expand(-1, rows, -1, -1)
        y = self.y.edges[:, :, None].expand(-1, -1, columns, -1)
        return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)

    @cached_property
    def sample_points(self) -> Tensor:
        """`Tensor[S, 2]`: all sample points, (x, y) in feature cells, one bin after another.

        No rows for an operation that reads whole cells.
        """
        if self.x.samples is None:
            return self.rois.new_zeros(0, 2)
        pairs = pair(self.y.sample_counts, self.x.sample_counts, self.output_size, MOST_SAMPLES)
        y, x = self.y.samples[pairs.y][pairs.line], self.x.samples[pairs.x]  # [S] each
        return torch.stack([x, y], dim=1) + 0.5

    @cached_property
    def sample_offsets(self) -> Tensor:
        """`Tensor[K * P_h * P_w + 1]` int32: bin b has `sample_points[s[b]:s[b + 1]]`."""
        if self.x.sample_counts is None:
            return torch.zeros_like(self.offsets)
        return pair(self.y.sample_counts, self.x.sample_counts, self.output_size).offsets

    def bin(self, roi: int, row: int, column: int) -> Bin:
        """What the bin in `row` and `column` of RoI number `roi` reads.

        Raises:
            IndexError: there is no such RoI, row or column.
        """
        rows, columns = self.output_size
        edges = self.bins[roi, row, column]
        number = (roi % len(self.rois) * rows + row % rows) * columns + column % columns
        entries = slice(*self.offsets[number : number + 2].tolist())
        cells, place = self.cells[entries].unique(return_inverse=True)
        if self.weights is None:
            weights = self.rois.new_ones(len(cells))
        else:
            weights = self.weights[entries]
            weights = weights.new_zeros(len(cells)).index_add(0, place, weights)
        height, width = self.map_size
        points = slice(*self.sample_offsets[number : number + 2].tolist())
        return Bin(
            edges=edges,
            cells=torch.stack([cells % width, cells // width % height], dim=1),
            weights=weights,
            sample_points=self.sample_points[points],
        )

    def matrix(self, images: int = 1) -> Tensor:
        """The operation as one sparse matrix: what it reads, times the map, is its output.

        Args:
            images: the number of images in the batch.

        Returns:
            a sparse `Tensor[K * P_h * P_w, images * H * W]`; row b is bin b, column c is cell c.
            A position-sensitive operation has P_h * P_w times as many columns.
        """
        rows, columns = self.output_size
        number = self.offsets.diff()
        bins = torch.repeat_interleave(number, output_size=len(self.cells))
        weights = self.rois.new_ones(len(self.cells)) if self.weights is None else self.weights
        maps = images * (rows * columns if self.position_sensitive else 1)
        size = (len(number), maps * self.map_size[0] * self.map_size[1])
        entries = torch.stack([bins, self.cells])
        return torch.sparse_coo_tensor(entries, weights, size, check_invariants=True).coalesce()
