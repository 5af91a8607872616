"""The paper's tables in miniature as pictures: every seed a dot, beside the paper's figures."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mrcnn_lite.explore.palette import BLACK, BLUE, ORANGE

# How each kind of average precision is drawn.
SHOWN = {"AP": (BLUE, "o"), "AP75": (ORANGE, "D")}


def figure_of_table(summary: dict[str, Any]) -> Figure:
    """Draw a table: at the left ours, at the right the paper's, one line a row.

    Args:
        summary: what TABLE.json holds.
    """
    rows = summary["rows"]
    paper = any("segm" in row["paper"] for row in rows)
    figure = Figure(figsize=(10 if paper else 6.5, 1.4 + 0.5 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2 if paper else 1, sharey=True, squeeze=False)[0]
    draw_seeds(panels[0], rows)
    panels[0].set_title("ours, on Shapes: each seed, and the mean")
    if paper:
        draw_paper(panels[1], rows)
        panels[1].set_title("the paper's, on COCO")
    panels[0].set_yticks(range(len(rows)), [row["name"] for row in rows])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def draw_seeds(axes: Axes, rows: list[dict[str, Any]], kind: str = "segm") -> None:
    """Draw AP and AP75 of each row, in percent: a small mark for each seed, a line at the mean."""
    for number, (name, (color, marker)) in enumerate(SHOWN.items()):
        for place, row in enumerate(rows):
            if kind not in row["mean"]:
                continue
            height = place + 0.2 * (number - 0.5)
            values = [100 * result["metrics"][kind][name] for result in row["runs"]]
            label = f"{_name(kind)} {name}" if place == 0 else None
            style = {"marker": marker, "color": color, "markeredgecolor": BLACK, "alpha": 0.7}
            axes.plot(values, [height] * len(values), linestyle="none", label=label, **style)
            mean = 100 * row["mean"][kind][name]
            axes.plot([mean, mean], [height - 0.14, height + 0.14], color=BLACK, linewidth=2)
    axes.set_xlabel(f"{_name(kind)} AP, percent")
    axes.grid(axis="x", alpha=0.4)


def draw_paper(axes: Axes, rows: list[dict[str, Any]], kind: str = "segm") -> None:
    """Draw the paper's figures of the same rows, where it has them."""
    for number, (name, (color, marker)) in enumerate(SHOWN.items()):
        places = [place for place, row in enumerate(rows) if name in row["paper"].get(kind, {})]
        values = [rows[place]["paper"][kind][name] for place in places]
        heights = [place + 0.2 * (number - 0.5) for place in places]
        axes.plot(
            *(values, heights),
            linestyle="none",
            marker=marker,
            color=color,
            markeredgecolor=BLACK,
        )
    axes.set_xlabel(f"{_name(kind)} AP, percent")
    axes.grid(axis="x", alpha=0.4)


def _name(kind: str) -> str:
    return {"segm": "mask", "bbox": "box"}[kind]
