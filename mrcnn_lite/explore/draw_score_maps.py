"""Score maps of parts, and what a RoI puts together from them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

from mrcnn_lite.explore.draw import draw_boxes
from mrcnn_lite.explore.palette import TRUE_BOX


def draw_part_maps(
    axes: np.ndarray, maps: Tensor, parts: Sequence[int], box: Tensor, stride: int, limit: float
) -> AxesImage:
    """Draw the maps of some parts of one class over the whole scene, with a RoI on each.

    Args:
        axes: `[n, n]`, empty.
        maps: `Tensor[k, k, H, W]`, scores by part.
        parts: n numbers from 0 to k - 1; rows and columns of parts to draw.
        box: `Tensor[4]`, the RoI in image pixels.
        stride: image pixels per cell.
        limit: the greatest score drawn, and with a minus the least.

    Returns:
        One of the pictures, for a colour bar.
    """
    height, width = (side * stride for side in maps.shape[-2:])
    for row, of_row in zip(parts, axes):
        for column, panel in zip(parts, of_row):
            picture = panel.imshow(
                maps[row, column],
                cmap="gray",
                vmin=-limit,
                vmax=limit,
                extent=(0, width, height, 0),
            )
            draw_boxes(panel, box, TRUE_BOX, width=2, halo=True)
            panel.set_title(f"part ({row}, {column})")
            panel.set_xticks([])
            panel.set_yticks([])
    return picture


def draw_assembled(axes: Sequence[Axes], steps: Mapping[str, Tensor]) -> None:
    """Draw what a RoI has read, step by step: `Tensor[m, m]` each, with a colour bar.

    Args:
        axes: one for each step, empty.
        steps: title to values.
    """
    for panel, (title, values) in zip(axes, steps.items(), strict=True):
        picture = panel.imshow(values, cmap="gray")
        panel.set_title(title)
        panel.set_xlabel("column, pixels of the RoI")
        panel.figure.colorbar(picture, ax=panel, shrink=0.7)
    axes[0].set_ylabel("row, pixels of the RoI")
