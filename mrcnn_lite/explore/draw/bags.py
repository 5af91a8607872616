"""Pictures of an RoI operation, drawn from its bags: what is drawn is what is computed.

    bags = roi_pool_bags((8, 8), boxes, 2, spatial_scale=1 / 16)
    draw_image(left, image)
    draw_operation(left, bags, in_image=True)
    draw_values(right, features[0])
    draw_operation(right, bags, bin=(0, 1))
    draw_legend(figure)

Axes are in feature cells, cell j covering [j, j + 1), or in image pixels.
"""

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.explore.draw.scene import draw_boxes
from mrcnn_lite.explore.palette import BINS, CELLS_READ, QUANTISED_BOX, TRUE_BOX
from mrcnn_lite.ops.bags import Bags

GRID_COLOR = "0.6"
# Opacity of a cell with next to no weight, and of the cell with the most; over an image, less.
FAINT, STRONG, STRONG_OVER_IMAGE = 0.12, 0.85, 0.45
# Bins of whole cells overlap; drawn a little smaller, each can be seen. In cells.
INSET = 0.08
_HALO = [patheffects.withStroke(linewidth=3.5, foreground="white", alpha=0.8)]


def cell_weights(bags: Bags, roi: int = 0, bin: tuple[int, int] | None = None) -> Tensor:
    """The weights with which one RoI reads the cells of the map.

    Args:
        bags: of any RoI operation.
        roi: the number of the RoI.
        bin: (row, column) of one bin; None adds up all bins.

    Returns:
        `Tensor[H, W]`: of each cell the total weight, or the number of bins that read it if whole
        cells are read.
    """
    rows, columns = bags.output_size
    numbers = [bin] if bin else [(row, column) for row in range(rows) for column in range(columns)]
    total = bags.rois.new_zeros(bags.map_size)
    for row, column in numbers:
        read = bags.bin(roi, row, column)
        x, y = read.cells.long().unbind(dim=1)
        total[y, x] += read.weights.detach()
    return total


def draw_operation(
    axes: Axes,
    bags: Bags,
    roi: int = 0,
    bin: tuple[int, int] | None = None,
    in_image: bool = False,
    write_weights: bool = False,
) -> None:
    """Draw what one RoI reads: grid, cells and sample points, bins, the box as given and as read.

    Cells are the darker the more weight they have. The box that is read gets an outline of its own
    only where it differs from the box as given.

    Args:
        axes: empty, or with the image or the map's values drawn before.
        bags: of any RoI operation.
        roi: the number of the RoI.
        bin: (row, column) of the one bin whose cells and sample points are shown; None shows all.
        in_image: the axes are in image pixels; otherwise in feature cells.
        write_weights: write into each cell how much weight it has.
    """
    unit = 1 / bags.spatial_scale if in_image else 1.0
    draw_grid(axes, bags.map_size, unit)
    weights = cell_weights(bags, roi, bin)
    _shade(axes, weights, unit, STRONG_OVER_IMAGE if in_image else STRONG)
    if write_weights:
        _write(axes, weights, unit)
    _draw_bins(axes, bags, roi, bin, unit)
    true_box, box = (boxes[roi].detach() for boxes in (bags.true_box, bags.box))
    draw_boxes(axes, true_box * unit, TRUE_BOX, width=2, halo=True)
    if not torch.allclose(true_box, box):
        whole = torch.equal(box, box.round())
        # RoIAlign without `aligned` reads half a cell beside the box, but does not quantise it.
        label = QUANTISED_BOX.label if whole else "box that is read"
        draw_boxes(axes, box * unit, QUANTISED_BOX, width=2, label=label, halo=True)
    points = _sample_points(bags, roi, bin) * unit
    if len(points):
        axes.plot(
            *points.T,
            linestyle="none",
            marker=CELLS_READ.marker,
            markersize=4.5,
            color=CELLS_READ.color,
            markeredgecolor="black",
            markeredgewidth=0.8,
            label="sample points",
        )
    _show_all(axes, torch.stack([true_box, box]) * unit)
    axes.set_xlabel("x (image pixels)" if in_image else "x (feature cells)")
    axes.set_ylabel("y (image pixels)" if in_image else "y (feature cells)")


