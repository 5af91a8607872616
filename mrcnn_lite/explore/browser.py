"""What the browser needs of a widget: its modules as one text, its style sheet, tensors as text.

The modules import each other by name, as a browser or Node would load them. A page that is opened
from disk may not import files, and a widget is sent as one text, so here they are laid end to end.
"""

import base64
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from mrcnn_lite.explore.palette import Meaning

FOLDER = Path(__file__).parent / "web"
# What the widgets have in common; each needs only those before it.
_NAMES = ("packed", "numbers", "elements", "viewport", "looks", "voice")
SHARED = tuple(FOLDER / f"{name}.js" for name in _NAMES)
# A picture's longer side, where it is only drawn.
MOST_PIXELS = 512
_IMPORT = re.compile(r'^import [^;]*? from "\.{1,2}/[./\w]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def join_modules(paths: Iterable[Path]) -> str:
    """Join modules; names are unique among them, so that no scope is lost by it."""
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def join_styles(selector: str, colors: Mapping[str, Meaning], path: Path) -> str:
    """Join the style sheet that all widgets share with a widget's own.

    Args:
        selector: of the elements that get the colours.
        colors: name of a CSS variable to what it means.
        path: of the widget's own style sheet.
    """
    lines = "".join(f"  --{name}: {meaning.color};\n" for name, meaning in colors.items())
    sheets = ((FOLDER / "view.css").read_text("utf-8"), path.read_text("utf-8"))
    return "\n".join([f"{selector} {{\n{lines}}}\n", *sheets])


def as_data_uri(image: Tensor, kind: str = "JPEG") -> str:
    """A picture, `Tensor[3, H, W]` in 0..1, as text that a browser takes for a file.

    Args:
        image: the picture.
        kind: "JPEG", or "PNG", which keeps each of the 256 levels as it is.
    """
    encoded = io.BytesIO()
    to_pil_image(image.detach().cpu().clamp(0, 1)).save(encoded, kind, quality=90)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(encoded.getvalue()).decode()


def send_picture(image: Tensor) -> dict[str, Any]:
    """A picture to be drawn in the browser, with its (H, W); a large one has fewer pixels there.

    Args:
        image: `Tensor[3, H, W]` in 0..1.
    """
    image, size = image.detach().cpu().float(), list(image.shape[1:])
    if max(size) > MOST_PIXELS:
        scale = MOST_PIXELS / max(size)
        image = F.interpolate(image[None], scale_factor=scale, mode="bilinear", antialias=True)[0]
    return {"picture": as_data_uri(image), "size": size}


def as_sent(values: Tensor) -> Tensor:
    """A tensor's numbers as the browser gets them by `pack`, in float64 like its own."""
    return values.detach().cpu().float().double()


def pack(values: Tensor) -> dict[str, Any]:
    """A tensor as JSON holds it, its numbers in base64; `unpack` in web/packed.js is the inverse.

    Args:
        values: any shape; booleans are packed to bits, everything else becomes float32.
    """
    array = values.detach().cpu().numpy()
    kind = "bits" if array.dtype == np.bool_ else "float32"
    numbers = np.packbits(array) if kind == "bits" else array.astype("<f4")
    return {"shape": list(array.shape), kind: base64.b64encode(numbers.tobytes()).decode()}
