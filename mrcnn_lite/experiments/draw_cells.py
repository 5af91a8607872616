"""RoIAlign's gain against the object's size in cells: our points, and where the paper's lie."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from mrcnn_lite.explore.palette import BLACK, BLUE, BLUISH_GREEN, ORANGE, VERMILLION

STYLES = (
    {"color": VERMILLION, "marker": "D"},
    {"color": ORANGE, "marker": "s"},
    {"color": BLUISH_GREEN, "marker": "^"},
    {"color": BLUE, "marker": "o"},
)


def figure_of_cells(summary: Mapping[str, Any]) -> Figure:
    """Draw each canonical size's points with their intervals, and the paper's with COCO's range.

    Args:
        summary: what cells.json holds.
    """
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    sizes = dict.fromkeys(point["canonical_size"] for point in summary["points"])
    for size, style in zip(sizes, STYLES, strict=True):
        points = [
            point
            for point in summary["points"]
            if point["canonical_size"] == size and point["gain"]["gain"] is not None
        ]
        gains = [100 * point["gain"]["gain"] for point in points]
        axes.plot(
            [point["cells"] for point in points],
            gains,
            label=f"ours, canonical size {size}",
            **style,
        )
        for point in points:
            if point["gain"]["low"] is not None:
                ends = [100 * point["gain"][end] for end in ("low", "high")]
                axes.vlines(point["cells"], *ends, color=style["color"], alpha=0.5)
    for point in summary["paper"]:
        low, middle, high = point["cells"]
        gain = 100 * point["gain"]
        axes.hlines(gain, low, high, color=BLACK)
        axes.plot(middle, gain, color=BLACK, marker="*", markersize=11)
        name = f"paper, {point['name']}"
        axes.annotate(
            name, (middle, gain), (0, -14), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.9, 28)
    axes.set_yscale("log")
    axes.set_ylim(3, 1500)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda gain, _: f"+{gain:g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cells, _: f"{cells:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("object's size, feature cells (root of the mask's area over the stride)")
    axes.set_ylabel("RoIAlign's gain in mask AP over RoIPool, percent")
    axes.grid(alpha=0.4)
    axes.legend()
    return figure
