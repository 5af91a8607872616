"""A trained model as an ONNX file, which runs without Python.

The numbers of proposals and of detections are known only when a picture has gone through the
network. PyTorch's present exporter (`torch.onnx.export(dynamo=True)`) refuses such models,
torchvision's as well as ours; the one before it, by TorchScript, takes torchvision's. So what is
written is that one, with our weights.
"""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_atomically
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.to_torchvision import to_torchvision

OPSET = 17
# Of ONNX Runtime's scores from torchvision's, when both read the same picture.
LARGEST_DIFFERENCE = 0.01


def write_onnx(path: str | Path, model: MaskRCNN, categories: dict[int, str]) -> bool:
    """Write `model` for one picture of any size at a time: "image", float32 `[3, H, W]` in 0..1.

    Its outputs are "boxes" `[D, 4]`, "labels" `[D]`, "scores" `[D]` and, with a mask branch,
    "masks" `[D, 1, H, W]`. The metadata holds "categories", label to name in JSON.

    Args:
        path: the file to write.
        model: one that torchvision has, too (see `to_torchvision`).
        categories: label to name.

    Returns:
        Whether ONNX Runtime, which need not be installed, was seen to detect the same.

    Raises:
        ValueError: torchvision has no such model; the message says what differs.
        InputError: the model predicts keypoints, onnx is not installed, the file cannot be written,
            or ONNX Runtime detects something else.
    """
    if model.config.num_keypoints:
        raise InputError(
            "a model with keypoints is not written as ONNX: torchvision's can be exported for "
            "pictures of a single size only"
        )
    theirs = to_torchvision(model)
    if find_spec("onnx") is None:
        raise InputError("onnx is not installed: pip install 'mrcnn-lite[export]'")
    outputs = ["boxes", "labels", "scores", "masks"]
    if not model.predicts_masks:
        outputs.remove("masks")
    axes = {name: {0: "detections"} for name in outputs}
    axes["image"] = {1: "height", 2: "width"}
    if model.predicts_masks:
        axes["masks"] |= {2: "height", 3: "width"}
    with write_atomically(path) as temporary:
        # The exporter, and torchvision's code as it is traced, warn of what is known to be right.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                theirs,
                ([torch.rand(3, 96, 128)],),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=["image"],
                output_names=outputs,
                dynamic_axes=axes,
            )
        _add_categories(temporary, categories)
        if find_spec("onnxruntime") is None:
            return False
        if not _detects_the_same(temporary, theirs):
            raise InputError(f"{path} was not written: ONNX Runtime detects something else")
    return True


def _add_categories(path: Path, categories: dict[int, str]) -> None:
    import onnx

    written = onnx.load(path)
    onnx.helper.set_model_props(written, {"categories": json.dumps(categories)})
    onnx.save(written, path)


def _detects_the_same(path: Path, theirs: torch.nn.Module) -> bool:
    """Compare ONNX Runtime with torchvision on a picture of another size than the example's."""
    from onnxruntime import InferenceSession

    image = torch.rand(3, 120, 90)
    with torch.inference_mode():
        expected = theirs([image])[0]["scores"]  # [D]
    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"image": image.numpy()})
    # One that is hardly above the threshold may be there or not.
    both = min(len(scores), len(expected))
    differences = (torch.from_numpy(scores)[:both] - expected[:both]).abs()  # [D]
    return abs(len(scores) - len(expected)) <= 1 and bool((differences < LARGEST_DIFFERENCE).all())
