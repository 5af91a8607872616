"""Pictures of the first stage: anchors and their labels, suppression, recall of proposals."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter
from torch import Tensor

from mrcnn_lite.explore.draw.scene import draw_boxes
from mrcnn_lite.explore.palette import (
    BINS,
    BLUE,
    BLUISH_GREEN,
    CELLS_READ,
    GROUND_TRUTH,
    PREDICTION,
    VERMILLION,
)
from mrcnn_lite.ops import box_iou

_HALO = [patheffects.withStroke(linewidth=3, foreground="white")]
# One for each source of proposals, told apart in greyscale by line and marker.
_CURVES = ((BLUE, ":", "s"), (BLUISH_GREEN, "-.", "^"), (VERMILLION, "--", "D"))


def draw_anchor_labels(axes: Axes, anchors: Tensor, labels: Tensor, boxes: Tensor) -> None:
    """Draw which anchors are labelled as objects (boxes), and the centres of the ignored ones.

    Args:
        axes: with the image, in image pixels.
        anchors: `Tensor[M, 4]`.
        labels: `Tensor[M]`: 1 object, 0 background, -1 ignored.
        boxes: the objects', `Tensor[G, 4]`.
    """
    draw_boxes(axes, boxes, GROUND_TRUTH, width=2.5, halo=True)
    objects = anchors[labels == 1]
    draw_boxes(axes, objects, PREDICTION, width=1.5, label="anchor labelled 1", halo=True)
    centers = (anchors[labels == -1, :2] + anchors[labels == -1, 2:]) / 2
    axes.plot(
        *centers.T,
        linestyle="none",
        marker=CELLS_READ.marker,
        color=CELLS_READ.color,
        markersize=4,
        markeredgecolor="black",
        markeredgewidth=0.5,
        label="ignored (its centre)",
    )


def suppressors(boxes: Tensor, scores: Tensor, iou_threshold: float) -> list[int | None]:
    """Say of each box which kept box suppresses it in NMS: its index, or None if it is kept.

    Args:
        boxes: `Tensor[N, 4]`.
        scores: `Tensor[N]`.
        iou_threshold: a box that overlaps a kept, better one by more than this goes.
    """
    overlaps = box_iou(boxes, boxes)
    kept: list[int] = []
    result: list[int | None] = [None] * len(boxes)
    for index in scores.argsort(descending=True, stable=True).tolist():
        over = [better for better in kept if overlaps[better, index] > iou_threshold]
        if over:
            result[index] = over[0]
        else:
            kept.append(index)
    return result


def draw_suppression(
    axes: Axes, boxes: Tensor, scores: Tensor, iou_threshold: float, write_scores: bool = True
) -> None:
    """Draw what NMS does: kept boxes dashed and strong, suppressed ones dotted.

    Args:
        axes: in the boxes' unit.
        boxes: `Tensor[N, 4]`.
        scores: `Tensor[N]`.
        iou_threshold: of the suppression.
        write_scores: at each box's upper left corner its score, and whose victim it is.
    """
    by = suppressors(boxes, scores, iou_threshold)
    kept = torch.tensor([suppressor is None for suppressor in by], dtype=torch.bool)
    draw_boxes(axes, boxes[~kept], BINS, width=1.5, label="suppressed")
    draw_boxes(axes, boxes[kept], PREDICTION, width=3, label="kept")
    if write_scores:
        for (x1, y1, *_), score, suppressor in zip(boxes.tolist(), scores.tolist(), by):
            text = f" {score:.1f}"
            if suppressor is not None:
                text += f", by {scores[suppressor]:.1f}"
            axes.text(x1, y1, text, va="bottom", fontsize=9, path_effects=_HALO)


def draw_recall(
    axes: Axes, numbers: Sequence[int], recalls: Mapping[str, Sequence[float]], title: str = ""
) -> None:
    """Draw recall against the number of proposals per image, a curve for each source.

    Args:
        axes: empty.
        numbers: of proposals, the same for all sources.
        recalls: up to four sources: name to recall at each number. One called "RPN" has the
            colour of predictions.
        title: of the axes.
    """
    styles = iter(_CURVES)
    for name, values in recalls.items():
        is_network = name == "RPN"
        color, line, marker = (PREDICTION.color, "-", "v") if is_network else next(styles)
        axes.plot(numbers, values, color=color, linestyle=line, marker=marker, label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("proposals per image")
    axes.set_ylabel("recall (share of the objects)")
    axes.set_title(title)
    axes.grid(alpha=0.3)
