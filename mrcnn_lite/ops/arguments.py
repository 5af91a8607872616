"""The arguments that all RoI operations share, checked and brought to one form.

A wrong argument is named before anything is computed from it, so that no operation can read outside
its input: on a CPU such a read gives numbers out of nowhere, on a GPU an error many lines later.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from mrcnn_lite.ops.fast.dry_run import ValuelessTensor
from mrcnn_lite.ops.fast.few_boxes import are_valid


def as_size(output_size: int | Sequence[int], name: str = "output_size") -> tuple[int, int]:
    """(height, width) from one positive integer or a pair of them.

    Raises:
        TypeError: something else than integers came.
        ValueError: not one or two of them, or one below 1.
    """
    pair = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * 2
    if any(isinstance(size, bool) or not isinstance(size, int) for size in pair):
        raise TypeError(f"{name} must be an int or a pair of ints, got {output_size!r}")
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{name} must be a positive int or a pair of them, got {output_size!r}")
    return pair


def _check_numbers(spatial_scale: float, sampling_ratio: int, aligned: bool) -> None:
    """Check the arguments that are no tensors; those that an operation lacks have a good default.

    Raises:
        TypeError: one of another type.
        ValueError: `spatial_scale` is not positive or not finite.
    """
    for name, value, kind, words in (
        ("spatial_scale", spatial_scale, Real, "a number"),
        ("sampling_ratio", sampling_ratio, Integral, "an int"),
        ("aligned", aligned, bool, "True or False"),
    ):
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{name} must be {words}, got {value!r}")
    if not (math.isfinite(spatial_scale) and spatial_scale > 0):
        raise ValueError(f"spatial_scale must be positive and finite, got {spatial_scale!r}")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise a ValueError that lists the choices unless `value` is one of them."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def op_arguments(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> tuple[Tensor, tuple[int, int]]:
    """The arguments of an operation: the RoIs as `Tensor[K, 5]` and (P_h, P_w).

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an argument that is out of range or does not fit the others.
    """
    _check_map(input)
    _check_numbers(spatial_scale, sampling_ratio, aligned)
    rois = as_rois(boxes, images=len(input))
    if len(rois) == 0:
        rois = rois.to(input.device)
    if rois.device != input.device:
        raise ValueError(f"boxes are on {rois.device}, but input is on {input.device}")
    return rois, as_size(output_size)


def bag_arguments(
    map_size: Sequence[int],
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> tuple[tuple[int, int], Tensor, tuple[int, int]]:
    """The arguments of the bags of an operation: (H, W), RoIs as `Tensor[K, 5]` and (P_h, P_w).

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an argument that is out of range.
    """
    _check_numbers(spatial_scale, sampling_ratio, aligned)
    return as_size(map_size, "map_size"), as_rois(boxes), as_size(output_size)


def ps_arguments(
    input: Tensor,
    boxes: Tensor | Sequence[Tensor],
    output_size: int | Sequence[int],
    spatial_scale: float,
    sampling_ratio: int = -1,
) -> tuple[Tensor, tuple[int, int]]:
    """`op_arguments` of a position-sensitive operation, which wants channels for each bin.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: as `op_arguments`, or P_h * P_w does not divide the number of channels.
    """
    rois, output_size = op_arguments(input, boxes, output_size, spatial_scale, sampling_ratio)
    bins = output_size[0] * output_size[1]
    if input.shape[1] % bins:
        raise ValueError(
            f"input must have a multiple of P_h * P_w = {bins} channels, got {input.shape[1]}"
        )
    return rois, output_size


def _check_map(input: Tensor) -> None:
    """Check that `input` can be pooled from: a floating-point `Tensor[N, C, H, W]` with cells.

    Raises:
        TypeError: not a tensor, or not of a floating-point type.
        ValueError: not four-dimensional, or without channels, rows or columns.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"input must be a tensor, got {type(input).__name__}")
    if not input.is_floating_point():
        raise TypeError(f"input must be of a floating-point type, got {input.dtype}")
    if input.dim() != 4 or 0 in input.shape[1:]:
        raise ValueError(
            f"input must be Tensor[N, C, H, W] with C, H, W >= 1, got shape {tuple(input.shape)}"
        )


