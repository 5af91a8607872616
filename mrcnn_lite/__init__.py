"""mrcnn-lite: Mask R-CNN (He, Gkioxari, Dollar, Girshick 2017), small enough to be read.

Data flows one way: image, features, proposals, RoI features, heads, losses or detections. Read the
folders in this order; none imports from one further down.

    ops          RoI operations, boxes and masks: what is computed, one small file each
    models       the parts of the network, and Mask R-CNN put together from them
    datasets     pictures with their objects: Shapes, COCO, Penn-Fudan
    engine       training, evaluation, checkpoints
    explore      what is measured and drawn, for the lessons and the misalignment explorer
    experiments  the paper's tables in miniature
    course       checks of exercises, predictions, the students' edition
    cli          the command line

Beside them stand what all of them use: `errors`, `files`, `settings` and `console`. For a walk with
one image and one RoI through the files, see docs/package.md.
"""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On demand, so that `mrcnn-lite --help` does not wait for PyTorch.
    if name == "check":
        from mrcnn_lite.course import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
