"""How results are written: tables in Markdown, pages with their numbers beside them as JSON."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mrcnn_lite.files import write_atomically, write_text


def markdown_table(
    header: Sequence[object], rows: Iterable[Sequence[object]], numbers: bool = False
) -> str:
    """Write a table.

    Args:
        header: a name for each column; the first is often empty.
        rows: as many cells each.
        numbers: all columns but the first are set flush right.
    """
    rule = "|---" + ("|---:" if numbers else "|---") * (len(header) - 1) + "|"
    head = "|" + "".join(f" {name} |" if name else " |" for name in header)
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([head, rule, *lines])


def mean_and_deviation(values: Sequence[float], form: str = ".1f") -> str:
    """Write a mean and a standard deviation (0 with a single value), by a format such as "+.3f"."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):{form}} ± {deviation:{form.lstrip('+')}}"


def write_page(out: Path, name: str, result: Any, text: str, figure: Figure | None = None) -> None:
    """Write NAME.json, what was measured, NAME.md, a page that shows it, and perhaps NAME.png."""
    write_text(out / f"{name}.json", json.dumps(result, indent=1) + "\n")
    write_text(out / f"{name}.md", text)
    if figure is None:
        print(f"wrote {out / name}.json and {name}.md")
        return
    with write_atomically(out / f"{name}.png") as temporary:
        figure.savefig(temporary, dpi=110)
    print(f"wrote {out / name}.json, {name}.md and {name}.png")


def fill_in(document: Path, parts: dict[str, str]) -> None:
    """Replace what stands in a document between the markers of each part's name."""
    text = document.read_text("utf-8")
    for name, content in parts.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{content}\n{end}{rest.split(end)[1]}"
    write_text(document, text)
