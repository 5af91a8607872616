"""Precision against recall, as average precision reads it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from mrcnn_lite.explore.palette import BLACK, GROUND_TRUTH, PREDICTION

# The recalls at which COCO reads the envelope.
RECALL_LEVELS = np.linspace(0, 1, 101)


def sample_envelope(precision: ArrayLike, recall: ArrayLike) -> NDArray[np.float64]:
    """Read the precision at COCO's 101 recalls.

    At each recall it is the best precision at that recall or at any higher one, and 0 above the
    highest recall reached.

    Args:
        precision: `[D]`, after each detection, by falling score.
        recall: `[D]`, likewise.

    Returns:
        `[101]`; its mean is the average precision.
    """
    envelope = np.maximum.accumulate(np.asarray(precision)[::-1])[::-1]
    return np.append(envelope, 0)[np.searchsorted(recall, RECALL_LEVELS)]


def draw_precision_recall(
    axes: Axes, precision: ArrayLike, recall: ArrayLike, names: Sequence[object]
) -> None:
    """Draw the points after each detection, the envelope, and the 101 places where it is read.

    Args:
        axes: empty.
        precision: `[D]`, after each detection, by falling score.
        recall: `[D]`, likewise.
        names: what to write at each point.
    """
    samples = sample_envelope(precision, recall)
    axes.fill_between(
        RECALL_LEVELS, samples, step="pre", color=PREDICTION.color, alpha=0.25, linewidth=0
    )
    axes.plot(
        *(recall, precision),
        color=BLACK,
        linestyle=":",
        marker=GROUND_TRUTH.marker,
        markerfacecolor=GROUND_TRUTH.color,
        label="after each detection",
    )
    axes.plot(
        *(RECALL_LEVELS, samples),
        color=PREDICTION.color,
        linestyle="none",
        marker="|",
        markersize=7,
        label=f"101 readings, mean {samples.mean():.3f}",
    )
    for name, x, y in zip(names, recall, precision):
        axes.annotate(str(name), (x, y), xytext=(4, 5), textcoords="offset points", fontsize=8)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("recall (share of the objects found)")
    axes.set_ylabel("precision (share of right detections)")
    axes.legend(loc="lower left", fontsize=8)
    axes.grid(alpha=0.3)
