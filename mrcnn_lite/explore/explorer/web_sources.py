"""The browser's side of the explorer: its modules, joined to the one that a widget or page needs.

module_source()  # JavaScript: an ES module whose default export is an anywidget
style_source()   # CSS, with the colours of `palette`
"""

from functools import cache
from pathlib import Path

from mrcnn_lite.explore import palette
from mrcnn_lite.explore.browser import SHARED, join_modules, join_styles

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


@cache
def module_source() -> str:
    """Join the modules, with those that all widgets share."""
    return join_modules([*SHARED, *(FOLDER / f"{name}.js" for name in MODULES)])


@cache
def style_source() -> str:
    """The style sheet; what a colour means is said in `palette` alone."""
    return join_styles(".roi-explorer, .roi-colors", COLORS, FOLDER / "explorer.css")