def as_rois(boxes: Tensor | Sequence[Tensor], images: int | None = None) -> Tensor:
    """Bring boxes to one table of RoIs, `Tensor[K, 5]` of (image, x1, y1, x2, y2).

    Args:
        boxes: `Tensor[K, 5]`, or one `Tensor[L, 4]` for each image of the batch.
        images: the number of images in the batch, if the image numbers are to be checked.

    Returns:
        `Tensor[K, 5]` of at least float32 (half a float16 pixel is lost beyond 1,024 of them).

    Raises:
        TypeError: not tensors of real numbers.
        ValueError: another shape, a coordinate that is NaN or infinite, or an image number that is
            not one of 0 .. `images` - 1.
    """
    if isinstance(boxes, Tensor):
        _check_boxes(boxes, "boxes", columns=5)
        rois = boxes
    else:
        rois = joined(boxes, images)
    if rois.dtype not in (torch.float32, torch.float64):
        rois = rois.to(_wide(rois.dtype))
    if not isinstance(rois, ValuelessTensor):  # a dry run has no values to check
        _check_values(rois.detach(), images)
    return rois


def joined(boxes: Sequence[Tensor], images: int | None) -> Tensor:
    """One table of RoIs from a `Tensor[L, 4]` for each image; values are not looked at."""
    if not isinstance(boxes, (list, tuple)):
        raise TypeError(
            f"boxes must be Tensor[K, 5] or a list of Tensor[L, 4], got {type(boxes).__name__}"
        )
    if images is not None and len(boxes) != images:
        raise ValueError(
            f"boxes must have one Tensor[L, 4] per image: got {len(boxes)} for {images} images"
        )
    for i, one in enumerate(boxes):
        _check_boxes(one, f"boxes[{i}]", columns=4)
    if not boxes:
        return torch.zeros(0, 5)
    # Before the images' numbers come in: a 16-bit type has no room for large ones.
    boxes = [one.to(_wide(one.dtype)) for one in boxes]
    numbers = [torch.full_like(one[:, :1], i) for i, one in enumerate(boxes)]  # [L_i, 1] each
    return torch.cat([torch.cat([n, one], dim=1) for n, one in zip(numbers, boxes)])  # [K, 5]


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _check_boxes(boxes: Tensor, name: str, columns: int) -> None:
    if not isinstance(boxes, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(boxes).__name__}")
    if boxes.dtype == torch.bool or boxes.is_complex():
        raise TypeError(f"{name} must hold real numbers, got {boxes.dtype}")
    if boxes.dim() != 2 or boxes.shape[1] != columns:
        hint = "(image, x1, y1, x2, y2)" if columns == 5 else "(x1, y1, x2, y2)"
        raise ValueError(
            f"{name} must have {columns} columns {hint}, got shape {tuple(boxes.shape)}"
        )


def _check_values(rois: Tensor, images: int | None) -> None:
    most = math.inf if images is None else images - 1
    if are_valid(rois, most):
        return
    # Only what is wrong is looked for row by row.
    endless = ~rois.isfinite().all(dim=1)  # [K]
    if endless.any():
        row = int(endless.nonzero()[0])
        raise ValueError(f"boxes must be finite, but row {row} is {rois[row].tolist()}")
    number = rois[:, 0]  # [K]
    wrong = (number < 0) | (number > most) | (number != number.trunc())
    if wrong.any():
        row = int(wrong.nonzero()[0])
        limit = "a whole number >= 0" if images is None else f"one of 0 .. {images - 1}"
        raise ValueError(
            f"boxes: the image number must be {limit}, but row {row} has {float(number[row])!r}"
        )
