"""What the runs of a table amount to: means, spreads and gains, as JSON, page and picture.

    python -m mrcnn_lite.experiments.results TABLE ...

writes tables in docs/results anew from the runs that their JSON holds, if what is said of them, or
a figure of the paper beside them, has changed. Nothing is trained.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.draw_tables import KIND_NAMES, figure_of_table
from mrcnn_lite.experiments.one_run import Run
from mrcnn_lite.experiments.pages import markdown_table, write_page
from mrcnn_lite.experiments.tables import TABLES, Row, Table
from mrcnn_lite.experiments.verdicts import ON_PAR_MARGIN, Gain, compare_size, verdict
from mrcnn_lite.files import RESULTS

# The numbers that tables show; the JSON has all twelve of pycocotools.
SHOWN = ("AP", "AP50", "AP75")
# Those of which the gains are given.
GAINS = ("AP", "AP75")
# 97.5 % of Student's t lie below these, for 1, 2, ... degrees of freedom: an interval of 95 %. The
# last serves for more, too, and makes the interval a little wider than it need be.
STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def summarise(table: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Put the results of a table's runs together, with the gains that it claims.

    Args:
        table: a key of `TABLES`.
        runs: all finished.

    Returns:
        What TABLE.json holds: every run with its seed, settings, metrics, seconds and versions;
        for each row the mean and the standard deviation over seeds; and the comparisons.
    """
    return put_together(table, [run.result() for run in runs])


