"""What else a Python user can run torchvision's model with on a CPU, without writing any code.

    pip install onnx onnxruntime openvino

Each contender gets torchvision's model and its pictures and gives a function that detects. What is
not installed is left out. torch.compile needs a C++ compiler and a minute or more; only the
backbone is compiled, since the whole model comes apart into many graphs and had not detected
anything after five minutes on two cores.
"""

import copy
import importlib.util
import io
import shutil
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

Detect = Callable[[], list[dict[str, Tensor]]]


class OfOneImage(nn.Module):
    """A detector with one image in and a tuple out, which is what can be traced."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        drawn = "keypoints" if model.roi_heads.has_keypoint() else "masks"
        self.names = ("boxes", "labels", "scores", drawn)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        detections = self.model([image])[0]
        return tuple(detections[name] for name in self.names)

    def by_name(self, values: Iterable[Any]) -> dict[str, Tensor]:
        """Make detections of what a runtime gives for one image."""
        return dict(zip(self.names, map(torch.as_tensor, values), strict=True))


def channels_last(model: nn.Module, images: list[Tensor]) -> Detect:
    """The same model, its weights laid out as its convolutions like them."""
    model = copy.deepcopy(model).to(memory_format=torch.channels_last)
    return lambda: model(images)


def compiled(model: nn.Module, images: list[Tensor]) -> Detect:
    """The backbone through TorchInductor."""
    model = copy.deepcopy(model)
    model.backbone = torch.compile(model.backbone)
    return lambda: model(images)


def onnx_runtime(model: nn.Module, images: list[Tensor]) -> Detect:
    """Microsoft's runtime for exported models."""
    import onnxruntime

    exported, one = io.BytesIO(), OfOneImage(model).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(one, (images[0],), exported, dynamo=False, opset_version=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        exported.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda: [one.by_name(session.run(None, {name: image.numpy()})) for image in images]


def openvino(model: nn.Module, images: list[Tensor]) -> Detect:
    """Intel's runtime, in float32 as the others."""
    from openvino import Core, convert_model

    one = OfOneImage(model).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = convert_model(one, example_input=images[0])
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    network = Core().compile_model(traced, "CPU", settings)
    return lambda: [one.by_name(network([image.numpy()]).values()) for image in images]


# By name: how to make it, the packages and the program that it needs, and whether the variables
# that limit a process to a set of instructions hold for it (ONNX Runtime asks the processor).
CONTENDERS = {
    "torchvision, channels-last": (channels_last, (), None, True),
    "torchvision, backbone by torch.compile": (compiled, (), "c++", True),
    "ONNX Runtime": (onnx_runtime, ("onnx", "onnxruntime"), None, False),
    "OpenVINO": (openvino, ("openvino",), None, True),
}


def contenders_here(limited: bool) -> list[str]:
    """Name the contenders that are installed, and whose instructions are those to be measured."""
    return [
        name
        for name, (_, packages, program, obeys) in CONTENDERS.items()
        if all(map(importlib.util.find_spec, packages))
        and (program is None or shutil.which(program))
        and (obeys or not limited)
    ]


def make_contender(name: str, model: nn.Module, images: list[Tensor]) -> Detect:
    return CONTENDERS[name][0](model, images)


def share_found(
    detections: list[dict[str, np.ndarray]], expected: list[dict[str, np.ndarray]]
) -> float:
    """Which part of the expected detections was found: same class, IoU above 0.9, score to 0.02."""
    found = total = 0
    for ours, theirs in zip(detections, expected, strict=True):
        boxes = map(torch.from_numpy, (theirs["boxes"], ours["boxes"]))
        close = box_iou(*boxes).numpy() > 0.9
        close &= theirs["labels"][:, None] == ours["labels"]
        close &= abs(theirs["scores"][:, None] - ours["scores"]) < 0.02
        found += int(close.any(axis=1).sum())
        total += len(theirs["boxes"])
    return found / total
