"""A widget's still picture, for where no kernel is there to draw the widget.

A saved notebook holds a widget's name, not the widget. Opened again, VS Code, nbconvert and GitHub
take the picture that stands in the same output. JupyterLab does not: it writes "Error displaying
widget: model not found". So there the picture is an output of its own, before the widget's, and a
rule of style shows one of the two: the picture unless the widget is alive.
"""

import base64
import io
import os
import sys
from typing import Any

from IPython.display import publish_display_data
from matplotlib.figure import Figure
from PIL import Image

from mrcnn_lite.explore.draw.describe import describe

# The picture has twice the pixels that it is shown with, for screens that have them, too.
DPI, SHOWN_DPI = 144, 72
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# In JupyterLab and Notebook 7: an output, and what a widget is put into, which names no MIME type.
_OUTPUT = ".jp-OutputArea-child"
_VIEW = f'.jp-OutputArea-output:is(:not([data-mime-type]), [data-mime-type="{WIDGET_VIEW}"])'
_STYLE = f"""\
<style class="mrcnn-lite-still">
{_OUTPUT}:has(.mrcnn-lite-still),
{_OUTPUT}:has(+ {_OUTPUT} .mrcnn-lite-still):has(+ {_OUTPUT} + {_OUTPUT} {_VIEW} *),
{_OUTPUT}:has(.mrcnn-lite-still) + {_OUTPUT} {_VIEW}:not(:has(*)) {{ display: none; }}
</style>"""


def encode_png(figure: Figure) -> bytes:
    """A figure as a PNG of 144 pixels per inch and 256 colours, which is small."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    return reduce_colours(Image.open(drawn))


def reduce_colours(image: Image.Image) -> bytes:
    """A picture as a PNG with a palette of 256 colours, at less than half the bytes."""
    small = io.BytesIO()
    palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()


def add_still(
    figure: Figure, data: dict[str, Any], metadata: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add a figure to a widget's bundle of representations, with its description.

    Args:
        figure: of what the widget shows.
        data: by MIME type, as of `_repr_mimebundle_`.
        metadata: by MIME type.

    Returns:
        (data, metadata) with the picture in them.
    """
    width, height = (round(inches * SHOWN_DPI) for inches in figure.get_size_inches())
    still = {"alt": describe(figure), "width": width, "height": height}
    picture = base64.b64encode(encode_png(figure)).decode()
    return {**data, "image/png": picture}, {**(metadata or {}), "image/png": still}


def display_with_still(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Show a widget so that a notebook that is saved with it shows its picture when opened again.

    Args:
        data: the widget's bundle by MIME type, with its picture: what `add_still` returns.
        metadata: by MIME type.
    """
    # These take the picture by themselves, and would show the one beside the widget as well.
    if "VSCODE_PID" in os.environ or "google.colab" in sys.modules:
        publish_display_data(data, metadata)
        return
    picture = {kind: content for kind, content in data.items() if kind != WIDGET_VIEW}
    publish_display_data(picture, metadata)
    publish_display_data({"text/html": _STYLE})
    publish_display_data({WIDGET_VIEW: data[WIDGET_VIEW]}, metadata)
