"""The explorer as one file that needs no kernel and no network: `mrcnn-lite explorer`."""

import json
from pathlib import Path

from matplotlib import cbook
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from mrcnn_lite.explore.explorer.web_sources import FOLDER, SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import Explorer
from mrcnn_lite.files import write_atomically

# Around the head, in the photograph as it is shown here.
HEAD = (71, 12, 189, 168)
PHOTOGRAPH_SIZE = 256


def photograph() -> Tensor:
    """A person, `Tensor[3, 256, 256]` in 0..1: the portrait that matplotlib brings along.

    It shows Rear Admiral Grace Hopper, was taken for the United States Navy, and is in the public
    domain.
    """
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        square = picture.convert("RGB").crop((0, 0, picture.width, picture.width))
        return to_tensor(
            square.resize((PHOTOGRAPH_SIZE, PHOTOGRAPH_SIZE), Image.Resampling.LANCZOS)
        )


def scenes() -> dict[str, dict]:
    """The scenes that the page offers, by name: all that the explorer is to show of each."""
    explorers = {
        "photograph": Explorer(photograph(), roi=HEAD, bins=14),
        "shapes": Explorer(),
    }
    return {
        name: {setting: getattr(explorer, setting) for setting in SYNCED}
        for name, explorer in explorers.items()
    }


def page_source() -> str:
    """The page as text: script, style and pictures are all inside."""
    text = {
        name: (FOLDER / f"page.{name}").read_text(encoding="utf-8")
        for name in ("html", "css", "js")
    }
    # In a script "</" would end it, wherever it stands.
    script = text["js"].replace("{{scenes}}", json.dumps(scenes()).replace("</", "<\\/"))
    parts = {
        "style": style_source(),
        "page_style": text["css"],
        "module": module_source().replace("export default { render };", ""),
        "page_script": script,
    }
    page = text["html"]
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page


def write_page(path: Path) -> None:
    """Write the page to `path`, atomically.

    Raises:
        InputError: the folder cannot be made or written.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(page_source(), encoding="utf-8")
