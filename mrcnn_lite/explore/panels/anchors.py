"""Anchors of one level, and what non-maximum suppression leaves of their proposals."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.explore.browser import as_sent, pack, send_picture
from mrcnn_lite.explore.draw.pipeline import draw_scored_boxes
from mrcnn_lite.explore.draw.scene import draw_boxes, draw_image
from mrcnn_lite.explore.palette import BINS, CELLS_READ, PREDICTION
from mrcnn_lite.explore.panels.controls import Number
from mrcnn_lite.explore.panels.panel import Panel
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.rpn import BOX_WEIGHTS
from mrcnn_lite.ops import clip_boxes_to_image, nms
from mrcnn_lite.ops.boxes import decode_boxes

NUMBER = 40


class Candidates(NamedTuple):
    """What the RPN says on one level: its anchors and the best of their boxes.

    Attributes:
        anchors: `Tensor[A, 4]`, those of the middle cell, in image pixels.
        boxes: `Tensor[M, 4]`, decoded and clipped, the best first.
        scores: `Tensor[M]`, objectness in 0..1.
    """

    anchors: Tensor
    boxes: Tensor
    scores: Tensor


class Suppressed(NamedTuple):
    """Candidates, and the indices of those that are kept."""

    candidates: Candidates
    kept: Tensor
    threshold: float


@torch.no_grad()
def propose(model: MaskRCNN, image: Tensor) -> list[Candidates]:
    """Run backbone and RPN on `Tensor[3, H, W]`; the candidates of each level, finest first."""
    batch, _ = model.transform([image])
    features = model.backbone(batch.tensors)
    objectness, deltas = model.rpn.head(features)
    anchors = model.rpn.anchor_generator(features, batch.padded_size)
    per_cell = model.rpn.anchor_generator.num_anchors_per_cell
    levels = []
    for feature, level_anchors, logits, level_deltas in zip(features, anchors, objectness, deltas):
        height, width = feature.shape[2:]
        first = ((height // 2) * width + width // 2) * per_cell
        boxes = decode_boxes(level_deltas[0], level_anchors, BOX_WEIGHTS)
        best = logits[0].topk(min(NUMBER, logits.shape[1]))
        boxes = clip_boxes_to_image(boxes[best.indices], batch.sizes[0])
        of_cell = level_anchors[first : first + per_cell]
        levels.append(Candidates(of_cell, boxes, best.values.sigmoid()))
    return levels


def suppress(levels: list[Candidates], level: int, threshold: float) -> Suppressed:
    """Leave out every box whose IoU with a better one exceeds `threshold`."""
    candidates = levels[level]
    kept = nms(candidates.boxes, candidates.scores, threshold)
    return Suppressed(candidates, kept, threshold)


def draw_suppressed(figure: Figure, found: Suppressed, image: Tensor) -> None:
    """Draw the middle cell's anchors, all candidates, and those that are kept."""
    axes = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.14, top=0.9, wspace=0.16)
    candidates, kept, threshold = found
    for panel in axes:
        draw_image(panel, image)
        panel.label_outer()  # the same image thrice
    draw_boxes(axes[0], candidates.anchors, BINS, halo=True)
    x1, y1, x2, y2 = candidates.anchors[0].tolist()
    axes[0].plot((x1 + x2) / 2, (y1 + y2) / 2, CELLS_READ.marker, color=CELLS_READ.color)
    axes[0].set_title("the anchors of one cell")
    draw_scored_boxes(axes[1], candidates.boxes, candidates.scores)
    axes[1].set_title(f"the {len(candidates.boxes)} best candidates")
    draw_scored_boxes(axes[2], candidates.boxes[kept], candidates.scores[kept], PREDICTION)
    axes[2].set_title(f"kept at IoU {threshold:.2f}: {len(kept)}")


def anchors_panel(model: MaskRCNN, image: Tensor, level: int = 1, threshold: float = 0.7) -> Panel:
    """Choose a level and the NMS threshold, and see anchors, candidates and what is kept.

    Args:
        model: in evaluation mode.
        image: `Tensor[3, H, W]` in 0..1, of the size at which the model sees it.
        level: at the beginning; 0 is the finest.
        threshold: of the IoU, at the beginning.
    """
    levels = [Candidates(*map(as_sent, candidates)) for candidates in propose(model, image)]
    return Panel(
        "anchors",
        {
            **send_picture(image),
            "levels": [
                {name: pack(values) for name, values in candidates._asdict().items()}
                for candidates in levels
            ],
        },
        {
            "level": Number("level (0: finest)", 0, len(levels) - 1),
            "threshold": Number("IoU threshold", 0.0, 1.0, step=0.05),
        },
        {"level": level, "threshold": threshold},
        lambda **values: suppress(levels, **values),
        lambda figure, found: draw_suppressed(figure, found, image),
        size=(12, 4),
        label="anchors of one cell, candidates, and those that suppression leaves",
    )
