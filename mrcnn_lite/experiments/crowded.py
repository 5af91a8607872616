"""Where methods fail on crowded scenes: mask AP by overlap, and touching pairs told apart."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mrcnn_lite.experiments.draw_overlap import figure_of_overlap
from mrcnn_lite.experiments.one_run import Run
from mrcnn_lite.experiments.overlap import OVERLAP_BINS
from mrcnn_lite.experiments.pages import markdown_table, write_page
from mrcnn_lite.experiments.results import gain, gain_text
from mrcnn_lite.experiments.tables import TABLES

NAME = "overlap"
# Whose gap in mask AP is followed from bin to bin.
BETTER, BASE = "c4-crowded", "fcis"


def summarise_overlap(table: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Put together what the runs of a table on crowded scenes measured by overlap.

    Args:
        table: a key of `TABLES`, all rows on crowded scenes.
        runs: all finished.

    Returns:
        What overlap.json holds: for each row and bin of overlap the seeds' mask APs, their mean and
        standard deviation; the touching pairs of one class and how many of them each seed told
        apart; and for each bin by how much Mask R-CNN is better than FCIS: in AP ("points"), and in
        parts of FCIS's (see `gain`).
    """
    results = [run.result() for run in runs]
    rows = []
    for row in TABLES[table].rows:
        metrics = [found["metrics"] for found in results if found["model"] == row.model]
        bins = {}
        for name in OVERLAP_BINS:
            values = [found["overlap"][name]["AP"] for found in metrics]
            bins[name] = {
                "AP": values,
                "mean": statistics.fmean(values),
                "deviation": statistics.stdev(values) if len(values) > 1 else 0.0,
            }
        separated = [found["pairs"]["separated"] for found in metrics]
        rows.append({"name": row.name, "model": row.model, "bins": bins, "separated": separated})
    by_model = {row["model"]: row["bins"] for row in rows}
    gaps = {}
    for name in OVERLAP_BINS:
        pair = by_model[BETTER][name], by_model[BASE][name]
        gaps[name] = {
            "points": pair[0]["mean"] - pair[1]["mean"],
            **gain(pair[0]["AP"], pair[1]["AP"]),
        }
    first = results[0]["metrics"]
    num_seeds = len({run.seed for run in runs})
    return {
        "table": NAME,
        "command": f"mrcnn-lite ablate {table} --seeds {num_seeds} --steps {runs[0].steps}",
        "seeds": num_seeds,
        "steps": runs[0].steps,
        "num_instances": {name: first["overlap"][name]["num_instances"] for name in OVERLAP_BINS},
        "touching_pairs": first["pairs"]["touching"],
        "rows": rows,
        "gaps": gaps,
    }


def write_overlap(out: Path, table: str, runs: Sequence[Run]) -> None:
    """Write overlap.json, overlap.md and overlap.png."""
    summary = summarise_overlap(table, runs)
    write_page(out, NAME, summary, page_of_overlap(summary), figure_of_overlap(summary))


def page_of_overlap(summary: dict[str, Any]) -> str:
    """Write the page: a column for each bin of overlap, and one for the touching pairs."""
    header = [
        f"overlap {name} ({number} instances)" for name, number in summary["num_instances"].items()
    ]
    pairs = f"told apart, of {summary['touching_pairs']} touching pairs"
    rows = []
    for row in summary["rows"]:
        cells = [
            f"{100 * score['mean']:.1f} ± {100 * score['deviation']:.1f}"
            for score in row["bins"].values()
        ]
        rows.append([row["name"], *cells, ", ".join(map(str, row["separated"]))])
    gaps = [f"{100 * gap['points']:+.1f}; {gain_text(gap)}" for gap in summary["gaps"].values()]
    rows.append(["Mask R-CNN over FCIS: points; percent (95 %)", *gaps, ""])
    lines = [
        "# Crowded scenes: mask AP by overlap",
        "",
        f"`{summary['command']}`: {summary['seeds']} seeds. An instance's overlap is its largest "
        "box IoU with another instance of its scene. Mean ± standard deviation over seeds, in "
        "percent. Two instances of one class that touch are told apart by two detections of that "
        "class, one for each, with a score of at least 0.5 and a mask IoU of at least 0.5.",
        "",
        f"![mask AP by overlap]({NAME}.png)",
        "",
        markdown_table(["", *header, pairs], rows),
    ]
    return "\n".join(lines) + "\n"
