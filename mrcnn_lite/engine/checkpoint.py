"""Checkpoints: all that is needed to use a model or to go on training it.

A training checkpoint (`checkpoint-0000200.pt`, of step 200) holds model, optimiser and random
states; weights alone (`*.safetensors`) are what the course ships. Neither can run code when it is
loaded.
"""

import json
import pickle
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_atomically
from mrcnn_lite.models import MaskRCNN, MaskRCNNConfig
from mrcnn_lite.models.build import METHODS

FORMAT = "mrcnn-lite checkpoint 1"


class DamagedFileError(InputError):
    """A file is no whole checkpoint: cut off, overwritten, or something else altogether."""


@dataclass
class LoadedModel:
    """A model as it was saved, and the names of the classes that it knows.

    Attributes:
        model: in evaluation mode, on the CPU.
        categories: label to name.
    """

    model: MaskRCNN
    categories: dict[int, str]


def save_checkpoint(
    path: str | Path,
    model: MaskRCNN,
    categories: dict[int, str],
    training: dict[str, Any],
) -> None:
    """Write a training checkpoint: at any moment `path` is the old one or the whole new one.

    Args:
        path: the file to write.
        model: its configuration and weights are saved.
        categories: label to name.
        training: what resuming needs: tensors, numbers, strings, lists and dictionaries of them.
    """
    checkpoint = {
        "format": FORMAT,
        "method": model.method,
        "model_config": asdict(model.config),
        "categories": categories,
        "model": model.state_dict(),
        "training": training,
    }
    with write_atomically(path) as temporary:
        torch.save(checkpoint, temporary)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a training checkpoint back.

    Raises:
        InputError: the file is missing, truncated, or no checkpoint of this package.
    """
    path = checkpoint_path(path)
    try:
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
    # PyTorch's reader raises KeyError, IndexError and others on files that are something else.
    except Exception as error:
        message = f"{path} cannot be read as a checkpoint; it may have been cut off ({error})"
        if older := [file for file in checkpoints_in(path.parent) if file.name < path.name]:
            message += f". The one before it is {older[0]}"
        raise DamagedFileError(message) from error
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
    """List a run's checkpoints, the last first."""
    return sorted(folder.glob("checkpoint-*.pt"), reverse=True)


def last_good_checkpoint(folder: Path) -> Path | None:
    """Find a run's last checkpoint that can be read; warn of each that cannot, and set it aside.

    Raises:
        InputError: the last one is refused, as one that could run code.
    """
    for path in checkpoints_in(folder):
        try:
            load_checkpoint(path)
        except DamagedFileError as error:
            aside = path.replace(path.with_suffix(".damaged"))
            warnings.warn(f"{error}. Going on from there; moved to {aside}", stacklevel=2)
        else:
            return path
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
        model = METHODS[method](MaskRCNNConfig.from_dict(saved["model_config"]))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} describes a model that cannot be built: {error}") from error
    load_state(model, saved["model"], path)
    categories = {int(label): name for label, name in saved["categories"].items()}
    return LoadedModel(model.eval(), categories)


def load_state(model: MaskRCNN, state: dict[str, Tensor], path: Path) -> None:
    """Copy weights into `model`.

    Raises:
        InputError: names or shapes differ, so these are another model's weights.
    """
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path} holds the weights of another model: {error}") from error


def save_weights(path: str | Path, model: MaskRCNN, categories: dict[int, str]) -> None:
    """Write the weights alone, in half precision, with configuration and class names."""
    state = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    metadata = {
        "method": model.method,
        "model_config": json.dumps(asdict(model.config)),
        "categories": json.dumps(categories),
    }
    with write_atomically(path) as temporary:
        # Not save_file, which makes a file that only its owner may read.
        temporary.write_bytes(save(state, metadata))


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
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from error
    if missing := [name for name in ("model_config", "categories") if name not in metadata]:
        raise InputError(f"{path} is not a model of mrcnn-lite: it lacks {', '.join(missing)}")
    state = {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }
    parts = {name: json.loads(metadata[name]) for name in ("model_config", "categories")}
    return {**parts, "method": metadata.get("method", "mask_rcnn"), "model": state}
