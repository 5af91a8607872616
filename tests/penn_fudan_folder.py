"""A folder as Penn-Fudan's zip unpacks it, of small pictures with one person each."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_penn_fudan(parent: Path, pictures: int) -> Path:
    """Write so many pictures and their masks to PennFudanPed below a folder, and return that."""
    folder = parent / "PennFudanPed"
    for name in ("PNGImages", "PedMasks"):
        (folder / name).mkdir(parents=True)
    pixels = np.zeros((40, 30), np.uint8)
    pixels[5:35, 10:20] = 1
    for number in range(1, pictures + 1):
        name = f"FudanPed{number:05d}"
        Image.fromarray(pixels).save(folder / "PedMasks" / f"{name}_mask.png")
        Image.fromarray(pixels * 200).convert("RGB").save(folder / "PNGImages" / f"{name}.png")
    return parent
