"""The students' edition: the lessons without their solutions, in a folder of its own.

    mrcnn-lite student --out DIR
    mrcnn-lite student --lessons 02,03 --out DIR    # a week's hand-out

Only what stands between `### BEGIN SOLUTION` and `### END SOLUTION` is replaced. A lesson keeps its
outputs up to its first question or exercise, and has none from there on, so that nobody reads the
answer before the question; sources stay as they are, to the byte. The metadata is nbgrader's
(schema 3): an exercise's first cell is the solution, its second, the check, is locked and carries
the points. Since the markers stay, `nbgrader generate_assignment` accepts either edition as its
source.
"""

import copy
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mrcnn_lite.course.lessons import HINTS_OFF, copy_what_they_need, find_lessons
from mrcnn_lite.course.notebooks import read_notebook
from mrcnn_lite.files import write_new_folder

SOLUTION = re.compile(
    r"^(?P<indent> *)### BEGIN SOLUTION\n(?P<answer>.*?)^ *### END SOLUTION$",
    re.DOTALL | re.MULTILINE,
)
STUB = "raise NotImplementedError  # your code goes here, instead of this line"
CHECK = re.compile(r"check\.(\w+)\(\w+\)")
QUESTION = re.compile(r"^check\.predict\(", re.MULTILINE)
EXERCISE_TITLE = re.compile(
    r"^### \S+ (?P<title>.+) \((?P<difficulty>easy|medium|hard), (?P<minutes>\d+) minutes\)$",
    re.MULTILINE,
)
POINTS = {"easy": 1, "medium": 2, "hard": 3}
# A machine on which several students' notebooks are graded at once is slower than theirs.
GRADING_TIMEOUT_SECONDS = 1800

README = """# Mask R-CNN, built by yourself

The lessons, in the order in which they build on each other:

{lessons}

Install the package, then start JupyterLab in this folder:

    pip install git+https://github.com/mrcnn-lite/mrcnn-lite
    jupyter lab {first}

In a lesson, run the cells from above (Shift + Enter). An exercise is a cell to write in, in place
of the line that raises `NotImplementedError`, and a cell that checks it. Until you have written it,
the check says "not written yet", and *Run All Cells* stops there; that is how it should be.
{hints}{more}"""
HINTS = """
Stuck? `check.hint("NAME")` gives a hint, and, asked again, a franker one.
"""
MORE = """
These are not all the lessons. Links to another one work once it lies in the same folder. Lessons 11
and 11b build a model of what you wrote in earlier ones; copy their notebooks beside it first.
"""
NBGRADER_CONFIG = f"""# nbgrader's settings for these lessons.
# Copy this file into the folder of the course, in which nbgrader is called.
c = get_config()
# Seconds for a cell. Lessons 11 and 11b train for minutes; nbgrader's default is 30 seconds.
c.ExecutePreprocessor.timeout = {GRADING_TIMEOUT_SECONDS}
# The lessons say "between the markers", so these stay in what students get.
c.ClearSolutions.code_stub = {{
    "python": "### BEGIN SOLUTION\\n{STUB}\\n### END SOLUTION"
}}
# Students have no use for this file.
c.CourseDirectory.ignore.append("nbgrader_config.py")
"""
NO_HINTS = "check.hint gives no hints while this file lies beside the notebooks.\n"


def write_edition(
    out: str | Path,
    solutions: bool = False,
    hints: bool = True,
    numbers: Collection[str] | None = None,
) -> list[Path]:
    """Write lessons, and what they need beside them, into a new folder.

    Args:
        out: the folder to make. It may exist if it is empty.
        solutions: leave the solutions in, and all outputs.
        hints: whether `check.hint` gives hints there.
        numbers: of the lessons to write, such as "04"; None for all.

    Returns:
        the notebooks.

    Raises:
        InputError: `out` is not a new or an empty folder, or cannot be written; or see
            `find_lessons`.
    """
    lessons = find_lessons(numbers)
    with write_new_folder(out) as folder:
        titles = []
        for path in lessons:
            notebook = make_edition(read_notebook(path), solutions)
            nbformat.write(notebook, folder / path.name)
            title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
            titles.append(f"- [{title}]({path.name})")
        copy_what_they_need(folder)
        if not hints:
            (folder / HINTS_OFF).write_text(NO_HINTS, encoding="utf-8")
        text = README.format(
            lessons="\n".join(titles),
            first=lessons[0].name,
            hints=HINTS if hints else "",
            more="" if numbers is None else MORE,
        )
        (folder / "README.md").write_text(text, encoding="utf-8")
        (folder / "nbgrader_config.py").write_text(NBGRADER_CONFIG, encoding="utf-8")
    return [Path(out, path.name) for path in lessons]


def make_edition(notebook: NotebookNode, solutions: bool = False) -> NotebookNode:
    """Make one lesson's edition, with nbgrader's metadata.

    Args:
        notebook: the lesson, solved and executed.
        solutions: leave the solutions in, and all outputs.
    """
    edition = copy.deepcopy(notebook)
    for cell, points in _exercise_cells(edition):
        is_check = points is not None
        cell.metadata["nbgrader"] = {
            "grade": is_check,
            "grade_id": cell.id,
            "locked": is_check,
            "schema_version": 3,
            "solution": not is_check,
            "task": False,
            **({"points": points} if is_check else {}),
        }
        if not solutions:
            cell.source = strip_solution(cell.source)
    if not solutions:
        _clear_outputs_that_answer(edition)
    return edition


def points_of(notebook: NotebookNode) -> dict[str, int]:
    """The points of a lesson's exercises, by the names of their checks."""
    return {
        CHECK.fullmatch(cell.source)[1]: points
        for cell, points in _exercise_cells(notebook)
        if points is not None
    }


def strip_solution(source: str) -> str:
    """Replace what stands between the markers by a stub; the markers stay."""
    return SOLUTION.sub(
        rf"\g<indent>### BEGIN SOLUTION\n\g<indent>{STUB}\n\g<indent>### END SOLUTION", source
    )


def _clear_outputs_that_answer(notebook: NotebookNode) -> None:
    """Clear all outputs from the first question or exercise on."""
    asked = False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            asked = asked or bool(QUESTION.search(cell.source) or SOLUTION.search(cell.source))
            if asked:
                cell.outputs, cell.execution_count = [], None


def _exercise_cells(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, int | None]]:
    """The cells of exercises: a solution's with None, a check's with its points."""
    difficulty = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in EXERCISE_TITLE.finditer(cell.source):
                difficulty = match["difficulty"]
        elif SOLUTION.search(cell.source):
            yield cell, None
        elif CHECK.fullmatch(cell.source):
            yield cell, POINTS[difficulty]
