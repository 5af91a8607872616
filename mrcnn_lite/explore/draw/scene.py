"""Pictures of images, instances and losses, on matplotlib axes that the caller owns."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from mrcnn_lite.explore.draw.keypoints import draw_keypoints
from mrcnn_lite.explore.draw.labels import instance_colors, label_boxes
from mrcnn_lite.explore.palette import INSTANCE_COLORS, Meaning

MASK_OPACITY = 0.45
MASK_THRESHOLD = 0.5
# An image or a mask is drawn with at most so many pixels a side: more than a figure of it has.
MOST_PIXELS = 1500


def draw_image(axes: Axes, image: Tensor, title: str = "") -> None:
    """Show `Tensor[3, H, W]` (values in 0..1) or a map `Tensor[H, W]`, axes in image pixels.

    Pixel (y, x) covers the square from (y, x) to (y + 1, x + 1), so that a box drawn on top
    encloses exactly the pixels that it means.
    """
    height, width = image.shape[-2:]
    step = -(-max(height, width) // MOST_PIXELS)
    values = image.detach()[..., ::step, ::step].cpu()
    if image.dim() == 3:
        # As bytes, of which matplotlib makes fewer and smaller copies.
        values = values.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    rows, columns = values.shape[:2]
    extent = (0, columns * step, rows * step, 0)
    axes.imshow(values.numpy(), cmap="gray", extent=extent, interpolation="nearest")
    axes.axis((0, width, height, 0))
    axes.set_title(title)
    axes.set_xlabel("x (image pixels)")
    axes.set_ylabel("y (image pixels)")


def draw_boxes(
    axes: Axes,
    boxes: Tensor | Sequence[Sequence[float]],
    meaning: Meaning,
    width: float = 1.5,
    label: str | None = None,
    halo: bool = False,
) -> None:
    """Outline boxes (x1, y1, x2, y2) in the axes' unit; only the first enters the legend.

    Args:
        axes: to draw on.
        boxes: `Tensor[N, 4]` or a single box.
        meaning: colour, line and name.
        width: of the line, in points.
        label: in the legend, instead of the meaning's own.
        halo: lay a light edge around the lines, so that they stand out from an image.
    """
    edge = [patheffects.withStroke(linewidth=width + 1.5, foreground="white", alpha=0.8)]
    for i, (x1, y1, x2, y2) in enumerate(np.asarray(boxes, dtype=float).reshape(-1, 4)):
        axes.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=meaning.color,
                linestyle=meaning.line,
                linewidth=width,
                label=(label or meaning.label) if i == 0 else None,
                path_effects=edge if halo else None,
            )
        )


def draw_instances(
    axes: Axes,
    instances: Mapping[str, Tensor],
    categories: Mapping[int, str],
    line: str = "-",
    like: Tensor | None = None,
) -> None:
    """Lay masks, keypoints, boxes, names and (for detections) scores over an image drawn before.

    Args:
        axes: with the image, in image pixels.
        instances: a target of a data set, or one image's detections: "boxes" `Tensor[N, 4]`,
            "labels" `Tensor[N]`, maybe "masks" `Tensor[N, H, W]` or `Tensor[N, 1, H, W]`, maybe
            "keypoints" `Tensor[N, K, 3]`, and maybe "scores".
        categories: label to name.
        line: the boxes' line style.
        like: `Tensor[M, 4]`, the boxes of instances that are drawn elsewhere, as of the truth: what
            overlaps one of them gets its colour.
    """
    boxes = instances["boxes"].detach().cpu()
    colors = instance_colors(boxes, None if like is None else like.detach().cpu())
    names = []
    for i, ((x1, y1, x2, y2), color) in enumerate(zip(boxes.tolist(), colors)):
        if "masks" in instances:
            # One by one, since of a large picture they are many megabytes each.
            mask = instances["masks"][i].detach() > MASK_THRESHOLD
            _draw_mask(axes, mask.view(mask.shape[-2:]).cpu().numpy(), color)
        axes.add_patch(
            Rectangle(
                (x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linestyle=line, lw=1.5
            )
        )
        if "keypoints" in instances:
            draw_keypoints(axes, instances["keypoints"][i], color, found="scores" in instances)
        label = int(instances["labels"][i])
        names.append(categories.get(label, f"class {label}"))
        if "scores" in instances:
            names[-1] += f" {instances['scores'][i].item():.2f}"
    label_boxes(axes, boxes, names)


def _draw_mask(axes: Axes, mask: NDArray[np.bool_], color: str) -> None:
    """Tint and outline the pixels of a mask, bool `[H, W]`; what is drawn is no larger than it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return
    (height, width), y1, x1 = mask.shape, rows[0], columns[0]
    crop = mask[y1 : rows[-1] + 1, x1 : columns[-1] + 1]
    step = -(-max(crop.shape) // MOST_PIXELS)
    crop = crop[::step, ::step]
    y2, x2 = y1 + step * crop.shape[0], x1 + step * crop.shape[1]
    layer = np.ma.masked_equal(crop.astype(np.uint8), 0)
    tint = ListedColormap([(*to_rgb(color), MASK_OPACITY)])
    limits = axes.axis()
    axes.imshow(layer, tint, extent=(x1, x2, y2, y1), interpolation="nearest")
    # A tint alone may vanish on a similar colour, and in greyscale. The outline closes around the
    # crop, but for where the picture ends.
    around = [(int(y1 > 0), int(y2 < height)), (int(x1 > 0), int(x2 < width))]
    padded = np.pad(crop, around)
    if not padded.all():
        x = x1 + step * (np.arange(padded.shape[1]) - around[1][0] + 0.5)
        y = y1 + step * (np.arange(padded.shape[0]) - around[0][0] + 0.5)
        outline = axes.contour(x, y, padded, levels=[0.5], colors="white", linewidths=0.7)
        # The lines alone: a contour keeps all that they were computed from.
        lines = PathCollection(outline.get_paths(), zorder=outline.get_zorder())
        lines.set(facecolor="none", edgecolor="white", linewidth=0.7, transform=axes.transData)
        outline.remove()
        axes.add_collection(lines)
    axes.axis(limits)


def figure_of_detections(
    images: Sequence[Tensor],
    detections: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    categories: Mapping[int, str],
) -> Figure:
    """Show some images with their ground truth (above, solid) and detections (below, dashed)."""
    figure = Figure(figsize=(2.6 * len(images), 5.6), layout="constrained")
    rows = figure.subplots(2, len(images), squeeze=False, sharex="col", sharey="col")
    for above, below, image, found, true in zip(*rows, images, detections, targets):
        draw_image(above, image, "ground truth")
        draw_instances(above, true, categories)
        draw_image(below, image, "prediction")
        draw_instances(below, found, categories, line="--", like=true["boxes"])
        above.set_xlabel("")
    for axes in rows[:, 1:].flat:
        axes.set_ylabel("")
    return figure


def figure_of_rows(
    rows: Mapping[str, Sequence[tuple[Tensor, Mapping[str, Tensor]]]],
    categories: Mapping[int, str],
) -> Figure:
    """Show pictures in columns, and in each row other instances on them.

    Args:
        rows: by the row's name the pictures `Tensor[3, H, W]`, each with its instances (see
            `draw_instances`). What overlaps an instance of the first row gets its colour.
        categories: label to name.
    """
    first = next(iter(rows.values()))
    size = (3.2 * len(first), 2.6 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(rows), len(first), squeeze=False)
    for of_row, (name, pairs) in zip(panels, rows.items()):
        for panel, (image, instances), (_, lent) in zip(of_row, pairs, first):
            draw_image(panel, image, name)
            draw_instances(panel, instances, categories, like=lent["boxes"])
            panel.set(xticks=[], yticks=[], xlabel="", ylabel="")
    return figure


def figure_of_losses(records: Sequence[Mapping[str, float]], window: int = 25) -> Figure:
    """Plot a run's losses against its steps, each a running mean over `window` steps.

    Args:
        records: the lines of a run's metrics.jsonl.
        window: steps to average over; a single batch says little.
    """
    steps = np.array([record["step"] for record in records])
    names = [name for name in records[0] if name.startswith("loss_")]
    window = max(1, min(window, len(steps)))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    lines = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
    for name, color, line in zip(names, INSTANCE_COLORS[:3] + INSTANCE_COLORS[4:], lines):
        values = np.array([record[name] for record in records])
        mean = np.convolve(values, np.ones(window) / window, mode="valid")
        label = name.removeprefix("loss_").replace("_", " ")
        axes.plot(steps[window - 1 :], mean, color=color, linestyle=line, label=label)
    axes.set_xlabel("training step")
    axes.set_ylabel(f"loss (mean of {window} steps)")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def figure_of_prediction(
    image: Tensor, detections: Mapping[str, Tensor], categories: Mapping[int, str]
) -> Figure:
    """Draw one image's detections, its longer side 10 inches."""
    height, width = image.shape[-2:]
    longest_inches = 10
    scale = longest_inches / max(height, width)
    figure = Figure(figsize=(scale * width + 1, scale * height + 1), layout="constrained")
    axes = figure.subplots()
    draw_image(axes, image)
    draw_instances(axes, detections, categories, line="--")
    return figure