def put_together(table: str, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Do what `summarise` does, from what the runs left behind."""
    chosen = TABLES[table]
    rows = []
    for row in chosen.rows:
        row_results = [result for result in results if result["model"] == row.model]
        rows.append(
            {
                "name": row.name,
                "model": row.model,
                "paper": {"model": row.paper_model, **_paper(row)},
                "mean": _over_seeds(row_results, statistics.fmean),
                "deviation": _over_seeds(row_results, _deviation),
                "runs": row_results,
            }
        )
    num_seeds = len({result["seed"] for result in results})
    steps = results[0]["training"]["steps"]
    return {
        "table": table,
        "title": chosen.title,
        "command": f"mrcnn-lite ablate {table} --seeds {num_seeds} --steps {steps}",
        "seeds": num_seeds,
        "steps": steps,
        "seconds": round(sum(result["seconds"] for result in results)),
        "rows": rows,
        "comparisons": _compare(chosen, rows),
    }


def gain(better: Sequence[float], base: Sequence[float]) -> dict[str, float | None]:
    """Say by how much one row is better than another, in parts of the other, seed by seed.

    Runs of one seed share their scenes and their start, so it is their differences that are
    averaged: mean difference over the base's mean, with Student's interval of 95 % for the mean
    difference. What cannot be said is None: all three if the base is zero, "low" and "high" with
    one seed.
    """
    differences = [ours - theirs for ours, theirs in zip(better, base, strict=True)]
    scale = statistics.fmean(base)
    if scale == 0:
        return {"gain": None, "low": None, "high": None}
    centre = statistics.fmean(differences) / scale
    if len(differences) == 1:
        return {"gain": centre, "low": None, "high": None}
    t = STUDENT_T[min(len(differences) - 1, len(STUDENT_T)) - 1]
    half = t * statistics.stdev(differences) / math.sqrt(len(differences)) / scale
    return {"gain": centre, "low": centre - half, "high": centre + half}


def check_not_larger(out: Path, table: str, runs: Sequence[Run]) -> None:
    """Make sure that no table of more seeds or more steps would be lost, and nobody else's file.

    Raises:
        InputError: `out` holds one, or a file of the table's name that is none's.
    """
    path = out / f"{table}.json"
    there = [file for file in map(path.with_suffix, (".json", ".md", ".png")) if file.exists()]
    if not there:
        return
    try:
        kept = json.loads(path.read_text("utf-8"))
        kept["seeds"], kept["steps"] = int(kept["seeds"]), int(kept["steps"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{there[0]} is no table's; choose another folder by --out") from error
    seeds, steps = len({run.seed for run in runs}), runs[0].steps
    if kept["seeds"] > seeds or kept["steps"] > steps:
        raise InputError(
            f"{path} holds {kept['seeds']} seeds of {kept['steps']} steps, more than the {seeds} "
            f"of {steps} asked for; choose another folder by --out"
        )


def write_results(out: Path, table: str, runs: Sequence[Run]) -> None:
    """Write TABLE.json, TABLE.md and TABLE.png."""
    _write(out, table, summarise(table, runs))


def write_again(out: Path, table: str) -> None:
    """Write a table anew from the runs in its TABLE.json, if what is said of them has changed."""
    summary = json.loads((out / f"{table}.json").read_text("utf-8"))
    _write(out, table, put_together(table, [run for row in summary["rows"] for run in row["runs"]]))


def _write(out: Path, table: str, summary: dict[str, Any]) -> None:
    write_page(out, table, summary, page(summary), figure_of_table(summary))


def page(summary: dict[str, Any]) -> str:
    """Write a table's page: means and deviations beside the paper's figures, then the gains."""
    first = summary["rows"][0]["runs"][0]
    lines = [
        f"# Table {summary['table']}: {summary['title']}",
        "",
        f"`{summary['command']}`: {summary['seeds']} seeds, {summary['steps']} steps of 8 scenes "
        f"of Shapes each, {summary['seconds'] / 60:.0f} minutes of training in all, one core a run "
        f"(torch {first['versions']['torch']}). Every model starts from a trunk that learnt to "
        f"name single shapes. Average precision on {first['training']['held_out']} held-out "
        "scenes, mean ± standard deviation over seeds, in percent; beside it, where the paper has "
        "it, the paper's on COCO.",
        "",
        f"![{summary['title']}]({summary['table']}.png)",
        "",
        table_of_rows(summary),
        "",
        'What is gained, in parts of the base (the row after "over"), with an interval of 95 %; '
        "whether it goes the paper's way, and how large it is beside the paper's gain:",
        "",
        table_of_gains(summary),
    ]
    if any(name not in claim["paper"] for claim in summary["comparisons"] for name in GAINS):
        lines += [
            "",
            "Where the paper's column is empty, it has no figure; the direction is then judged by "
            "its words.",
        ]
    on_par = [claim for claim in summary["comparisons"] if claim["claim"] == "on par"]
    if on_par:
        margin = f"±{100 * ON_PAR_MARGIN:.0f} %"
        named = "; ".join(f"{claim['better']}, over {claim['base']}" for claim in on_par)
        lines += [
            "",
            f"The paper calls these on par: {named}. An interval within {margin} "
            "supports that, one wholly beyond contradicts it, any other cannot tell. The margin is "
            "taken from the paper's figures: above the 1 to 3 % that it calls on par, below half "
            "of the 12 % and more that it calls a gain of the RoI operation.",
        ]
    return "\n".join(lines) + "\n"


def table_of_rows(summary: dict[str, Any]) -> str:
    """Write each row's means and deviations, beside the paper's figures, in Markdown."""
    ours = [f"{kind} AP" if name == "AP" else name for kind in ("mask", "box") for name in SHOWN]
    header = ["", *ours, "paper: mask AP", "box AP"]
    return markdown_table(header, map(_cells, summary["rows"]))


def table_of_gains(summary: dict[str, Any]) -> str:
    """Write what each comparison gains, with its interval and what it says, in Markdown."""
    rows = []
    for comparison in summary["comparisons"]:
        for name in GAINS:
            paper = comparison["paper"].get(name)
            rows.append(
                [
                    f"{comparison['better']}, over {comparison['base']}",
                    f"{KIND_NAMES[comparison['kind']]} {name}",
                    gain_text(comparison[name]),
                    "" if paper is None else f"{100 * paper:+.0f} %",
                    verdict(comparison[name], paper, comparison["claim"]),
                    compare_size(comparison[name], paper, comparison["claim"]),
                ]
            )
    return markdown_table(["", "", "ours", "paper", "direction", "size"], rows)


def _cells(row: dict[str, Any]) -> list[str]:
    cells = [row["name"]]
    for kind in KIND_NAMES:
        for name in SHOWN:
            mean = row["mean"].get(kind, {}).get(name)
            cells.append(
                ""
                if mean is None
                else f"{100 * mean:.1f} ± {100 * row['deviation'][kind][name]:.1f}"
            )
    model = row["paper"]["model"]
    for kind in KIND_NAMES:
        figures = row["paper"].get(kind)
        cells.append(f"{' / '.join(map(str, figures.values()))} ({model})" if figures else "")
    return cells


def gain_text(found: Gain) -> str:
    """Write a gain and its interval (see `gain`) in percent."""
    if found["gain"] is None:
        return "the base is 0"
    text = f"{100 * found['gain']:+.0f} %"
    if found["low"] is not None:
        text += f" ({100 * found['low']:+.0f} to {100 * found['high']:+.0f})"
    return text


def _paper(row: Row) -> dict[str, dict[str, float]]:
    by_kind = {"segm": row.paper_mask, "bbox": row.paper_box}
    return {kind: dict(zip(SHOWN, figures)) for kind, figures in by_kind.items() if figures}


def _over_seeds(
    results: list[dict], what: Callable[[list[float]], float]
) -> dict[str, dict[str, float]]:
    return {
        kind: {
            name: round(what([result["metrics"][kind][name] for result in results]), 5)
            for name in results[0]["metrics"][kind]
        }
        for kind in results[0]["metrics"]
        if kind in KIND_NAMES
    }


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _compare(table: Table, rows: list[dict]) -> list[dict[str, Any]]:
    by_name = {row["name"]: row for row in rows}
    compared = []
    for claim in table.comparisons:
        better, base = by_name[claim.better], by_name[claim.base]
        comparison: dict[str, Any] = asdict(claim)
        paper_base = dict(zip(SHOWN, comparison.pop("paper_base")))
        papers = [
            better["paper"].get(claim.kind, {}),
            paper_base or base["paper"].get(claim.kind, {}),
        ]
        comparison["paper"] = {
            name: papers[0][name] / papers[1][name] - 1
            for name in SHOWN
            if all(name in paper for paper in papers)
        }
        for name in SHOWN:
            values = [
                [result["metrics"][claim.kind][name] for result in row["runs"]]
                for row in (better, base)
            ]
            comparison[name] = gain(*values)
        compared.append(comparison)
    return compared


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", metavar="TABLE", choices=TABLES)
    for table in parser.parse_args().tables:
        write_again(RESULTS, table)


if __name__ == "__main__":
    main()
