"""Seeds in pairs, and intervals made of few of them: what a spread looks like."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from mrcnn_lite.explore.palette import BLACK, BLUE, VERMILLION


def draw_pairs(axes: Axes, rows: Mapping[str, Sequence[float]]) -> None:
    """Draw the rows of a table side by side, with a line from row to row for each seed.

    Args:
        axes: empty.
        rows: each one's results by its name, in the order of the seeds.
    """
    for seed, values in enumerate(zip(*rows.values(), strict=True)):
        axes.plot(range(len(rows)), values, color=BLUE, marker="o", alpha=0.7)
        axes.annotate(f" seed {seed}", (len(rows) - 1, values[-1]), va="center", fontsize=9)
    for place, values in enumerate(rows.values()):
        mean = sum(values) / len(values)
        axes.plot([place - 0.12, place + 0.12], [mean, mean], color=BLACK, linewidth=3)
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set_xlim(-0.4, len(rows) - 0.4)
    axes.grid(axis="y", alpha=0.4)


def draw_intervals(axes: Axes, intervals: Sequence[tuple[float, float]], truth: float) -> None:
    """Draw intervals one above the other; those that miss the truth are dashed.

    Args:
        axes: empty.
        intervals: (low, high) of each.
        truth: what they should hold.
    """
    for place, (low, high) in enumerate(intervals):
        inside = low <= truth <= high
        axes.plot(
            *([low, high], [place, place]),
            color=BLUE if inside else VERMILLION,
            linestyle="-" if inside else (0, (1.5, 1)),
            linewidth=1.5 if inside else 2.5,
        )
    axes.axvline(truth, color=BLACK, linewidth=1)
    axes.set_yticks([])
