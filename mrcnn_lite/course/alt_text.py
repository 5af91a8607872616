"""Descriptions of figures for those who do not see them: what stands in a figure, in words.

`python -m mrcnn_lite.course.notebooks` has every figure of a lesson described as it is drawn, so
the description says what the picture says. Where a notebook becomes a web page, it is the image's
alternative text.
"""

from collections.abc import Iterable

from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INSTALL = "from mrcnn_lite.course.alt_text import describe_all; describe_all()"
# What Matplotlib labels the axes of a colour bar.
COLOUR_BAR = "<colorbar>"


def describe(figure: Figure) -> str:
    """Say what the panels of a figure are called, what their axes measure, what lines there are."""
    bars = [axes for axes in figure.axes if axes.get_label() == COLOUR_BAR]
    others = [axes for axes in figure.axes if axes not in bars]
    panels = [text for axes in others if (text := _describe_panel(axes))]
    count = f"{len(panels)} panels: " if len(panels) > 1 else ""
    measured = [bar.get_ylabel() or bar.get_xlabel() for bar in bars]
    scale = f". Colour: {_unique(measured)}" if any(measured) else ""
    legends = [legend for legend in (*figure.legends, *_legends(figure.axes)) if legend]
    labels = [text.get_text() for legend in legends for text in legend.get_texts()]
    key = f". Legend: {_unique(labels)}" if labels else ""
    return f"Figure, {count}{'; '.join(panels)}{scale}{key}."


def _describe_panel(axes: Axes) -> str:
    parts = [_one_line(axes.get_title())] if axes.get_title() else []
    if axes.axison:
        labels = ((axes.get_xlabel(), "across"), (axes.get_ylabel(), "up"))
        parts += [f"{direction} {_one_line(label)}" for label, direction in labels if label]
    return ", ".join(parts)


def _legends(panels: Iterable[Axes]) -> list:
    return [axes.get_legend() for axes in panels]


def _unique(labels: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(_one_line(label) for label in labels))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def describe_all() -> None:
    """In a running kernel, add its description to every figure that is shown from now on."""
    # Loading the backend registers a formatter of its own, which the next lines replace.
    pyplot.switch_backend(pyplot.get_backend())
    formatter = get_ipython().display_formatter.formatters["image/png"]
    formatter.for_type(Figure, _show)
    # By name, so that a lesson without widgets need not load them.
    bundles = get_ipython().display_formatter.mimebundle_formatter
    bundles.for_type_by_name("mrcnn_lite.explore.explorer.widget", "Explorer", _show_explorer)
    bundles.for_type_by_name("mrcnn_lite.explore.panels.panel", "Panel", _show_panel)


def _show(figure: Figure) -> tuple[str, dict[str, str]]:
    return print_figure(figure, fmt="png", base64=True), {"alt": describe(figure)}


def _show_explorer(explorer) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    from mrcnn_lite.explore.explorer.figure import figure_of_error

    data, metadata = explorer._repr_mimebundle_()
    return data, {**metadata, "image/png": {"alt": describe(figure_of_error(explorer))}}


def _show_panel(panel) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    return panel._repr_mimebundle_(), {"image/png": {"alt": describe(panel.figure)}}
