"""Grade executed notebooks by the checks in them, without nbgrader.

    python -m mrcnn_lite.course.grade EXECUTED.ipynb [EXECUTED.ipynb ...]

An exercise is found by its check, `check.NAME(...)`: some programs give cells new ids. It is passed
if the check said so; a cell that was not run, or was deleted, earns nothing.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from mrcnn_lite.course.lessons import find_lessons
from mrcnn_lite.course.notebooks import read_notebook
from mrcnn_lite.course.student import points_of
from mrcnn_lite.errors import InputError

CHECK = re.compile(r"^\s*check\.(\w+)\(", re.MULTILINE)


def grade(notebook: NotebookNode, lessons: Sequence[dict[str, int]]) -> dict[str, tuple[str, int]]:
    """Grade one notebook.

    Args:
        notebook: as handed in, and executed.
        lessons: for each lesson the names of its exercises and their points.

    Returns:
        for each exercise of the lesson that was handed in, its verdict ("passed", "failed",
        "not run" or "missing") and its points, 0 unless it is passed.

    Raises:
        ValueError: no exercise is checked in it.
    """
    found: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for name in CHECK.findall(cell.source):
                # Whoever tried a check in several cells has passed with one of them.
                if found.get(name) != "passed":
                    found[name] = _verdict(cell, name)
    handed_in = [exercises for exercises in lessons if exercises.keys() & found]
    if not handed_in:
        raise ValueError("no cell calls the check of an exercise, check.NAME(your_function)")
    verdicts = {}
    for exercises in handed_in:
        for name, points in exercises.items():
            verdict = found.get(name, "missing")
            verdicts[name] = (verdict, points if verdict == "passed" else 0)
    return verdicts


def _verdict(cell: NotebookNode, name: str) -> str:
    printed = "".join(output.get("text", "") for output in cell.outputs)
    if f"✓ {name}:" in printed:
        return "passed"
    return "failed" if cell.outputs else "not run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the grades; return the exit status, 1 if a notebook cannot be graded."""
    parser = argparse.ArgumentParser(
        prog="python -m mrcnn_lite.course.grade",
        description="Grade executed notebooks by the checks in them.",
    )
    parser.add_argument("notebooks", type=Path, nargs="+", help="executed notebooks")
    paths = parser.parse_args(arguments).notebooks
    lessons = [points_of(read_notebook(path)) for path in find_lessons()]
    status = 0
    for path in paths:
        try:
            verdicts = grade(read_notebook(path), lessons)
        except (InputError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            status = 1
            continue
        possible = {name: points for lesson in lessons for name, points in lesson.items()}
        print(path)
        for name, (verdict, points) in verdicts.items():
            print(f"  {name:24} {verdict:8} {points} of {possible[name]}")
        earned = sum(points for _, points in verdicts.values())
        print(f"  {'all':33} {earned} of {sum(possible[name] for name in verdicts)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
