"""Score maps of parts, and what a RoI puts together from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

from mrcnn_lite.explore.draw.scene import draw_boxes
from mrcnn_lite.explore.palette import BINS, TRUE_BOX

# From dark to light, in colours that everybody can tell apart.
SCORES = "cividis"
# A part is as small as a bin, too small for a dotted line.
PART = replace(BINS, line="-")


def draw_part_maps(
    axes: np.ndarray, maps: Tensor, parts: Sequence[int], box: Tensor, stride: int
) -> AxesImage:
    """Draw the maps of some parts of one class over the whole scene, with a RoI on each.

    A small box marks the part of the RoI that is read from this map.

    Args:
        axes: `[n, n]`, empty.
        maps: `Tensor[k, k, H, W]`, scores by part.
        parts: n numbers from 0 to k - 1; rows and columns of parts to draw.
        box: `Tensor[4]`, the RoI in image pixels.
        stride: image pixels per cell.

    Returns:
        One of the pictures, for a colour bar.
    """
    drawn = maps[list(parts)][:, list(parts)]
    height, width = (side * stride for side in maps.shape[-2:])
    corner, size = box[:2], (box[2:] - box[:2]) / len(maps)
    for row, of_row in zip(parts, axes):
        for column, panel in zip(parts, of_row):
            picture = panel.imshow(
                maps[row, column],
                cmap=SCORES,
                vmin=float(drawn.min()),
                vmax=float(drawn.max()),
                extent=(0, width, height, 0),
            )
            draw_boxes(panel, box, TRUE_BOX, width=2, halo=True)
            first = corner + size * torch.tensor([column, row])
            draw_boxes(panel, torch.cat([first, first + size]), PART, halo=True)
            panel.set_title(f"part ({row}, {column})")
            panel.set_xticks([])
            panel.set_yticks([])
    return picture


def draw_assembled(axes: Sequence[Axes], scores: Mapping[str, Tensor], mask: Tensor) -> None:
    """Draw what a RoI has put together: scores, all on one scale, and the mask made of them.

    Args:
        axes: one for each of the scores and one for the mask, empty.
        scores: title to `Tensor[m, m]`.
        mask: `Tensor[m, m]`, probabilities.
    """
    *of_scores, of_mask = axes
    together = torch.stack(list(scores.values()))
    limits = {"vmin": float(together.min()), "vmax": float(together.max())}
    for panel, (title, values) in zip(of_scores, scores.items(), strict=True):
        picture = panel.imshow(values, cmap=SCORES, **limits)
        panel.set_title(title)
    of_mask.figure.colorbar(picture, ax=of_scores, shrink=0.7, label="score")
    picture = of_mask.imshow(mask, cmap="gray", vmin=0, vmax=1)
    of_mask.set_title("mask")
    of_mask.figure.colorbar(picture, ax=of_mask, shrink=0.7, label="probability")
    for panel in axes:
        panel.set_xlabel("column (pixels of the RoI)")
    axes[0].set_ylabel("row (pixels of the RoI)")
