"""How long the lessons take: to run, measured here, and to work through, as their headers say.

    python benchmarks/lesson_times.py          # on two idle cores; a quarter of an hour
    python benchmarks/lesson_times.py 10 12    # only these lessons; the others' rows stay

Each lesson runs once in a fresh kernel with two threads, then strict nbval runs over all of them
with two workers. The table goes into docs/instructor.md, between its two markers, so no number
there is written by hand. Lessons 11 and 11b keep their
trainings, which have to be taken away first.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch

from mrcnn_lite.course.lessons import number_of
from mrcnn_lite.course.notebooks import read_notebook, run
from mrcnn_lite.experiments.pages import fill_in, markdown_table
from mrcnn_lite.experiments.turns import seconds_of
from mrcnn_lite.files import NOTEBOOKS

THREADS = "2"
GUIDE = Path(__file__).resolve().parents[1] / "docs" / "instructor.md"
PART = "lesson times"
TIME = re.compile(r"\*\*Time:\*\* (\d+) minutes in (\w+) parts?, (\d+) of them for the exercises")
# A row's name, and its last number.
MEASURED = re.compile(r"^\| (\d\d[a-z]? [^|]+) \|.* (\d+) \|$", re.MULTILINE)
NBVAL = (
    "pytest -n 2 --dist loadfile -q --nbval --nbval-current-env --nbval-cell-timeout=900 "
    "--nbval-sanitize-with tests/nbval_sanitize.cfg notebooks"
)


def main() -> None:
    """Measure the lessons and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="numbers such as 04 and 11b; default: all")
    chosen = parser.parse_args().lessons
    for kept in sorted(NOTEBOOKS.glob("runs/lesson_*")):
        parser.error(f"a lesson would only load what it has trained; take {kept} away first")
    _, _, rest = GUIDE.read_text("utf-8").partition(f"<!-- begin {PART} -->")
    table, _, _ = rest.partition(f"<!-- end {PART} -->")
    measured = dict(MEASURED.findall(table))
    os.environ["OMP_NUM_THREADS"] = THREADS
    header = ["lesson", "minutes to work through", "of them exercises", "parts", "seconds to run"]
    rows, total = [], 0.0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = read_notebook(path)
        header = " ".join(notebook.cells[0].source.split())
        minutes, parts, exercises = TIME.search(header).groups()
        name = path.stem.replace("_", " ")
        if chosen and number_of(path) not in chosen and name in measured:
            seconds = float(measured[name])
        else:
            seconds = seconds_of(partial(run, notebook, path))
        total += seconds
        rows.append([name, minutes, exercises, parts, f"{seconds:.0f}"])
    rows.append(["all", "", "", "", f"{total:.0f}"])

    command = [sys.executable, "-m", *NBVAL.split()]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    strict = seconds_of(
        partial(subprocess.run, command, cwd=GUIDE.parents[1], env=environment, check=True)
    )
    text = (
        f"Measured by `python benchmarks/lesson_times.py` on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, PyTorch {torch.__version__.split('+')[0]}:\n\n"
        f"{markdown_table(header, rows)}\n\n"
        f"Strict nbval over all of them, two workers: {strict:.0f} s."
    )
    fill_in(GUIDE, {PART: text})
    print(text)


if __name__ == "__main__":
    main()
