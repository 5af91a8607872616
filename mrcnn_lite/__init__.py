"""mrcnn-lite: Mask R-CNN (He, Gkioxari, Dollar, Girshick 2017), small enough to be read.

Data flows one way: image, features, proposals, RoI features, heads, losses or detections.
"""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On demand, so that `mrcnn-lite --help` does not wait for PyTorch.
    if name == "check":
        from mrcnn_lite.course import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
