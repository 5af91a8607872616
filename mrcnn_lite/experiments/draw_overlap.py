"""Mask AP against overlap: one line for each method, every seed a mark."""

from typing import Any

from matplotlib.figure import Figure

from mrcnn_lite.explore.palette import BLUE, ORANGE, VERMILLION

STYLES = (
    {"color": ORANGE, "linestyle": ":", "marker": "s"},
    {"color": VERMILLION, "linestyle": "--", "marker": "D"},
    {"color": BLUE, "linestyle": "-", "marker": "o"},
)


def figure_of_overlap(summary: dict[str, Any]) -> Figure:
    """Draw the means as lines from bin to bin, and each seed's AP as a small mark.

    Args:
        summary: what overlap.json holds.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for row, style in zip(summary["rows"], STYLES, strict=True):
        bins = row["bins"].values()
        axes.plot([100 * found["mean"] for found in bins], label=row["name"], **style)
        for place, found in enumerate(bins):
            values = [100 * value for value in found["AP"]]
            seeds = {"color": style["color"], "marker": style["marker"], "alpha": 0.4}
            axes.plot([place] * len(values), values, linestyle="none", markersize=4, **seeds)
    names = [f"{name}\n({count} instances)" for name, count in summary["num_instances"].items()]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("largest box IoU with another instance of the scene")
    axes.set_ylabel("mask AP, percent")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.4)
    axes.set_title("crowded scenes: mask AP by overlap")
    axes.legend()
    return figure
