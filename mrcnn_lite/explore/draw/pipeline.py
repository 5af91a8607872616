"""Pictures of what flows through the network: feature maps, scored boxes, RoI features, scores."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from mrcnn_lite.explore.palette import BINS, PREDICTION, Meaning


def channel_energy(features: Tensor) -> Tensor:
    """How strongly each cell responds: the channels' RMS, `Tensor[C, H, W]` to `Tensor[H, W]`."""
    return features.square().mean(dim=0).sqrt()


def draw_map(axes: Axes, values: Tensor, stride: int, title: str = "") -> None:
    """Draw one map of features or scores over the image that it belongs to, bright is high.

    Args:
        axes: empty; gets image pixels as its unit, so that boxes can be drawn on top.
        values: `Tensor[H, W]`, one per feature cell.
        stride: image pixels per feature cell.
        title: of the axes.
    """
    height, width = values.shape
    extent = (0, width * stride, height * stride, 0)
    axes.imshow(values.detach().cpu(), cmap="gray", extent=extent, interpolation="nearest")
    axes.set_title(title)
    axes.set_xlabel("x (image pixels)")
    axes.set_ylabel("y (image pixels)")


def montage(features: Tensor, columns: int) -> Tensor:
    """Lay the channels of `Tensor[C, P, P]` side by side, each scaled to 0..1.

    Args:
        features: the channels.
        columns: how many stand in a row.

    Returns:
        `Tensor[rows * (P + 1) - 1, columns * (P + 1) - 1]`, with gaps of NaN one cell wide.
    """
    channels, height, width = features.shape
    rows = -(-channels // columns)
    canvas = features.new_full((rows * (height + 1), columns * (width + 1)), torch.nan)
    for k, channel in enumerate(features):
        top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
        span = (channel.max() - channel.min()).clamp(min=1e-6)
        canvas[top : top + height, left : left + width] = (channel - channel.min()) / span
    return canvas[:-1, :-1]


def draw_montage(axes: Axes, features: Tensor, columns: int, title: str = "") -> None:
    """Draw the channels of one RoI, `Tensor[C, P, P]`, as small tiles, each on its own scale."""
    axes.imshow(montage(features, columns).detach().cpu(), cmap="gray", interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()


def draw_scored_boxes(
    axes: Axes, boxes: Tensor, scores: Tensor, meaning: Meaning = PREDICTION
) -> None:
    """Outline boxes, the higher the score the stronger; the best lie on top.

    Args:
        axes: in the boxes' unit.
        boxes: `Tensor[N, 4]`, (x1, y1, x2, y2).
        scores: `Tensor[N]` in 0..1.
        meaning: colour and line.
    """
    order = scores.argsort()
    for (x1, y1, x2, y2), score in zip(boxes[order].tolist(), scores[order].tolist()):
        axes.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=meaning.color,
                linestyle=meaning.line,
                linewidth=0.8 + 1.4 * score,
                alpha=0.5 + 0.5 * score,
            )
        )


def draw_grid(axes: Axes, box: Sequence[float], bins: int) -> None:
    """Divide a box (x1, y1, x2, y2) into `bins` x `bins`, in the axes' unit."""
    x1, y1, x2, y2 = box
    style = {"color": BINS.color, "linestyle": BINS.line, "linewidth": 1}
    axes.vlines(np.linspace(x1, x2, bins + 1), y1, y2, **style)
    axes.hlines(np.linspace(y1, y2, bins + 1), x1, x2, **style)


def draw_class_scores(
    axes: Axes, probabilities: Tensor, names: Mapping[int, str], title: str = ""
) -> None:
    """Draw the class probabilities, `Tensor[K]`, of one box as bars; class 0 is the background."""
    labels = ["background", *(names[label] for label in range(1, len(probabilities)))]
    bars = axes.barh(range(len(labels)), probabilities.tolist(), color=PREDICTION.color)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15)
    axes.set_xlabel("probability")
    axes.set_title(title)
