"""Which pyramid level a box is read from, against its size (FPN, equation 1)."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.explore.browser import send_picture
from mrcnn_lite.explore.draw.bags import draw_grid
from mrcnn_lite.explore.draw.scene import draw_boxes, draw_image
from mrcnn_lite.explore.palette import BLACK, TRUE_BOX
from mrcnn_lite.explore.panels.controls import Number
from mrcnn_lite.explore.panels.panel import Panel
from mrcnn_lite.models import MaskRCNNConfig
from mrcnn_lite.models.roi_features import assign_levels

FINEST, COARSEST = 2, 5
SMALLEST = 8  # image pixels
SIZES = torch.arange(SMALLEST, 1025, 4, dtype=torch.float64)


class Level(NamedTuple):
    """A square box in the middle of an image and the level it belongs to.

    Attributes:
        box: `Tensor[4]`, (x1, y1, x2, y2) in image pixels.
        level: k; level k has stride 2**k.
        levels: `Tensor[S]`, the levels of all `SIZES`.
    """

    box: Tensor
    level: int
    levels: Tensor


def find_level(size: int, image_size: tuple[int, int], config: MaskRCNNConfig) -> Level:
    """Place a box of `size` image pixels in the middle of an (H, W) image and find its level."""
    middle = torch.tensor([image_size[1], image_size[0]], dtype=torch.float64).repeat(2) / 2
    sizes = torch.cat([torch.tensor([size], dtype=torch.float64), SIZES])
    boxes = middle + sizes[:, None] * torch.tensor([-0.5, -0.5, 0.5, 0.5], dtype=torch.float64)
    rule = (config.roi_canonical_size, config.roi_canonical_level, FINEST, COARSEST)
    levels = assign_levels(boxes, *rule)
    return Level(boxes[0], int(levels[0]), levels[1:])


def draw_level(figure: Figure, found: Level, image: Tensor) -> None:
    """Draw the box on the grid of its level, and the levels of boxes of all sizes."""
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.15, top=0.9, wspace=0.2)
    stride = 2**found.level
    draw_image(left, image, f"level P{found.level}: stride {stride}")
    height, width = image.shape[1:]
    draw_grid(left, (height // stride, width // stride), stride)
    draw_boxes(left, found.box, TRUE_BOX, width=2.5, halo=True)
    right.step(SIZES, found.levels, where="post", color=BLACK)
    size = (found.box[2] - found.box[0]).item()
    right.plot([size], [found.level], TRUE_BOX.marker, color=TRUE_BOX.color, markersize=10)
    right.set_xscale("log", base=2)
    right.set_yticks(range(FINEST, COARSEST + 1), [f"P{k}" for k in range(FINEST, COARSEST + 1)])
    right.set_xlabel("size of the box (root of its area, image pixels)")
    right.set_title(f"{size:.0f} pixels are {size / stride:.1f} cells")
    right.grid(alpha=0.3)


def levels_panel(
    image: Tensor, config: MaskRCNNConfig | None = None, size: int | None = None
) -> Panel:
    """Choose a box's size and see the level, and the grid, that it is read from.

    Args:
        image: `Tensor[3, H, W]` in 0..1, both sides multiples of 32.
        config: whose rule counts; default: torchvision's, 224 pixels on P4.
        size: of the box at the beginning, in image pixels; default: half the image.
    """
    config = config or MaskRCNNConfig()
    largest = min(image.shape[1:])
    return Panel(
        "levels",
        {
            **send_picture(image),
            "rule": {
                "canonical_size": config.roi_canonical_size,
                "canonical_level": config.roi_canonical_level,
                "finest": FINEST,
                "coarsest": COARSEST,
            },
            "sizes": SIZES.tolist(),
        },
        {"size": Number("size of the box", SMALLEST, largest, unit="pixels")},
        {"size": largest // 2 if size is None else size},
        lambda size: find_level(size, tuple(image.shape[1:]), config),
        lambda figure, found: draw_level(figure, found, image),
        size=(10, 4),
        label="a box on the grid of its pyramid level, and levels against sizes",
    )
