"""Mask IoU against the shift of the box: the same weights, read by one operation after another."""

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from mrcnn_lite.explore.palette import (
    BLACK,
    BLUE,
    BLUISH_GREEN,
    ORANGE,
    REDDISH_PURPLE,
    SKY_BLUE,
    VERMILLION,
)

STYLES = {
    "RoIPool": {"color": VERMILLION, "linestyle": "--", "marker": "D"},
    "RoIWarp, max": {"color": ORANGE, "linestyle": "-.", "marker": "s"},
    "RoIWarp, mean": {"color": REDDISH_PURPLE, "linestyle": ":", "marker": "v"},
    "RoIAlign, half a pixel off": {"color": SKY_BLUE, "linestyle": ":", "marker": "P"},
    "RoIAlign, max": {"color": BLUISH_GREEN, "linestyle": "-.", "marker": "^"},
    "RoIAlign, mean": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "the box itself": {"color": BLACK, "linestyle": "-", "marker": ""},
}


def figure_of_alignment(summary: Mapping[str, Any]) -> Figure:
    """Draw a panel for each kind of training, a line for each operation: means over seeds.

    Args:
        summary: what alignment.json holds.
    """
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = figure.subplots(1, len(summary["trained"]), sharey=True, squeeze=False)[0]
    cells = [shift / summary["stride"] for shift in summary["shifts"]]
    for axes, (model, measured) in zip(panels, summary["trained"].items()):
        for name, style in STYLES.items():
            curves = zip(*(seed["by_shift"][name] for seed in measured))
            means = [100 * statistics.fmean(values) for values in curves]
            axes.plot(cells, means, label=name, markersize=5, **style)
        axes.set_title(f"trained with {'RoIPool' if 'pool' in model else 'RoIAlign'}")
        axes.set_xlabel("shift of the box, feature cells")
        axes.grid(alpha=0.4)
    panels[0].set_ylabel("IoU with the true mask, percent")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
