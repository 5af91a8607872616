"""Fetching torchvision's published weights, with a way out for machines without a network."""

import hashlib
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights

from mrcnn_lite.errors import InputError
from mrcnn_lite.models.backbone import Trunk


def fetch_state_dict(entry: WeightsEnum) -> dict[str, Tensor]:
    """Download (once) and load the weights that a torchvision `WeightsEnum` member describes.

    A file that lies where they are kept may be anybody's: its checksum has to be the published
    one's, which is in its name, and it is read in a way that can't run code.

    Raises:
        InputError: the download failed (the message says which file to put where), or what lies
            there is another file.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    if file.exists():
        _check_hash(file, entry)
    try:
        return entry.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{file} is refused: it holds something else than weights, and loading it could run "
            f"code. Delete it, and fetch {entry.url}"
        ) from error
    # RuntimeError: the file's checksum is wrong, for example that of a proxy's login page.
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"could not download the weights {entry} ({error}). "
            f"Fetch {entry.url} on another machine and put it at {file}"
        ) from error


def _check_hash(file: Path, entry: WeightsEnum) -> None:
    """Raise an InputError unless the file has the checksum with which its name ends."""
    expected = file.stem.rpartition("-")[2]
    if not file.is_file():
        raise InputError(f"{file} should be the file of the weights {entry}, but it is no file")
    digest = hashlib.sha256()
    with open(file, "rb") as content:
        while block := content.read(2**20):
            digest.update(block)
    found = digest.hexdigest()
    if not found.startswith(expected):
        raise InputError(
            f"{file} is not the file of the weights {entry}: its SHA-256 begins with "
            f"{found[: len(expected)]}. Delete it, and fetch {entry.url}"
        )


def fetch_backbone_weights(backbone: str, weights: str | WeightsEnum) -> dict[str, Tensor]:
    """Fetch torchvision's classification weights of a trunk, its classifier's left out.

    Args:
        backbone: as in `MaskRCNNConfig`.
        weights: "DEFAULT", "IMAGENET1K_V1", ... or the `WeightsEnum` member itself.

    Raises:
        KeyError: torchvision has no weights of this name.
        ValueError: nobody publishes weights of this backbone.
        InputError: see `fetch_state_dict`.
    """
    if backbone.startswith("mini"):
        raise ValueError(
            f"weights_backbone is {weights!r}, but {backbone} has no published weights"
        )
    state = fetch_state_dict(get_model_weights(backbone).verify(weights))
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def load_trunk(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy a classifier's trunk into a `MaskRCNN`, or into an `FCN`, which keeps the trunk whole.

    Args:
        model: gets the weights; with the neck "c4" a `MaskRCNN`'s heads get the last stage's.
        state: named as in torchvision, without "fc.".

    Raises:
        RuntimeError: names or shapes differ.
    """
    if isinstance(model.backbone, Trunk):
        model.backbone.load_state_dict(state)
        return
    body = model.backbone.body
    # The trunk's last stage may have become the heads' (see `mrcnn_lite.models.c4`).
    prefix = f"layer{body.num_layers + 1}."
    head = {name: value for name, value in state.items() if name.startswith(prefix)}
    if head:
        state = {name: value for name, value in state.items() if name not in head}
        model.roi_heads.shared_head.load_state_dict(
            {name.removeprefix(prefix): value for name, value in head.items()}
        )
    body.load_state_dict(state)
