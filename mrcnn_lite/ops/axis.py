"""One axis of an RoI operation: what each of the P bins along it reads.

The operations treat x and y alike and apart, so everything that distinguishes them is said here in
one dimension: `pool_axis`, `warp_axis`, `align_axis` (also for PSRoIAlign) and `ps_pool_axis`. What
the definitions in `mrcnn_lite.ops.roi` write as a matrix, most of it zeros, is here a list of the
cells that are read, bin after bin: `mrcnn_lite.ops.bags` draws it, `mrcnn_lite.ops.fast` computes
with it.

Coordinates are feature cells, cell j covering [j, j + 1) with its centre at j + 0.5. All floating-
point expressions keep the order of torchvision's kernels: a bin's edge or a sample that falls on a
whole number must round to the same side.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mrcnn_lite.ops.fast.dry_run import ValuelessTensor

LARGEST = 2**31 - 1  # entries are counted and numbered in int32
# A box may ask for any number of samples, as may a caller. With so many along an axis, all that is
# made of them takes gigabytes.
MOST_SAMPLES = 2**25


@dataclass(frozen=True)
class Axis:
    """What the P bins of K RoIs read along one axis of L cells.

    Attributes:
        start: `Tensor[K]`, where the box that is read begins.
        size: `Tensor[K]`, its extent.
        edges: `Tensor[K, P, 2]`, where each bin begins and ends.
        cells: `Tensor[E]` int32, the cells that each bin reads, bin after bin, RoI after RoI.
        weights: `Tensor[E]`, their weights; None if whole cells are read.
        counts: `Tensor[K * P]` int32, how many entries each bin has.
        width: that number if it is the same for all bins by construction, else None.
        samples: `Tensor[S]`, the sampled coordinates, bin after bin, half a cell less than in the
            unit above (cell j's value stands at j); None if whole cells are read.
        sample_counts: `Tensor[K * P]` int32, how many samples each bin has; None likewise.
    """

    start: Tensor
    size: Tensor
    edges: Tensor
    cells: Tensor
    weights: Tensor | None
    counts: Tensor
    width: int | None = None
    samples: Tensor | None = None
    sample_counts: Tensor | None = None


def both_axes(
    axis: Callable[..., Axis],
    rois: Tensor,
    output_size: tuple[int, int],
    map_size: tuple[int, int],
    *arguments,
) -> tuple[Axis, Axis]:
    """What `rois`, `Tensor[K, 5]`, read along y and along x, by one of the functions below.

    Args:
        axis: `pool_axis` or another one.
        rois: `Tensor[K, 5]` of (image, x1, y1, x2, y2) in image pixels.
        output_size: (P_h, P_w).
        map_size: (H, W) in cells.
        arguments: the last ones of `axis`.
    """
    _, x1, y1, x2, y2 = rois.unbind(dim=1)  # [K] each
    y = axis(y1, y2, output_size[0], map_size[0], *arguments)
    x = axis(x1, x2, output_size[1], map_size[1], *arguments)
    return y, x


def pool_axis(low: Tensor, high: Tensor, bins: int, length: int, scale: float) -> Axis:
    """RoIPool: the box rounded to whole cells, each bin rounded outwards to whole cells."""
    start, size = quantised_box(low, high, scale)
    return whole_cells(start, size, bins, last=length)


def warp_axis(
    low: Tensor, high: Tensor, bins: int, length: int, scale: float, sampling: int
) -> Axis:
    """RoIWarp: RoIPool's box, its bins not rounded but sampled."""
    start, size = quantised_box(low, high, scale)
    return bilinear_samples(start - 0.5, size, bins, length, sampling)


def align_axis(
    low: Tensor, high: Tensor, bins: int, length: int, scale: float, sampling: int, aligned: bool
) -> Axis:
    """RoIAlign: RoIWarp without the rounding of the box."""
    half_a_cell = 0.5 if aligned else 0.0
    origin, end = low * scale - half_a_cell, high * scale - half_a_cell
    size = end - origin if aligned else (end - origin).clamp(min=1)
    return bilinear_samples(origin, size, bins, length, sampling)


def ps_pool_axis(low: Tensor, high: Tensor, bins: int, length: int, scale: float) -> Axis:
    """PSRoIPool: RoIPool's bins of a box without the + 1, averaged, less the map's last cell."""
    start, end = round_half_away(low * scale), round_half_away(high * scale)
    axis = whole_cells(start, (end - start).clamp(min=1), bins, last=length - 1)
    share = 1 / axis.counts.to(start.dtype)  # [K * P]
    return replace(axis, weights=share.repeat_interleave(axis.counts, output_size=len(axis.cells)))


def round_half_away(x: Tensor) -> Tensor:
    """Round to the nearest whole number, halves away from zero, as C's `round` does.

    `torch.round` takes halves to the even neighbour: 2.5 becomes 2.
    """
    whole = x.trunc()
    return whole + x.sign() * ((x - whole).abs() >= 0.5)


def quantised_box(low: Tensor, high: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The start and size in whole cells that RoIPool and RoIWarp read instead of [low, high].

    The end is the rounded last cell, and it is included: hence the + 1.
    """
    start = round_half_away(low * scale)
    return start, (round_half_away(high * scale) - start + 1).clamp(min=1)


def whole_cells(start: Tensor, size: Tensor, bins: int, last: int) -> Axis:
    """Bins of whole cells: from the floor of a bin's start to the ceiling of its end.

    Args:
        start: `Tensor[K]` of whole numbers.
        size: `Tensor[K]`.
        bins: P, the number of bins.
        last: where the part of the map that may be read ends, in cells.

    Returns:
        the axis, without weights and samples.
    """
    p = torch.arange(bins, dtype=start.dtype, device=start.device)  # [P]
    bin_size = (size / bins)[:, None]  # [K, 1]
    low = (p * bin_size).floor() + start[:, None]  # [K, P]
    high = ((p + 1) * bin_size).ceil() + start[:, None]
    # Clamped in both types: the conversion of a value beyond int32 is undefined.
    low = low.clamp(0, last).int().clamp(0, last)
    high = torch.maximum(low, high.clamp(0, last).int().clamp(0, last))
    bin_of_entry, place = ragged((high - low).flatten())  # [E] each
    return Axis(
        start=start,
        size=size,
        edges=torch.stack([low, high], dim=-1).to(start.dtype),
        cells=low.flatten()[bin_of_entry] + place,
        weights=None,
        counts=(high - low).flatten(),
    )


def bilinear_samples(origin: Tensor, size: Tensor, bins: int, length: int, sampling: int) -> Axis:
    """Bins of bilinear samples at the centres of equal parts, weighted so that they are averaged.

    Args:
        origin: `Tensor[K]`, where the box begins if cell j's value stands at j (not at j + 0.5).
        size: `Tensor[K]`; may be negative (an inverted box is read backwards, or not at all if
            sampling is adaptive).
        bins: P, the number of bins.
        length: the number of cells on the map.
        sampling: samples per bin, or <= 0 to take as many as a bin has cells, rounded up.

    Returns:
        the axis; differentiable with respect to `origin` and `size`.
    """
    if sampling > 0:
        return _fixed_samples(origin, size, bins, length, sampling)
    return _adaptive_samples(origin, size, bins, length)


def _fixed_samples(origin: Tensor, size: Tensor, bins: int, length: int, sampling: int) -> Axis:
    check_total(len(size) * bins * sampling, MOST_SAMPLES)
    p = torch.arange(bins, dtype=origin.dtype, device=origin.device)[:, None]  # [P, 1]
    i = torch.arange(sampling, dtype=origin.dtype, device=origin.device)  # [n]
    bin_size = (size / bins)[:, None, None]  # [K, 1, 1]
    position = origin[:, None, None] + p * bin_size + (i + 0.5) * bin_size / sampling  # [K, P, n]
    cells, weights = neighbours(position, length)  # [K, P, n, 2] each
    count = torch.full((len(size) * bins,), sampling, dtype=torch.int32, device=size.device)
    return Axis(
        start=origin + 0.5,
        size=size,
        edges=_equal_parts(origin + 0.5, size, bins),
        cells=cells.flatten(),
        weights=(weights / sampling).flatten(),
        counts=2 * count,
        width=2 * sampling,
        samples=position.flatten(),
        sample_counts=count,
    )


def _adaptive_samples(origin: Tensor, size: Tensor, bins: int, length: int) -> Axis:
    number = (size.detach() / bins).ceil().clamp(min=0)  # [K]
    number_in_bin = number[:, None].expand(-1, bins).reshape(-1)  # [K * P]
    bin_of_sample, i = ragged(number_in_bin, MOST_SAMPLES)  # [S] each
    roi, p = bin_of_sample // bins, bin_of_sample % bins
    bin_size = (size / bins)[roi]  # [S]
    position = origin[roi] + p * bin_size + (i + 0.5) * bin_size / number[roi]  # [S]
    cells, weights = neighbours(position, length)  # [S, 2] each
    # Neighbouring samples are less than a cell apart, so the cells of a bin form one run without
    # gaps, most of them read twice or more: each is listed once, with the sum of its weights.
    low = torch.full_like(number_in_bin, length, dtype=torch.int32)  # [K * P]
    high = torch.full_like(low, -1)
    low = low.scatter_reduce(0, bin_of_sample.long(), cells[:, 0], "amin")
    high = high.scatter_reduce(0, bin_of_sample.long(), cells[:, 1], "amax")
    counts = (high - low + 1).clamp(min=0)
    bin_of_entry, place = ragged(counts)  # [E] each
    first = counts.cumsum(0, dtype=torch.int32) - counts  # [K * P]
    entry = (first - low)[bin_of_sample][:, None] + cells  # [S, 2]
    weights = (weights / number[roi][:, None]).flatten()  # [2 S]
    return Axis(
        start=origin + 0.5,
        size=size,
        edges=_equal_parts(origin + 0.5, size, bins),
        cells=low[bin_of_entry] + place,
        weights=weights.new_zeros(len(place)).index_add(0, entry.flatten(), weights),
        counts=counts,
        samples=position,
        sample_counts=number_in_bin.int(),
    )


def _equal_parts(start: Tensor, size: Tensor, bins: int) -> Tensor:
    p = torch.arange(bins + 1, dtype=start.dtype, device=start.device)
    edges = start[:, None] + p * (size / bins)[:, None]  # [K, P + 1]
    return torch.stack([edges[:, :-1], edges[:, 1:]], dim=-1)


def neighbours(position: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The two cells around each position and their weights, `Tensor[..., 2]` each.

    Here cell j's value stands at position j. Up to one cell beyond the first and the last value
    the map continues with that value; farther out a sample reads nothing (both weights are 0), but
    still counts.

    Args:
        position: `Tensor[...]`, differentiable.
        length: the number of cells on the map.

    Returns:
        (cells, weights): int32 and the type of `position`.
    """
    on_map = (position >= -1) & (position <= length)
    inside = position.clamp(0, length - 1)
    low = inside.detach().floor().int().clamp(0, length - 1)
    fraction = inside - low
    cells = torch.stack([low, (low + 1).clamp(max=length - 1)], dim=-1)
    weights = torch.stack([1 - fraction, fraction], dim=-1)
    return cells, torch.where(on_map[..., None], weights, 0)


def check_total(entries: int, most: int = LARGEST) -> int:
    """Hand on the number of entries, or raise a ValueError if there are more than `most`."""
    if entries > most:
        raise ValueError(
            f"boxes: all bins together would read {entries:,} cells; pass fewer boxes at a time, "
            "clip them to the image, or give a smaller sampling_ratio"
        )
    return entries


def ragged(counts: Tensor, most: int = LARGEST) -> tuple[Tensor, Tensor]:
    """For groups of the given sizes laid end to end: each element's group and its place in it.

    Args:
        counts: `Tensor[N]` of whole numbers, in a floating-point type if they may be huge.
        most: how many elements there may be, at most as many as int32 can number.

    Returns:
        (group, place): two `Tensor[sum of counts]` int32.

    Raises:
        ValueError: there are more than `most`.
    """
    # Added up in int64, since not every device has float64, and so bounded that the sum fits.
    if counts.is_floating_point():
        counts = counts.clamp(max=2**62 // max(counts.numel(), 1))
    # In a dry run there is nothing to count: as if each group had one element.
    dry = isinstance(counts, ValuelessTensor)
    total = check_total(counts.numel() if dry else int(counts.sum(dtype=torch.int64)), most)
    counts = counts.int()
    group = torch.repeat_interleave(counts, output_size=total)  # [total]
    first = counts.cumsum(0, dtype=torch.int32) - counts  # [N]
    place = torch.arange(total, dtype=torch.int32, device=counts.device) - first[group]
    return group.int(), place


def as_offsets(counts: Tensor) -> Tensor:
    """`Tensor[N + 1]`: where each of N groups laid end to end begins, and where the last ends."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0, dtype=counts.dtype)])
