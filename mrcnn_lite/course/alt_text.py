"""Descriptions of figures for those who do not see them.

`python -m mrcnn_lite.course.notebooks` has every figure of a lesson described as it is drawn, so
the description says what the picture says. Where a notebook becomes a web page, it is the image's
alternative text. Widgets bring their own.
"""

from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.describe import describe

INSTALL = "from mrcnn_lite.course.alt_text import describe_all; describe_all()"


def describe_all() -> None:
    """In a running kernel, add its description to every figure that is shown from now on."""
    # Loading the backend registers a formatter of its own, which the next lines replace.
    pyplot.switch_backend(pyplot.get_backend())
    formatter = get_ipython().display_formatter.formatters["image/png"]
    formatter.for_type(Figure, _show)


def _show(figure: Figure) -> tuple[str, dict[str, str]]:
    return print_figure(figure, fmt="png", base64=True), {"alt": describe(figure)}
