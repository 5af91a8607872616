"""The explorer as one file that needs no kernel and no network: `mrcnn-lite explorer`."""

import json
from pathlib import Path

from mrcnn_lite.explore.explorer.web_sources import FOLDER, SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import Explorer
from mrcnn_lite.files import write_atomically


def page_source() -> str:
    """The page as text: script, style and picture are all inside."""
    explorer = Explorer()
    settings = {name: getattr(explorer, name) for name in SYNCED}
    text = {
        name: (FOLDER / f"page.{name}").read_text(encoding="utf-8")
        for name in ("html", "css", "js")
    }
    # In a script "</" would end it, wherever it stands.
    script = text["js"].replace("{{settings}}", json.dumps(settings).replace("</", "<\\/"))
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
