"""What stands in a figure, in words: for those who do not see it."""

import re
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# What Matplotlib labels the axes of a colour bar.
COLOUR_BAR = "<colorbar>"
# What Matplotlib sets as a formula, and what of it is not to be read aloud.
FORMULA, MARKUP = re.compile(r"\$([^$]*)\$"), re.compile(r"[\\{}]")


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
        # Images, maps and tables count their rows from above.
        upright = "down" if axes.yaxis_inverted() else "up"
        labels = ((axes.get_xlabel(), "across"), (axes.get_ylabel(), upright))
        parts += [f"{direction} {_one_line(label)}" for label, direction in labels if label]
    return ", ".join(parts)


def _legends(panels: Iterable[Axes]) -> list:
    return [axes.get_legend() for axes in panels]


def _unique(labels: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(_one_line(label) for label in labels))


def _one_line(text: str) -> str:
    text = FORMULA.sub(lambda formula: MARKUP.sub("", formula[1]), text)
    return " ".join(text.split())
