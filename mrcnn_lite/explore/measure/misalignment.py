"""How far off an RoI operation reads, and which of three causes is to blame.

The reference is RoIAlign (`aligned`) of the box as given: on a map that is linear in the position
it reads exactly the centre of each bin. Three things lead from there to what RoIPool reads, one
after the other:

1. half a pixel: a cell's value is taken to stand at the cell's edge j instead of its centre
   j + 0.5, so everything is read half a cell too far right and down;
2. rounding: of the box, of the bins, and of a box smaller than a cell to a whole cell;
3. the maximum: on a rising map the largest cell of a bin lies beyond the bin's centre.

Each operation has the first ones of these steps or none of them, so that the differences between
neighbouring steps are the causes, and they add up to the whole error. On a map that is not linear
the causes depend on the order in which they are taken; it is the one above.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mrcnn_lite.ops import roi_align
from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.by_name import find_operation


@dataclass(frozen=True)
class ErrorByCause:
    """What an operation reads, and the steps that lead there from what it should read.

    All are `Tensor[K, C, P_h, P_w]` in the unit of the features.

    Attributes:
        reference: RoIAlign (aligned) of the box as given.
        shifted: the same, half a cell off if the operation is.
        averaged: the mean of what the operation's own bags hold; 0 for an empty bin.
        read: what the operation reads.
    """

    reference: Tensor
    shifted: Tensor
    averaged: Tensor
    read: Tensor

    @property
    def half_pixel(self) -> Tensor:
        """The error from taking a cell's value as standing at the cell's edge."""
        return self.shifted - self.reference

    @property
    def rounding(self) -> Tensor:
        """The error from rounding to whole cells."""
        return self.averaged - self.shifted

    @property
    def maximum(self) -> Tensor:
        """The error from taking the maximum instead of the mean."""
        return self.read - self.averaged

    @property
    def total(self) -> Tensor:
        """The whole error: what is read less what should be."""
        return self.read - self.reference


def split_error(
    operation: str,
    features: Tensor,
    rois: Tensor,
    output_size: int | Sequence[int],
    stride: float,
    sampling_ratio: int = -1,
) -> ErrorByCause:
    """Split the error of every bin on any map into its causes.

    Args:
        operation: a key of `mrcnn_lite.ops.by_name.OPERATIONS`.
        features: `Tensor[N, C, H, W]`.
        rois: `Tensor[K, 5]`, (image, x1, y1, x2, y2) in image pixels.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        stride: image pixels per feature cell.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        the error, in the unit of the features.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an unknown operation, or an argument that the operations do not take.
    """
    chosen = find_operation(operation)
    arguments = (output_size, 1 / stride, sampling_ratio)
    reference = roi_align(features, rois, *arguments, aligned=True)
    shifted = reference
    if chosen.half_a_cell_off:
        half_a_cell = rois.new_tensor([0, 1, 1, 1, 1]) * (stride / 2)
        shifted = roi_align(features, rois + half_a_cell, *arguments, aligned=True)
    read = averaged = chosen.read(features, rois, *arguments)
    bags = chosen.bags(features.shape[2:], rois, *arguments)
    if bags.weights is None:
        averaged = _mean_of_cells(bags, features)
    return ErrorByCause(reference, shifted, averaged, read)


def split_shift(
    operation: str,
    map_size: Sequence[int],
    rois: Tensor,
    output_size: int | Sequence[int],
    stride: float,
    sampling_ratio: int = -1,
) -> ErrorByCause:
    """Split the error of every bin in image pixels: how far from its place does it read?

    That is `split_error` on `position_map`, whose values are positions.

    Args:
        operation: a key of `OPERATIONS`.
        map_size: (H, W) of the feature map in cells.
        rois: `Tensor[K, 5]`, (0, x1, y1, x2, y2) in image pixels: all of image 0.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        stride: image pixels per feature cell.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        the error along x (channel 0) and y (channel 1), in image pixels.
    """
    features = position_map(map_size, stride).to(rois)
    return split_error(operation, features, rois, output_size, stride, sampling_ratio)


def position_map(map_size: Sequence[int], stride: float) -> Tensor:
    """A ramp along each axis: every cell holds where its centre stands in the image.

    Args:
        map_size: (H, W) of the feature map in cells.
        stride: image pixels per feature cell.

    Returns:
        float64 `Tensor[1, 2, H, W]`: x (channel 0) and y (channel 1) in image pixels.
    """
    height, width = map_size
    y, x = torch.meshgrid(
        (torch.arange(height, dtype=torch.float64) + 0.5) * stride,
        (torch.arange(width, dtype=torch.float64) + 0.5) * stride,
        indexing="ij",
    )
    return torch.stack([x, y])[None]


def slide(box: Sequence[float], dx: Tensor | float = 0.0, dy: Tensor | float = 0.0) -> Tensor:
    """Place a box at several positions, to follow an error as the box is dragged.

    Args:
        box: (x1, y1, x2, y2) in image pixels.
        dx: `Tensor[S]` or a number, added to x1 and x2.
        dy: the same for y1 and y2.

    Returns:
        RoIs of image 0, `Tensor[S, 5]`, float64.
    """
    dx, dy = (torch.as_tensor(step, dtype=torch.float64) for step in (dx, dy))
    dx, dy = torch.broadcast_tensors(torch.atleast_1d(dx), torch.atleast_1d(dy))
    moves = torch.stack([torch.zeros_like(dx), dx, dy, dx, dy], dim=1)
    return moves + moves.new_tensor([0, *box])


def _mean_of_cells(bags: Bags, features: Tensor) -> Tensor:
    images, channels, height, width = features.shape
    table = features.permute(0, 2, 3, 1).reshape(images * height * width, channels)
    sums = bags.matrix(images).to(table.dtype) @ table
    means = sums / bags.offsets.diff().clamp(min=1)[:, None]
    return means.view(-1, *bags.output_size, channels).permute(0, 3, 1, 2)
