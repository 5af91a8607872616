"""The one switch between this package's RoI operations and torchvision's kernels."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
