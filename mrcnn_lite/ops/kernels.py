"""The one switch between this package's RoI operations and torchvision's kernels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torchvision
from torch import Tensor

from mrcnn_lite.ops.axis import quantised_box

_torchvision = ContextVar("torchvision_kernels", default=False)


@contextmanager
def torchvision_kernels(enabled: bool = True) -> Iterator[None]:
    """Within this context the RoI operations run torchvision's kernels where it has one.

    On a CPU the operations of this package are the faster ones; on a CUDA device torchvision's are
    well tuned, and training there may want them. The results are equal. What torchvision does not
    have (`reduce="max"`, gradients to the boxes) is computed as without the context.

    Args:
        enabled: False restores this package's operations inside an outer context.
    """
    token = _torchvision.set(enabled)
    try:
        yield
    finally:
        _torchvision.reset(token)


def use_torchvision() -> bool:
    """Whether `torchvision_kernels` is in force."""
    return _torchvision.get()


def run_torchvision(
    operation: Callable[..., Tensor], input: Tensor, rois: Tensor, *arguments
) -> Tensor:
    """Run one of torchvision's RoI operations, which want features and RoIs of one type.

    That is the wider of the two: in a 16-bit type a RoI far from the origin would move by pixels.

    Returns:
        The operation's result in the input's type.
    """
    dtype = torch.promote_types(input.dtype, rois.dtype)
    return operation(input.to(dtype), rois.to(dtype), *arguments).to(input.dtype)


def torchvision_warp(
    input: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
) -> Tensor:
    """RoIWarp, which torchvision does not have, as its RoIAlign of the box that RoIPool reads."""
    image, x1, y1, x2, y2 = rois.unbind(dim=1)
    x, width = quantised_box(x1, x2, spatial_scale)
    y, height = quantised_box(y1, y2, spatial_scale)
    boxes = torch.stack([image, x, y, x + width, y + height], dim=1)
    aligned = True
    return run_torchvision(
        torchvision.ops.roi_align, input, boxes, output_size, 1.0, sampling_ratio, aligned
    )
