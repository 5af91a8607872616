"""Fetching torchvision's published weights, with a way out for machines without a network."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from mrcnn_lite.errors import InputError


def fetch_state_dict(entry: WeightsEnum) -> dict[str, Tensor]:
    """Download (once) and load the weights that a torchvision `WeightsEnum` member describes.

    Raises:
        InputError: the download failed; the message says which file to put where.
    """
    try:
        return entry.get_state_dict(progress=True, check_hash=True)
    # RuntimeError: the file's checksum is wrong, for example that of a proxy's login page.
    except (OSError, RuntimeError) as error:
        file = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
        raise InputError(
            f"could not download the weights {entry} ({error}). "
            f"Fetch {entry.url} on another machine and put it at {file}"
        ) from error
