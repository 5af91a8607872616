"""Reading pictures from files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.Image import Transpose
from torch import Tensor

from mrcnn_lite.errors import InputError

# What EXIF's orientation asks for; from 5 on, height and width change places.
ORIENTATION = 0x0112
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def read_image(path: str | Path, size: tuple[int, int] | None = None) -> Tensor:
    """Read a picture as RGB; grey (of 8 or 16 bits), palette and CMYK pictures are converted.

    A camera that was turned stores the picture as it lay, and in its EXIF data how to turn it. The
    result is upright, as every viewer shows it. Annotations may be meant for the picture as it is
    stored, though: if its stored height and width are the annotated `size`, and the upright ones
    are not, it stays as it is stored.

    Args:
        path: the file.
        size: height and width that annotations say it has; a picture of another size is refused
            before it is decoded.

    Returns:
        float32 `Tensor[3, H, W]` in 0..1.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is not a picture, is damaged, is of another size, or holds numbers
            without a known white.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no picture {path}")
    if not path.is_file():
        # A pipe, for one, would be waited for.
        raise InputError(f"cannot read the picture {path}: it is no regular file")
    try:
        with Image.open(path) as picture:
            mode, is_png = picture.mode, picture.format == "PNG"
            # Pillow would cut these numbers off at 255.
            is_wide = mode.startswith("I;16") or (mode == "I" and is_png)
            turn = _find_turn(path, picture, size)
            if turn is not None:
                picture = picture.transpose(turn)
            pixels = np.array(picture if is_wide else picture.convert("RGB"))
        if size is not None and pixels.shape[:2] != size:
            raise InputError(_wrong_size(path, pixels.shape, size))
    except InputError:
        raise
    # Pillow's decoders raise SyntaxError, ValueError and others beside OSError on damaged files.
    except Exception as error:
        raise InputError(f"cannot read the picture {path}: {error}") from error
    if is_wide:
        return torch.from_numpy(pixels.astype(np.float32) / 65535).expand(3, -1, -1).contiguous()
    if mode in ("I", "F"):
        raise InputError(f"the picture {path} has mode {mode}, expected 8 or 16 bits per channel")
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255


def _find_turn(path: Path, picture: Image.Image, size: tuple[int, int] | None) -> Transpose | None:
    """How to turn a picture, from its header alone; InputError if it cannot have the size."""
    stored = picture.height, picture.width
    if size is not None and size not in (stored, stored[::-1]):
        raise InputError(_wrong_size(path, stored, size))
    if picture.format == "TIFF":
        # These Pillow turns itself while it decodes them.
        return None
    try:
        orientation = picture.getexif().get(ORIENTATION, 1)
    # Damaged EXIF data say nothing; so viewers take it, too.
    except Exception:
        orientation = 1
    upright = stored[::-1] if orientation in (5, 6, 7, 8) else stored
    if size is not None and size not in (stored, upright):
        raise InputError(_wrong_size(path, stored, size))
    return TURNS.get(orientation) if size in (None, upright) else None


def _wrong_size(path: Path, stored: tuple[int, ...], size: tuple[int, int]) -> str:
    return (
        f"{path} is {stored[1]} x {stored[0]} pixels (width x height), but its annotations say "
        f"{size[1]} x {size[0]}"
    )
