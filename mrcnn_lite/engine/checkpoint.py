"""Checkpoints: all that is needed to use a model or to go on training it.

A training checkpoint (`checkpoint-0000200.pt`, of step 200) holds model, optimiser and random
states; weights alone (`*.safetensors`) are what the course ships. Neither can run code when it is
loaded, and neither is loaded if a bit of it has changed (see `engine.sealed`).
"""

import json
import pickle
import re
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mrcnn_lite.engine.sealed import (
    DamagedFileError,
    check_sealed,
    load_sealed_tensors,
    save_sealed,
    save_sealed_tensors,
)
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import MaskRCNN, MaskRCNNConfig
from mrcnn_lite.models.build import METHODS

FORMAT = "mrcnn-lite checkpoint 1"
CHECKPOINT_NAME = re.compile(r"checkpoint-([0-9]+)\.pt")


@dataclass
class LoadedModel:
    """A model as it was saved, and the names of the classes and keypoints that it knows.

    Attributes:
        model: in evaluation mode, on the CPU.
        categories: label to name.
        keypoint_names: in the model's order; empty if it predicts none, or was saved without.
    """

    model: MaskRCNN
    categories: dict[int, str]
    keypoint_names: tuple[str, ...] = ()


def save_checkpoint(
    path: str | Path,
    model: MaskRCNN,
    categories: dict[int, str],
    training: dict[str, Any],
    keypoint_names: Sequence[str] = (),
) -> None:
    """Write a training checkpoint: at any moment `path` is the old one or the whole new one.

    Args:
        path: the file to write.
        model: its configuration and weights are saved.
        categories: label to name.
        training: what resuming needs: tensors, numbers, strings, lists and dictionaries of them.
        keypoint_names: of the keypoints that the model predicts.
    """
    checkpoint = {
        "format": FORMAT,
        "method": model.method,
        "model_config": asdict(model.config),
        "categories": categories,
        "keypoint_names": list(keypoint_names),
        "model": model.state_dict(),
        "training": training,
    }
    save_sealed(path, checkpoint)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a training checkpoint back.

    Raises:
        InputError: the file is missing, truncated, or no checkpoint of this package.
    """
    path = checkpoint_path(path)
    try:
        check_sealed(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own message goes on to recommend loading it all the same.
        raise InputError(
            f"{path} is refused: it is no checkpoint of mrcnn-lite, and loading it could run code"
        ) from error
    except OSError as error:
        # The disk's or the system's trouble says nothing of the file, which may be whole.
        raise InputError(f"{path} cannot be read just now ({error})") from error
    except MemoryError:
        raise
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}{_name_the_one_before(path)}") from error
    # PyTorch's reader raises KeyError, IndexError and others on zip files that are something else.
    except Exception as error:
        raise DamagedFileError(
            f"{path} cannot be read as a checkpoint ({error}){_name_the_one_before(path)}"
        ) from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise InputError(f"{path} is not a checkpoint of mrcnn-lite ({FORMAT!r} is missing)")
    parts = ("model_config", "categories", "model", "training")
    if missing := [name for name in parts if name not in checkpoint]:
        raise InputError(f"{path} is damaged: it lacks {', '.join(missing)}")
    return checkpoint


def checkpoint_name(step: int) -> str:
    """Name the checkpoint of a step so that the names' order is the steps'."""
    return f"checkpoint-{step:07d}.pt"


def checkpoints_in(folder: Path) -> list[Path]:
    """List a run's checkpoints, the last first; a file of any other name is the user's own."""
    steps = {
        int(match[1]): path
        for path in folder.glob("checkpoint-*.pt")
        if (match := CHECKPOINT_NAME.fullmatch(path.name))
        and path.name == checkpoint_name(int(match[1]))
        and path.is_file()
    }
    return [steps[step] for step in sorted(steps, reverse=True)]


def last_good_checkpoint(folder: Path) -> Path | None:
    """Find a run's last checkpoint that is whole; warn of each that is not, and set it aside.

    Returns:
        None if the folder has no checkpoint.

    Raises:
        InputError: the last one is refused, as one that could run code; or none of them is whole,
            and they stay where they are.
    """
    damaged = {}
    for path in checkpoints_in(folder):
        try:
            load_checkpoint(path)
        except DamagedFileError as error:
            damaged[path] = error
            continue
        for spoilt, error in damaged.items():
            aside = spoilt.replace(spoilt.with_suffix(".damaged"))
            warnings.warn(f"{error}. Going on from {path}; moved to {aside}", stacklevel=2)
        return path
    if damaged:
        names = ", ".join(path.name for path in damaged)
        raise InputError(
            f"none of the checkpoints in {folder} is whole ({names}), so there is nothing to go on "
            "from: choose another folder to begin anew"
        )
    return None


def forget_old_checkpoints(folder: Path, keep: int) -> None:
    """Delete all but the last `keep` checkpoints."""
    for path in checkpoints_in(folder)[keep:]:
        path.unlink()


def load_model(path: str | Path) -> LoadedModel:
    """Rebuild the model saved at `path`.

    Args:
        path: a run's folder, a training checkpoint, or weights written by `save_weights`.

    Raises:
        InputError: the file is missing, damaged, or belongs to another program or model.
    """
    path = checkpoint_path(path)
    saved = _read_weights(path) if path.suffix == ".safetensors" else load_checkpoint(path)
    # Files from before there were other methods do not name theirs.
    method = saved.get("method", "mask_rcnn")
    if method not in tuple(METHODS):
        raise InputError(f"{path} holds a model of an unknown method, {method!r}")
    try:
        config = MaskRCNNConfig.from_dict(saved["model_config"])
        # First without numbers: a configuration alone could ask for all memory that there is.
        with torch.device("meta"):
            outline = METHODS[method](config)
        categories = {int(label): name for label, name in saved["categories"].items()}
        keypoint_names = tuple(saved.get("keypoint_names", ()))
    # PyTorch has words of its own for sizes beyond 64 bits.
    except (ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path} describes a model that cannot be built: {error}") from error
    _check_weights(outline, saved["model"], path)
    model = METHODS[method](config)
    model.load_state_dict(saved["model"])
    return LoadedModel(model.eval(), categories, keypoint_names)


def load_state(model: MaskRCNN, state: dict[str, Tensor], path: Path) -> None:
    """Copy weights into `model`.

    Raises:
        InputError: names or shapes differ, so these are another model's weights.
    """
    _check_weights(model, state, path)
    model.load_state_dict(state)


def save_weights(
    path: str | Path,
    model: MaskRCNN,
    categories: dict[int, str],
    keypoint_names: Sequence[str] = (),
) -> None:
    """Write the weights alone, in half precision, with configuration and names.

    Arguments as for `save_checkpoint`.
    """
    state = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    metadata = {
        "method": model.method,
        "model_config": json.dumps(asdict(model.config)),
        "categories": json.dumps(categories),
    }
    # Without keypoints the file is what it was before there were any.
    if keypoint_names:
        metadata["keypoint_names"] = json.dumps(list(keypoint_names))
    save_sealed_tensors(path, state, metadata)


def checkpoint_path(path: str | Path) -> Path:
    """Find the file that `path` means: itself, or the last checkpoint in a run's folder.

    Raises:
        InputError: there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        checkpoints = checkpoints_in(path)
        if not checkpoints:
            raise InputError(f"there is no checkpoint in {path}")
        return checkpoints[0]
    if not path.is_file():
        raise InputError(f"there is no checkpoint at {path}")
    return path


