"""Reading pictures from files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mrcnn_lite.errors import InputError


def read_image(path: str | Path) -> Tensor:
    """Read a picture as RGB; grey, palette and CMYK pictures are converted.

    A rotation in the EXIF data is left alone, as COCO's annotations do.

    Returns:
        float32 `Tensor[3, H, W]` in 0..1.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is not a picture, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no picture {path}")
    try:
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("RGB"))
    # Pillow's decoders raise SyntaxError, ValueError and others beside OSError on damaged files.
    except Exception as error:
        raise InputError(f"cannot read the picture {path}: {error}") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255
