"""Both axes of an operation at once, for few RoIs.

What it replaces: `both_axes` of `mrcnn_lite.ops.axis`, one axis after the other. With few RoIs an
axis takes as long as its number of steps, some microseconds each; as one axis of twice as many RoIs
both take half of them, and what comes out is cut in two.

Where it was measured: docs/results/roi_ops.md, 10 RoIs.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from mrcnn_lite.ops import axis as plain
from mrcnn_lite.ops.axis import Axis
from mrcnn_lite.ops.fast.dry_run import ValuelessTensor

FEW = 512


def both_axes(
    axis: Callable[..., Axis],
    rois: Tensor,
    output_size: tuple[int, int],
    map_size: tuple[int, int],
    *arguments,
) -> tuple[Axis, Axis]:
    """What `rois` read along y and along x; arguments as of `mrcnn_lite.ops.axis.both_axes`."""
    if output_size[0] == output_size[1] and len(rois) <= FEW:
        with suppress(ValueError):  # what is too much for both at once may do for each
            return _both_at_once(axis, rois, output_size[0], map_size, *arguments)
    return plain.both_axes(axis, rois, output_size, map_size, *arguments)


def _both_at_once(
    axis: Callable[..., Axis], rois: Tensor, bins: int, map_size: tuple[int, int], *arguments
) -> tuple[Axis, Axis]:
    low, high = rois[:, 1:].t().reshape(2, 2 * len(rois))  # [2 K] each: all x, all y
    length = map_size[0]
    if length != map_size[1]:
        length = torch.empty(2, len(rois), dtype=torch.int32, device=rois.device)
        length[0], length[1] = map_size[1], map_size[0]
        length = length.view(-1, 1)  # [2 K, 1]
    x, y = _halves(axis(low, high, bins, length, *arguments))
    return y, x


def _halves(both: Axis) -> tuple[Axis, Axis]:
    """An axis of the first half of its RoIs, and of the second one."""
    bins = len(both.counts) // 2
    if both.width is None and not isinstance(both.counts, ValuelessTensor):
        entries = int(both.counts[:bins].sum())
        samples = None if both.samples is None else int(both.sample_counts[:bins].sum())
    else:  # as many in each
        entries = len(both.cells) // 2
        samples = None if both.samples is None else len(both.samples) // 2
    ends = {
        **dict.fromkeys(("start", "size", "edges"), len(both.start) // 2),
        **dict.fromkeys(("counts", "sample_counts"), bins),
        **dict.fromkeys(("cells", "weights"), entries),
        "samples": samples,
    }
    parts = {name: getattr(both, name) for name in ends if getattr(both, name) is not None}
    return (
        replace(both, **{name: part[: ends[name]] for name, part in parts.items()}),
        replace(both, **{name: part[ends[name] :] for name, part in parts.items()}),
    )
