"""Reading pictures from files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mrcnn_lite.errors import InputError


def read_image(path: str | Path) -> Tensor:
    """Read a picture as RGB; grey (of 8 or 16 bits), palette and CMYK pictures are converted.

    A rotation in the EXIF data is left alone, as COCO's annotations do.

    Returns:
        float32 `Tensor[3, H, W]` in 0..1.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is not a picture, is damaged, or holds numbers without a known white.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no picture {path}")
    try:
        with Image.open(path) as picture:
            mode, is_png = picture.mode, picture.format == "PNG"
            # Pillow would cut these numbers off at 255.
            is_wide = mode.startswith("I;16") or (mode == "I" and is_png)
            pixels = np.array(picture if is_wide else picture.convert("RGB"))
    # Pillow's decoders raise SyntaxError, ValueError and others beside OSError on damaged files.
    except Exception as error:
        raise InputError(f"cannot read the picture {path}: {error}") from error
    if is_wide:
        return torch.from_numpy(pixels.astype(np.float32) / 65535).expand(3, -1, -1).contiguous()
    if mode in ("I", "F"):
        raise InputError(f"the picture {path} has mode {mode}, expected 8 or 16 bits per channel")
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255
