"""Pictures of what a network is made of: what a cell sees, what is connected, what it costs."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from torch import Tensor

from mrcnn_lite.explore.draw.scene import draw_boxes, draw_image
from mrcnn_lite.explore.measure.layer_cost import Cost
from mrcnn_lite.explore.measure.receptive_field import ReceptiveField
from mrcnn_lite.explore.palette import BINS, BLACK, CELLS_READ

# Opacity of the pixel that counts the most.
STRONGEST = 0.85


def draw_influence(
    axes: Axes,
    image: Tensor,
    influence: Tensor,
    field: ReceptiveField,
    cell: tuple[int, int],
    square: int,
    label: str,
) -> None:
    """Draw which pixels a cell sees, the strong ones darker, and a square about their centre.

    Args:
        axes: empty; gets image pixels as its unit.
        image: `Tensor[3, H, W]`, shown in grey.
        influence: `Tensor[H, W]`, of `influence_of_pixels`.
        field: of the map that the cell belongs to; the same along both axes.
        cell: (row, column).
        square: its side in image pixels, of `smallest_square`.
        label: of the square.
    """
    (top, bottom), (left, right) = (field.pixels(number) for number in cell)
    draw_image(axes, image.mean(dim=0))
    height, width = influence.shape
    layer = np.empty((height, width, 4))
    layer[..., :3] = to_rgb(CELLS_READ.color)
    # The root shows weak influence, too.
    layer[..., 3] = STRONGEST * (influence / influence.max().clamp(min=1e-30)).sqrt()
    axes.imshow(layer, extent=(0, width, height, 0), interpolation="nearest")
    field_label = "receptive field"
    draw_boxes(axes, (left, top, right, bottom), CELLS_READ, 2, label=field_label, halo=True)
    y, x, half = (top + bottom) / 2, (left + right) / 2, square / 2
    draw_boxes(axes, (x - half, y - half, x + half, y + half), BINS, 2, label=label, halo=True)
    axes.set_xlim(min(0, left), max(width, right))
    axes.set_ylim(max(height, bottom), min(0, top))


def connections(weight: Tensor, groups: int) -> Tensor:
    """Say how strongly each output channel reads each input channel.

    Args:
        weight: of a convolution, `Tensor[C_out, C_in / groups, k, k]`.
        groups: of the convolution.

    Returns:
        `Tensor[C_out, C_in]`: the root of the summed squares of the kernel, 0 where the channels
        belong to different groups.
    """
    strength = weight.detach().square().sum(dim=(2, 3)).sqrt()
    return torch.block_diag(*strength.chunk(groups))


def draw_connections(axes: Axes, weight: Tensor, groups: int, title: str = "") -> None:
    """Draw a convolution as a table of channels, dark where an output channel reads an input."""
    table = connections(weight, groups)
    rows, columns = table.shape
    axes.imshow(table, cmap="Greys", vmin=0, extent=(0, columns, rows, 0), interpolation="nearest")
    axes.set_title(title)
    axes.set_xlabel("input channel")
    axes.set_ylabel("output channel")


def draw_costs(
    parameters_axes: Axes, multiply_adds_axes: Axes, costs: Mapping[str, Cost], color: str = BLACK
) -> None:
    """Draw the costs of a network's parts as bars: parameters, and multiply-adds beside them.

    Args:
        parameters_axes, multiply_adds_axes: empty.
        costs: name of the part to its cost, top to bottom.
        color: of the bars.
    """
    for axes, values, unit in (
        (
            parameters_axes,
            [cost.parameters / 1e6 for cost in costs.values()],
            "parameters (millions)",
        ),
        (
            multiply_adds_axes,
            [cost.multiply_adds / 1e9 for cost in costs.values()],
            "multiply-adds (billions)",
        ),
    ):
        bars = axes.barh(list(costs), values, color=color, alpha=0.6)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.18 * max(values))
        axes.set_xlabel(unit)
