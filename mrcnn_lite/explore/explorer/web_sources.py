"""The browser's side of the explorer: its modules, joined to the one that a widget or page needs.

    module_source()  # JavaScript: an ES module whose default export is an anywidget
    style_source()   # CSS, with the colours of `palette`

The modules import each other by name, as a browser or Node would load them. A page that is opened
from disk may not import files, and a widget is sent as one text, so here they are laid end to end.
"""

import re
from functools import cache
from pathlib import Path

from mrcnn_lite.explore import palette

FOLDER = Path(__file__).parent / "web"
# Each needs only those before it.
MODULES = (
    "arithmetic",
    "settings",
    "pictures",
    "draw_border",
    "draw_scene",
    "draw_given",
    "draw_trace",
    "controls",
    "handles",
    "parts",
    "own_picture",
    "sliding",
    "frame",
    "explorer",
)
# What widget and page hold in common: the explorer's state.
SYNCED = (
    "operation",
    "roi",
    "stride",
    "bins",
    "sampling_ratio",
    "bin",
    "axis",
    "view",
    "causes",
    "picture",
    "scene_size",
)
COLORS = {
    "true-box": palette.TRUE_BOX,
    "quantised-box": palette.QUANTISED_BOX,
    "cells-read": palette.CELLS_READ,
    "rounding": palette.ROUNDING,
    "half-pixel": palette.HALF_PIXEL,
    "maximum": palette.MAXIMUM,
    "ground-truth": palette.GROUND_TRUTH,
    "prediction": palette.PREDICTION,
}
_IMPORT = re.compile(r'^import [^;]*? from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cache
def module_source() -> str:
    """Join the modules; names are unique among them, so that no scope is lost by it."""
    texts = ((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


@cache
def style_source() -> str:
    """The style sheet; what a colour means is said in `palette` alone."""
    colors = "".join(f"  --{name}: {meaning.color};\n" for name, meaning in COLORS.items())
    style = (FOLDER / "explorer.css").read_text(encoding="utf-8")
    return f".roi-explorer, .roi-colors {{\n{colors}}}\n\n{style}"
