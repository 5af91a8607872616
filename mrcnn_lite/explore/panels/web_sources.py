"""The browser's side of the panels, joined: one module for all of them.

module_source()  # JavaScript: an ES module whose default export is an anywidget
style_source()   # CSS, with the colours of `palette`
"""

from functools import cache
from pathlib import Path

from mrcnn_lite.explore import palette
from mrcnn_lite.explore.browser import SHARED, join_modules, join_styles
from mrcnn_lite.explore.explorer.web_sources import FOLDER as EXPLORER

FOLDER = Path(__file__).parent / "web"
ARITHMETIC = (EXPLORER / "arithmetic.js", FOLDER / "compute.js")
# Each needs only those before it.
MODULES = ("draw", "anchors", "levels", "competition", "paste", "move", "panel")
COLORS = {
    "true-box": palette.TRUE_BOX,
    "cells-read": palette.CELLS_READ,
    "ground-truth": palette.GROUND_TRUTH,
    "prediction": palette.PREDICTION,
    "before": palette.HALF_PIXEL,
    "softmax": palette.QUANTISED_BOX,
}


@cache
def module_source() -> str:
    """Join the modules, with those that all widgets share."""
    return join_modules([*SHARED, *ARITHMETIC, *(FOLDER / f"{name}.js" for name in MODULES)])


@cache
def style_source() -> str:
    """The style sheet; what a colour means is said in `palette` alone."""
    return join_styles(".mrcnn-panel", COLORS, FOLDER / "panel.css")
