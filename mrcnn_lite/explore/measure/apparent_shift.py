"""How far off an RoI operation seems to read, judged by its values on any map."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrcnn_lite.ops import roi_align
from mrcnn_lite.ops.by_name import find_operation

# Displacements tried along each axis, in cells.
TRIED = torch.arange(-16, 17) / 8


def apparent_shift(
    operation: str,
    features: Tensor,
    rois: Tensor,
    output_size: int | Sequence[int],
    stride: float,
    sampling_ratio: int = -1,
) -> Tensor:
    """How far off an operation seems to read, to judge by the values alone.

    Of all displacements of the box by up to two cells, in steps of an eighth of a cell, this is the
    one at which RoIAlign (aligned) reads most nearly, in the mean square, what the operation reads.

    Args:
        operation: a key of `misalignment.OPERATIONS`.
        features: `Tensor[N, C, H, W]`.
        rois: `Tensor[K, 5]`, (image, x1, y1, x2, y2) in image pixels.
        output_size: (P_h, P_w), the numbers of bins, or one number for both.
        stride: image pixels per feature cell.
        sampling_ratio: sample points per bin and axis; <= 0 takes one per cell, rounded up.

    Returns:
        `Tensor[K, 2]`: the displacement (x, y) of each box in image pixels.
    """
    arguments = (output_size, 1 / stride, sampling_ratio)
    read = find_operation(operation).read(features, rois, *arguments)
    steps = TRIED.to(rois) * stride
    dx, dy = (part.flatten() for part in torch.meshgrid(steps, steps, indexing="xy"))
    moves = torch.stack([torch.zeros_like(dx), dx, dy, dx, dy], dim=1)
    best = []
    for roi, values in zip(rois, read):
        elsewhere = roi_align(features, roi + moves, *arguments, aligned=True)
        best.append((elsewhere - values).square().mean(dim=(1, 2, 3)).argmin())
    return moves[best, 1:3] if best else rois.new_zeros(0, 2)