def draw_grid(axes: Axes, map_size: tuple[int, int], unit: float = 1.0) -> None:
    """Draw the edges of the feature cells of an (H, W) map.

    Args:
        axes: to draw on.
        map_size: (H, W) in cells.
        unit: the size of a cell in the axes' unit: 1, or the stride if that is image pixels.
    """
    height, width = map_size
    style = {"color": GRID_COLOR, "linewidth": 0.7, "zorder": 0.9}
    axes.hlines(np.arange(height + 1) * unit, 0, width * unit, **style)
    axes.vlines(np.arange(width + 1) * unit, 0, height * unit, **style)
    axes.set_aspect("equal")
    axes.set_xlim(0, width * unit)
    axes.set_ylim(height * unit, 0)


def draw_values(axes: Axes, values: Tensor, title: str = "", form: str = "g") -> None:
    """Write the numbers of `Tensor[H, W]` into its cells, on grey that is darker for higher ones.

    Args:
        axes: empty; gets feature cells as its unit.
        values: a feature map of one channel, or an operation's output.
        title: of the axes.
        form: how to format a number, as in Python's `format`.
    """
    height, width = values.shape
    numbers = values.detach().cpu().double().numpy()
    low, high = numbers.min(), numbers.max()
    # Up to a middle grey, on which black can still be read.
    top = low + 2 * (high - low if high > low else 1)
    axes.imshow(numbers, cmap="Greys", vmin=low, vmax=top, extent=(0, width, height, 0), zorder=0.5)
    for y in range(height):
        for x in range(width):
            text = format(numbers[y, x], form)
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", clip_on=True)
    draw_grid(axes, (height, width))
    axes.set_xticks(range(width + 1))
    axes.set_yticks(range(height + 1))
    axes.set_title(title)
    axes.set_xlabel("x (feature cells)")
    axes.set_ylabel("y (feature cells)")


def draw_legend(figure: Figure) -> None:
    """Put one legend below all axes of a figure with constrained layout, each label once."""
    entries = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    figure.legend(
        *(entries.values(), entries.keys()),
        loc="outside lower center",
        ncols=len(entries),
        frameon=False,
    )


def _shade(axes: Axes, weights: Tensor, unit: float, strong: float) -> None:
    height, width = weights.shape
    share = (weights / weights.abs().max().clamp(min=1e-12)).cpu().numpy()
    picture = np.zeros((height, width, 4))
    picture[..., :3] = to_rgba(CELLS_READ.color)[:3]
    picture[..., 3] = np.where(share > 0, FAINT + (strong - FAINT) * share, 0)
    axes.imshow(picture, extent=(0, width * unit, height * unit, 0), zorder=0.8)
    # The picture itself cannot stand in a legend.
    axes.scatter(
        [], [], marker="s", s=90, color=CELLS_READ.color, alpha=0.6, label=CELLS_READ.label
    )


def _write(axes: Axes, weights: Tensor, unit: float) -> None:
    for y, x in weights.nonzero().tolist():
        axes.text(
            (x + 0.5) * unit,
            (y + 0.5) * unit,
            format(round(weights[y, x].item(), 2), "g"),
            ha="center",
            va="center",
            fontsize=8,
            path_effects=_HALO,
            zorder=4,
            clip_on=True,
        )


def _draw_bins(axes: Axes, bags: Bags, roi: int, bin: tuple[int, int] | None, unit: float) -> None:
    inset = INSET if bags.weights is None else 0.0
    edges = bags.bins[roi].detach()
    shrink = edges.new_tensor([inset, inset, -inset, -inset])
    empty = (edges[..., 2:] <= edges[..., :2]).any(dim=-1)
    draw_boxes(axes, (edges + shrink)[~empty] * unit, BINS, width=1.3, halo=True)
    if bin and not empty[bin]:
        draw_boxes(axes, (edges + shrink)[bin] * unit, BINS, width=2.5, halo=True)


def _sample_points(bags: Bags, roi: int, bin: tuple[int, int] | None) -> Tensor:
    if bin:
        return bags.bin(roi, *bin).sample_points.detach().cpu()
    number = bags.output_size[0] * bags.output_size[1]
    first, last = bags.sample_offsets[[roi * number, (roi + 1) * number]].tolist()
    return bags.sample_points[first:last].detach().cpu()


def _show_all(axes: Axes, boxes: Tensor) -> None:
    """Widen the limits where a box reaches beyond the map."""
    x1, y1 = boxes[:, :2].amin(dim=0).tolist()
    x2, y2 = boxes[:, 2:].amax(dim=0).tolist()
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    axes.set_xlim(min(left, x1), max(right, x2))
    axes.set_ylim(max(bottom, y2), min(top, y1))
