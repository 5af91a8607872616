"""What a lesson shows is what it teaches, at a length that can be read.

Code that draws is folded, and figures are the reader's own work as soon as that is right.
"""

import ast
import re

import pytest

from mrcnn_lite.course.minutes import OPTIONAL_PART, session_minutes
from mrcnn_lite.course.notebooks import FOLDED, OPTIONAL
from mrcnn_lite.course.student import CHECK
from tests.course.lesson import LESSONS, Lesson

pytestmark = pytest.mark.once

# What figures and their panels are called, in all lessons.
PLOTTING = re.compile(r"plt|fig(ure)?|ax(es)?(_\w+)?|panels?(_\w+)?")
MOST_THAT_DRAWS = 0.1


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.path.stem)
def lesson(request) -> Lesson:
    return request.param


def is_folded(cell) -> bool:
    return FOLDED in cell.metadata.get("tags", [])


def lines_of(source: str) -> set[int]:
    """The numbers of lines with code on them."""
    lines = enumerate(source.splitlines(), start=1)
    return {number for number, line in lines if line.strip() and not line.strip().startswith("#")}


def drawing_lines(source: str) -> set[int]:
    """The lines of statements that draw: those that name a figure, or a panel of one."""
    tree, panels = ast.parse(source), set()
    for node in ast.walk(tree):
        # left, right = plt.subplots(1, 2)[1]
        if isinstance(node, ast.Assign) and "subplots(" in ast.unparse(node.value):
            panels |= {
                part.id
                for target in node.targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name)
            }
    return {
        number
        for statement in ast.walk(tree)
        if isinstance(statement, ast.stmt)
        and not isinstance(statement, (ast.Import, ast.ImportFrom))
        and any(
            isinstance(part, ast.Name) and (part.id in panels or PLOTTING.fullmatch(part.id))
            for part in _own_parts(statement)
        )
        for number in _own_lines(statement)
    }


def _own_parts(statement: ast.stmt):
    """What a statement says itself: of a loop its header, not its body."""
    bodies = {id(child) for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)}
    for child in ast.iter_child_nodes(statement):
        if id(child) not in bodies:
            yield from ast.walk(child)


def _own_lines(statement: ast.stmt) -> range:
    body = getattr(statement, "body", None)
    end = body[0].lineno - 1 if body else statement.end_lineno
    return range(statement.lineno, max(end, statement.lineno) + 1)


def test_lines_that_draw_are_found():
    source = """
import matplotlib.pyplot as plt
figure, (left, right) = plt.subplots(
    1, 2
)
for panel, x in zip((left, right), xs):
    y = x + 1
    panel.plot(y)
draw_image(left, y)
print(y)
plt.show()
"""
    assert drawing_lines(source) == {3, 4, 5, 6, 8, 9, 11}


def test_hardly_a_visible_line_draws(lesson):
    visible = [cell for cell in lesson.code_cells if not is_folded(cell)]
    lines = sum(len(lines_of(cell.source)) for cell in visible)
    draw = sum(len(drawing_lines(cell.source) & lines_of(cell.source)) for cell in visible)
    assert draw <= MOST_THAT_DRAWS * lines, f"{draw} of {lines} visible lines draw"


def test_nothing_is_folded_that_a_reader_needs(lesson):
    """A folded cell draws; it holds no exercise, question, check or assertion."""
    for cell in filter(is_folded, lesson.code_cells):
        assert drawing_lines(cell.source), cell.id
        assert not re.search(
            r"\bcheck\.|### BEGIN SOLUTION|^ *assert ", cell.source, re.MULTILINE
        ), cell.id


def test_a_readers_function_is_seen_at_work(lesson):
    """After each check the lesson goes on with the checked function, if it is right."""
    sources = [cell.source for cell in lesson.code_cells]
    for number, source in enumerate(sources):
        if match := CHECK.fullmatch(source):
            name, function = match[1], source[source.index("(") + 1 : -1]
            if name not in ("hint", "predict"):
                later = "\n".join(sources[number + 1 :])
                assert f"check.{name}.working({function})" in later, name


MOST_WORDS = 3000
MOST_MINUTES = 90


def test_a_lesson_is_read_in_one_sitting(lesson):
    """Optional parts and folded answers apart."""
    text, optional = [], 0
    for cell in lesson.cells:
        heading = re.match(r"(#+) ", cell.source) if cell.cell_type == "markdown" else None
        if heading and optional and len(heading[1]) <= optional:
            optional = 0
        if heading and OPTIONAL in cell.metadata.get("tags", []):
            optional = len(heading[1])
        if cell.cell_type == "markdown" and not optional:
            text.append(re.sub(r"<details>.*?</details>", "", cell.source, flags=re.DOTALL))
    words = sum(len(part.split()) for part in text)
    assert words <= MOST_WORDS, f"{words} words"
    minutes, _ = session_minutes(lesson.number)
    assert minutes <= MOST_MINUTES, f"{minutes} minutes"


def test_an_optional_part_says_so(lesson):
    """In its heading, which is folded, and in the header's list."""
    tagged = {
        cell.source.splitlines()[0].removeprefix("# ")
        for cell in lesson.cells
        if OPTIONAL in cell.metadata.get("tags", [])
    }
    titles = {part.title for part in lesson.parts}
    assert {title for title in titles if title.endswith(OPTIONAL_PART)} == tagged & titles
    assert all(title.endswith(OPTIONAL_PART) for title in tagged)
