"""Pictures of a feature pyramid: which level a box belongs to, and what each level can tell."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from torch import Tensor

from mrcnn_lite.explore.draw.scene import draw_boxes
from mrcnn_lite.explore.palette import BLACK, LEVELS
from mrcnn_lite.models.roi_features import assign_levels


def draw_boxes_by_level(axes: Axes, boxes: Tensor, levels: Tensor) -> None:
    """Outline boxes, `Tensor[N, 4]` in the axes' unit, in the style of their level, `Tensor[N]`.

    The level's name is written into the upper left corner of each.
    """
    for level in levels.unique().tolist():
        of_level = boxes[levels == level]
        draw_boxes(axes, of_level, LEVELS[level], width=2, halo=True)
        for x1, y1, _, _ in of_level.tolist():
            axes.annotate(
                LEVELS[level].label,
                (x1, y1),
                xytext=(3, -3),
                textcoords="offset points",
                va="top",
                fontsize=8,
                path_effects=[patheffects.withStroke(linewidth=2.5, foreground="white")],
            )


def draw_level_rule(
    axes: Axes,
    boxes: Tensor,
    canonical_size: int,
    canonical_level: int,
    finest_level: int,
    coarsest_level: int,
) -> None:
    """Draw boxes as points, width against height, on the fields that belong to each level.

    Args:
        axes: empty; gets logarithmic axes in image pixels.
        boxes: `Tensor[N, 4]`.
        canonical_size, canonical_level, finest_level, coarsest_level: the rule, as in
            `assign_levels`, which draws the fields and sorts the points.
    """
    rule = (canonical_size, canonical_level, finest_level, coarsest_level)
    sizes = (boxes[:, 2:] - boxes[:, :2]).double()
    low, high = sizes.min().item() / 1.3, sizes.max().item() * 1.3
    sides = torch.logspace(np.log10(low), np.log10(high), 200, dtype=torch.float64)
    height, width = torch.meshgrid(sides, sides, indexing="ij")
    zero = torch.zeros(height.numel(), dtype=torch.float64)
    plane = torch.stack([zero, zero, width.flatten(), height.flatten()], dim=1)
    field = assign_levels(plane, *rule).view(height.shape)
    levels = assign_levels(boxes.double(), *rule)
    numbers = range(finest_level, coarsest_level + 1)
    axes.contourf(
        *(sides, sides, field),
        levels=[number - 0.5 for number in (*numbers, coarsest_level + 1)],
        colors=[LEVELS[number].color for number in numbers],
        alpha=0.25,
    )
    for number in numbers:
        meaning = LEVELS[number]
        axes.plot(
            *sizes[levels == number].T,
            linestyle="none",
            marker=meaning.marker,
            color=meaning.color,
            markeredgecolor="black",
            markeredgewidth=0.6,
            markersize=5,
            label=meaning.label,
        )
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    ticks = [tick for tick in 2 ** np.arange(1, 12) if low <= tick <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
        axis.set_ticks([], minor=True)
    axes.set_xlabel("width of the box (image pixels)")
    axes.set_ylabel("height of the box (image pixels)")


def draw_what_and_where(
    axes: Axes,
    what: Mapping[str, float],
    where: Mapping[str, float],
    spread: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw what can be read from each map: the class of an object, and its pixels.

    From C_k an arrow leads to P_k if both are there.

    Args:
        axes: empty.
        what: name of a map, such as "C2", to the share of objects whose class is read correctly.
        where: name to the share of pixels near an outline that are told correctly.
        spread: name to the standard deviations of both.
    """
    for name in what:
        meaning = LEVELS[int(name[1:])]
        axes.errorbar(
            where[name],
            what[name],
            *(spread[name] if spread else (None, None)),
            marker=meaning.marker,
            color=meaning.color,
            markeredgecolor="black",
            markersize=9 if name[0] == "P" else 7,
            capsize=3,
            ecolor="0.4",
        )
        axes.annotate(
            name, (where[name], what[name]), xytext=(7, 6), textcoords="offset points", fontsize=10
        )
        trunk_name = f"C{name[1:]}"
        if name[0] == "P" and trunk_name in what:
            axes.annotate(
                "",
                (where[name], what[name]),
                xytext=(where[trunk_name], what[trunk_name]),
                arrowprops={"arrowstyle": "->", "color": BLACK, "shrinkA": 7, "shrinkB": 7},
            )
    axes.set_xlabel("where: share of the pixels near outlines told correctly")
    axes.set_ylabel("what: share of the classes told correctly")
    axes.grid(alpha=0.3)
