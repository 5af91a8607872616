"""The explorer as one file that needs no kernel and no network: `mrcnn-lite explorer`."""

import json
from pathlib import Path
from typing import NamedTuple

from matplotlib import cbook
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from mrcnn_lite.explore.explorer.masks import masks_of_the_page
from mrcnn_lite.explore.explorer.web_sources import FOLDER, SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import Explorer
from mrcnn_lite.files import write_atomically

# Around the head, in the photograph as it is shown here.
HEAD = (71, 12, 189, 168)
PHOTOGRAPH_SIZE = 256
CREDIT = (
    "The photograph, of Rear Admiral Grace Hopper, was taken for the U.S. Navy and is in the "
    "public domain. "
)


class Scene(NamedTuple):
    """A scene that the page offers.

    Attributes:
        explorer: as it is at the beginning.
        called: the scene in the page's sentences.
        subject: what is in the box, in the page's sentences.
        credit: whose it is, as a sentence, or "".
    """

    explorer: Explorer
    called: str
    subject: str
    credit: str = ""


def photograph() -> Tensor | None:
    """A person, `Tensor[3, 256, 256]` in 0..1: the portrait that matplotlib brings along.

    It shows Rear Admiral Grace Hopper, was taken for the United States Navy, and is in the public
    domain. None where matplotlib was installed without its sample data, as Debian does.
    """
    try:
        path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
        with Image.open(path) as picture:
            square = picture.convert("RGB").crop((0, 0, picture.width, picture.width))
            size = (PHOTOGRAPH_SIZE, PHOTOGRAPH_SIZE)
            return to_tensor(square.resize(size, Image.Resampling.LANCZOS))
    except FileNotFoundError:
        return None


def scenes() -> dict[str, Scene]:
    """The scenes that the page offers, by name; its guide speaks of the first."""
    shapes = Scene(Explorer(), "shapes", "the star")
    portrait = photograph()
    if portrait is None:
        return {"shapes": shapes}
    explorer = Explorer(portrait, roi=HEAD, bins=14)
    return {"photograph": Scene(explorer, "the photograph", "the head", CREDIT), "shapes": shapes}


def page_source() -> str:
    """The page as text: script, style and pictures are all inside."""
    offered = scenes()
    first = next(iter(offered.values()))
    settings = {
        name: {setting: getattr(scene.explorer, setting) for setting in SYNCED}
        for name, scene in offered.items()
    }
    buttons = [
        f'<button type="button" data-scene="{name}">{scene.called}</button>'
        for name, scene in offered.items()
    ]
    left = first.explorer.roi[0]
    parts = {
        "style": style_source(),
        "page_style": _read("page.css"),
        "module": module_source().replace("export default { render };", ""),
        "mask_script": _read("mask.js"),
        "page_script": _read("page.js"),
        "scenes": _as_script(settings),
        "called": _as_script({name: scene.called for name, scene in offered.items()}),
        "masks": _as_script(masks_of_the_page()),
        "scene_buttons": " or on ".join(buttons),
        "subject": first.subject,
        "left": f"{left:g}",
        "cells": f"{left / first.explorer.stride:.2f}",
        "credit": "".join(scene.credit for scene in offered.values()),
    }
    page = _read("page.html")
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _as_script(value) -> str:
    # In a script "</" would end it, wherever it stands.
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")


def write_page(path: Path) -> None:
    """Write the page to `path`, atomically.

    Raises:
        InputError: the folder cannot be made or written.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(page_source(), encoding="utf-8")
