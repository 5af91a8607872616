"""Pictures of masks: how two overlap, what a semantic map says, how COCO writes one down."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Polygon
from numpy.typing import ArrayLike, NDArray

from mrcnn_lite.explore.palette import GROUND_TRUTH, INSTANCE_COLORS, PREDICTION, Meaning

# What `compare_masks` tells apart, in the order of its values from 1.
OVERLAP_LABELS = ("only in the first", "only in the second", "in both")


def compare_masks(mask: ArrayLike, other: ArrayLike) -> NDArray[np.int64]:
    """Say of each pixel in which of two masks it lies.

    Args:
        mask: `[H, W]`, true inside.
        other: the same size.

    Returns:
        `[H, W]`: 0 in neither, 1 only in `mask`, 2 only in `other`, 3 in both.
    """
    return np.asarray(mask, dtype=bool) + 2 * np.asarray(other, dtype=bool).astype(np.int64)


def draw_overlap(
    axes: Axes,
    mask: ArrayLike,
    other: ArrayLike,
    labels: Sequence[str] = OVERLAP_LABELS,
    meanings: tuple[Meaning, Meaning] = (GROUND_TRUTH, PREDICTION),
) -> None:
    """Draw two masks over each other: each in its colour, black where they agree.

    Args:
        axes: empty; gets image pixels as its unit.
        mask: `[H, W]`.
        other: `[H, W]`.
        labels: for the legend, which counts the pixels of each.
        meanings: colours of the pixels in only one of the masks.
    """
    where = compare_masks(mask, other)
    height, width = where.shape
    colors = [meanings[0].color, meanings[1].color, "black"]
    picture = np.array([to_rgb(color) for color in ("white", *colors)])[where]
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    counts = [np.count_nonzero(where == value) for value in (1, 2, 3)]
    axes.legend(
        handles=[
            Patch(facecolor=color, label=f"{label}: {count} pixel{'' if count == 1 else 's'}")
            for color, label, count in zip(colors, labels, counts)
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18),
        fontsize=8,
    )
    _label_axes(axes)


def draw_label_map(axes: Axes, label_map: ArrayLike, names: Mapping[int, str]) -> None:
    """Draw a map of labels, each in one colour with its name in the middle; 0 is white."""
    label_map = np.asarray(label_map)
    height, width = label_map.shape
    picture = np.ones((height, width, 3))
    for label in np.unique(label_map[label_map > 0]).tolist():
        rows, columns = np.nonzero(label_map == label)
        picture[rows, columns] = to_rgb(INSTANCE_COLORS[(label - 1) % len(INSTANCE_COLORS)])
        axes.text(
            columns.mean() + 0.5,
            rows.mean() + 0.5,
            names[label],
            parse_math=False,
            color="white",
            ha="center",
            va="center",
            path_effects=[patheffects.withStroke(linewidth=2, foreground="black")],
        )
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    _label_axes(axes)


def draw_outline(axes: Axes, mask: ArrayLike, color: str, hatched: bool = False) -> None:
    """Outline a mask, `[H, W]`, over a picture of image pixels, perhaps with its inside hatched."""
    mask = np.asarray(mask, dtype=float)
    x, y = np.arange(mask.shape[1]) + 0.5, np.arange(mask.shape[0]) + 0.5
    if hatched:
        axes.contourf(x, y, mask, levels=[0.5, 1.5], colors="none", hatches=["////"])
    axes.contour(x, y, mask, levels=[0.5], colors=color, linewidths=2)


def draw_segments(axes: Axes, image: ArrayLike, segments: ArrayLike) -> None:
    """Paint each segment in its mean colour, with white borders between neighbours.

    Args:
        axes: empty; gets image pixels as its unit.
        image: `[3, H, W]` in 0..1.
        segments: `[H, W]`, the number of each pixel's segment, from 0.
    """
    image, segments = np.asarray(image), np.asarray(segments)
    height, width = segments.shape
    sizes = np.bincount(segments.ravel())
    means = [np.bincount(segments.ravel(), weights=channel.ravel()) / sizes for channel in image]
    picture = np.stack(means, axis=-1)[segments]
    axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    rows, columns = np.nonzero(segments[:, 1:] != segments[:, :-1])
    axes.vlines(columns + 1, rows, rows + 1, color="white", linewidth=0.8)
    rows, columns = np.nonzero(segments[1:] != segments[:-1])
    axes.hlines(rows + 1, columns, columns + 1, color="white", linewidth=0.8)
    _label_axes(axes)


def draw_small_mask(
    axes: Axes, mask: ArrayLike, texts: Sequence[Sequence[object]], title: str = ""
) -> None:
    """Draw a mask so small that each pixel can bear a text.

    Args:
        axes: empty; gets rows and columns as its unit.
        mask: `[H, W]`, true inside: dark, with light text.
        texts: `[H][W]`.
        title: of the axes.
    """
    mask = np.asarray(mask, dtype=bool)
    height, width = mask.shape
    axes.imshow(~mask, cmap="gray", vmin=-0.5, vmax=1, extent=(0, width, height, 0))
    for y in range(height):
        for x in range(width):
            color = "white" if mask[y, x] else "black"
            axes.text(x + 0.5, y + 0.5, str(texts[y][x]), color=color, ha="center", va="center")
    axes.set_xticks(range(width + 1))
    axes.set_yticks(range(height + 1))
    axes.grid(color="gray", linewidth=0.8)
    axes.set_title(title)
    _label_axes(axes)


def column_order(height: int, width: int) -> NDArray[np.int64]:
    """Number the pixels as COCO's run lengths read them: `[height, width]`, down the columns."""
    return np.arange(height * width).reshape(width, height).T


def draw_polygon(axes: Axes, points: ArrayLike, meaning: Meaning, label: str | None = None) -> None:
    """Outline a polygon, `[P, 2]` as (x, y) in the axes' unit, with a marker at each corner."""
    axes.add_patch(
        Polygon(
            np.asarray(points, dtype=float),
            fill=False,
            edgecolor=meaning.color,
            linestyle=meaning.line,
            linewidth=2,
            label=label or meaning.label,
        )
    )
    axes.plot(*np.asarray(points, dtype=float).T, meaning.marker, color=meaning.color)


def _label_axes(axes: Axes) -> None:
    axes.set_xlabel("x (image pixels)")
    axes.set_ylabel("y (image pixels)")