def _read_weights(path: Path) -> dict[str, Any]:
    try:
        state, metadata = load_sealed_tensors(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read just now ({error})") from error
    if missing := [name for name in ("model_config", "categories") if name not in metadata]:
        raise InputError(f"{path} is not a model of mrcnn-lite: it lacks {', '.join(missing)}")
    state = {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }
    # Files from before there were keypoints do not name any.
    texts = {"keypoint_names": "[]", **metadata}
    try:
        parts = {
            name: json.loads(texts[name])
            for name in ("model_config", "categories", "keypoint_names")
        }
    # Brackets in brackets without end are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is damaged: its metadata are no JSON ({error})") from error
    return {**parts, "method": metadata.get("method", "mask_rcnn"), "model": state}


def _check_weights(model: MaskRCNN, state: dict[str, Tensor], path: Path) -> None:
    """Compare names and shapes of weights with a model's; its own need no numbers."""
    wanted = {name: list(value.shape) for name, value in model.state_dict().items()}
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise InputError(f"{path} is damaged: its weights are no tensors by name")
    shapes = {name: list(value.shape) for name, value in state.items()}
    for name in sorted(wanted.keys() | shapes.keys(), key=str):
        if (shape := shapes.get(name)) != wanted.get(name):
            raise InputError(
                f"{path} holds the weights of another model: {name} should be "
                f"{wanted.get(name, 'missing')}, is {'missing' if shape is None else shape}"
            )


def _name_the_one_before(path: Path) -> str:
    """Say which of a run's checkpoints is the one before this, if there is one."""
    checkpoints = checkpoints_in(path.parent)
    older = checkpoints[checkpoints.index(path) + 1 :] if path in checkpoints else []
    return f". The one before it is {older[0]}" if older else ""
