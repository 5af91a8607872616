"""Names beside boxes: where they have room, in the colour of their object."""

from matplotlib import patheffects
from matplotlib.axes import Axes
from torch import Tensor

from mrcnn_lite.explore.palette import INSTANCE_COLORS
from mrcnn_lite.ops import box_iou

FONT_SIZE = 7  # points
# Of a letter, in shares of the font's size; bold enough a guess for names and scores.
LETTER_WIDTH, LINE_HEIGHT = 0.58, 1.25
Span = tuple[float, float, float, float]


def instance_colors(boxes: Tensor, like: Tensor | None = None) -> list[str]:
    """Choose a colour for each instance, so that an object has the same one wherever it is drawn.

    Args:
        boxes: `Tensor[N, 4]`, of the instances.
        like: `Tensor[M, 4]`, boxes of instances drawn elsewhere in their order, as of the truth.
            An instance gets the colour of the one that it overlaps most, and one that overlaps none
            gets another colour.
    """
    numbers = list(range(len(boxes)))
    if like is not None:
        overlaps = box_iou(boxes, like)
        for i, row in enumerate(overlaps):
            overlaps_one = len(like) > 0 and bool(row.max() > 0)
            numbers[i] = int(row.argmax()) if overlaps_one else len(like) + i
    return [INSTANCE_COLORS[number % len(INSTANCE_COLORS)] for number in numbers]


def label_boxes(axes: Axes, boxes: Tensor, texts: list[str], font_size: float = FONT_SIZE) -> None:
    """Write a text at each box: above it if there is room, else where it covers no other text.

    Args:
        axes: with the image, y downwards; its size on the figure must not grow smaller afterwards.
        boxes: `Tensor[N, 4]`, (x1, y1, x2, y2) in the axes' unit.
        texts: one for each box.
        font_size: in points.
    """
    axes.apply_aspect()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    window = axes.get_window_extent()
    point = axes.figure.dpi / 72 * (right - left) / window.width
    height = LINE_HEIGHT * font_size * axes.figure.dpi / 72 * (bottom - top) / window.height
    taken = []
    for (x1, y1, x2, y2), text in zip(boxes.tolist(), texts):
        width = LETTER_WIDTH * font_size * point * len(text)
        xs = [min(max(x, left), right - width) for x in (x1, x2 - width)]
        ys = (y1 - height, y2, y1, y2 - height)  # above, below, and inside
        places = [(x, y) for y in ys for x in xs if top <= y <= bottom - height]
        places = places or [(xs[0], min(max(y1, top), bottom - height))]
        x, y = min(places, key=lambda place: _covered((*place, width, height), taken))
        taken.append((x, y, width, height))
        axes.text(
            x,
            y + height / 2,
            text,
            # A name is any text; between dollar signs, matplotlib would read a formula.
            parse_math=False,
            color="white",
            fontsize=font_size,
            va="center",
            path_effects=[patheffects.withStroke(linewidth=1.8, foreground="black")],
            clip_on=True,
        )


def _covered(span: Span, taken: list[Span]) -> float:
    """The area that a text's span, (x, y, width, height), shares with others."""
    x, y, width, height = span
    return sum(
        max(0, min(x + width, left + w) - max(x, left))
        * max(0, min(y + height, top + h) - max(y, top))
        for left, top, w, h in taken
    )
