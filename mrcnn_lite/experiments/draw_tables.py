"""The paper's tables in miniature as pictures: every seed a dot, beside the paper's figures."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mrcnn_lite.experiments.verdicts import (
    CANNOT_TELL,
    CONTRADICTS,
    ON_PAR,
    SAME_DIRECTION,
    in_words,
    verdict,
)
from mrcnn_lite.explore.palette import BLACK, BLUE, BLUISH_GREEN, ORANGE, VERMILLION

# How each kind of average precision is drawn.
SHOWN = {"AP": (BLUE, "o"), "AP75": (ORANGE, "D")}
# pycocotools' names of what is compared, and the tables'.
KIND_NAMES = {"segm": "mask", "bbox": "box"}
# How each verdict is: a colour, a marker and the marker's filling.
VERDICT_STYLES = {
    SAME_DIRECTION: {"color": BLUISH_GREEN, "marker": "o"},
    ON_PAR: {"color": BLUISH_GREEN, "marker": "s"},
    CANNOT_TELL: {"color": BLACK, "marker": "o", "markerfacecolor": "white"},
    CONTRADICTS: {"color": VERMILLION, "marker": "X"},
}


def figure_of_table(summary: dict[str, Any]) -> Figure:
    """Draw a table: at the left ours, at the right the paper's, one line a row that has masks.

    Args:
        summary: what TABLE.json holds.
    """
    rows = [row for row in summary["rows"] if "segm" in row["mean"]]
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


def draw_seeds(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw mask AP and AP75 of each row, in percent: a mark for each seed, a line at the mean."""
    for number, (name, (color, marker)) in enumerate(SHOWN.items()):
        for place, row in enumerate(rows):
            height = place + 0.2 * (number - 0.5)
            values = [100 * result["metrics"]["segm"][name] for result in row["runs"]]
            label = f"mask {name}" if place == 0 else None
            style = {"marker": marker, "color": color, "markeredgecolor": BLACK, "alpha": 0.7}
            axes.plot(values, [height] * len(values), linestyle="none", label=label, **style)
            mean = 100 * row["mean"]["segm"][name]
            axes.plot([mean, mean], [height - 0.14, height + 0.14], color=BLACK, linewidth=2)
    axes.set_xlabel("mask AP, percent")
    axes.grid(axis="x", alpha=0.4)


def draw_paper(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw the paper's figures of the same rows, where it has them."""
    for number, (name, (color, marker)) in enumerate(SHOWN.items()):
        places = [place for place, row in enumerate(rows) if name in row["paper"].get("segm", {})]
        values = [rows[place]["paper"]["segm"][name] for place in places]
        heights = [place + 0.2 * (number - 0.5) for place in places]
        axes.plot(
            *(values, heights),
            linestyle="none",
            marker=marker,
            color=color,
            markeredgecolor=BLACK,
        )
    axes.set_xlabel("mask AP, percent")
    axes.grid(axis="x", alpha=0.4)


def figure_of_gains(
    summaries: Sequence[dict[str, Any]], measures: Sequence[str] = tuple(SHOWN)
) -> Figure:
    """Draw what the tables' comparisons gain: ours with its interval, the paper's, and zero.

    Args:
        summaries: what each TABLE.json holds.
        measures: of AP, AP50 and AP75, those to draw.
    """
    lines = [
        (_claim(summary, claim, name), claim[name], claim["paper"].get(name), claim["claim"])
        for summary in summaries
        for claim in summary["comparisons"]
        for name in measures
    ]
    figure = Figure(figsize=(9, 1.2 + 0.48 * len(lines)), layout="constrained")
    axes = figure.subplots()
    for place, (_, found, paper, claim) in enumerate(lines):
        said = in_words(found, paper, claim)
        style = VERDICT_STYLES[verdict(found, paper, claim)]
        if found["low"] is not None:
            ends = [100 * found["low"], 100 * found["high"]]
            axes.plot(ends, [place, place], color=style["color"], linewidth=2)
        if found["gain"] is not None:
            axes.plot(100 * found["gain"], place, linestyle="none", markersize=9, **style)
        if paper is not None:
            axes.plot(100 * paper, place, "|", color=BLACK, markersize=16, markeredgewidth=2)
        axes.annotate(
            *(f" {said}", (1, place)), xycoords=("axes fraction", "data"), va="center", fontsize=9
        )
    axes.axvline(0, color=BLACK, linewidth=1)
    axes.set_yticks(range(len(lines)), [label for label, *_ in lines], fontsize=9)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.4)
    axes.set_xlabel(
        "gain, percent of the base (line: interval of 95 %; upright stroke: the paper's)"
    )
    axes.set_title("what is gained, on Shapes")
    return figure


def _claim(summary: dict[str, Any], claim: dict[str, Any], name: str) -> str:
    better = f"{summary['table']}: {claim['better']}, {KIND_NAMES[claim['kind']]} {name}"
    return f"{better}\nover {claim['base']}"
