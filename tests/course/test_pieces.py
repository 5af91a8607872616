import ast

import nbformat
import pytest

from mrcnn_lite import check
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.lessons import number_of
from mrcnn_lite.course.pieces import definitions_of, own_piece
from tests.course.lesson import LESSONS

double = Exercise(
    name="double",
    reference=lambda x: 2 * x,
    cases={"the number 3": (3.0,), "the number 5": (5.0,)},
    mistakes={"you square": lambda x: x * x},
    hints=("a", "b", "c"),
)


@pytest.fixture
def lesson(tmp_path):
    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        path = tmp_path / "04_doubling.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def test_definitions_are_read_and_nothing_else_runs(lesson):
    path = lesson("import math\nraise SystemExit", "def f(x):\n    return math.floor(x)\n\n\n1 / 0")
    assert definitions_of(path)["f"](2.5) == 2


def test_constants_beside_a_function_go_with_it(lesson):
    """They passed the check in their own lesson; in lesson 11 they were not there."""
    path = lesson(
        "HALF, TWICE = 1 / 2, -(-2)\nSCALE: float = 2 * HALF\nSIZES = [HALF, (1, {'a': 2})]",
        "def f(x, y=SCALE):\n    return HALF * x + y * TWICE",
    )
    assert definitions_of(path)["f"](3.0) == 3.5
    assert definitions_of(path)["SIZES"] == [0.5, (1, {"a": 2})]


def test_what_is_computed_is_left_out_with_what_needs_it(lesson, capsys):
    path = lesson(
        "size = open('no file')\nhalf = size / 2\n\ndef draw(x, s=size):\n    return x",
        "def my_double(x):\n    return 2 * x + half - half",
        "def g(x):\n    return x",
    )
    assert definitions_of(path)["g"](7) == 7
    assert "draw" not in definitions_of(path)
    assert own_piece(path, "my_double", double) is double.reference
    assert "name 'half' is not defined" in capsys.readouterr().out


def test_a_right_function_is_the_readers(lesson, capsys):
    path = lesson("def my_double(x):\n    return x * 2")
    assert own_piece(path, "my_double", double)(4) == 8
    assert capsys.readouterr().out == "my_double: yours, from lesson 04\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def my_double(x):\n    return x * x", "you square"),
        ("def my_double(x):\n    raise NotImplementedError", "not written yet"),
        ("def other(x):\n    return x", "expected the function itself"),
        ("def my_double(x:\n    return 2 * x", "lesson 04 has an error"),
    ],
)
def test_otherwise_it_is_the_packages_and_the_reason_is_said(lesson, capsys, source, reason):
    assert own_piece(lesson(source), "my_double", double) is double.reference
    printed = capsys.readouterr().out
    assert printed.startswith("my_double: the package's")
    assert reason in printed


@pytest.mark.parametrize(
    "source",
    [
        "from operator import neg as my_double",
        "from operator import neg\n\nmy_double = neg",
        "def my_double(x):\n    return 2 * x\n\n\nfrom operator import neg as my_double",
    ],
)
def test_what_a_lesson_only_imports_is_not_the_readers(lesson, capsys, source):
    negate = Exercise(
        name="negate",
        reference=lambda x: -x,
        cases={"the number 3": (3.0,)},
        mistakes={"you square": lambda x: x * x},
        hints=("a", "b", "c"),
    )
    assert own_piece(lesson(source), "my_double", negate) is negate.reference
    said = "my_double: the package's, which lesson 04 only imports\n"
    assert capsys.readouterr().out == said


def test_a_function_beside_imports_is_the_readers(lesson, capsys):
    path = lesson("from operator import mul", "def my_double(x):\n    return mul(2, x)")
    assert own_piece(path, "my_double", double)(4) == 8
    assert capsys.readouterr().out == "my_double: yours, from lesson 04\n"


@pytest.mark.parametrize("taker", ["11", "11b"])
def test_what_a_lesson_takes_from_another_was_an_exercise_there(taker):
    """`roi_pool` of lesson 02 is the package's; what readers write there is `my_roi_pool`."""
    by_number = {lesson.number: lesson for lesson in LESSONS}
    taken = []
    namespace = {
        **{"check": check, "pieces": {}},
        "own_piece": lambda lesson, name, exercise: taken.append((lesson, name)),
    }
    for cell in by_number[taker].code_cells:
        if "own_piece(" in cell.source:
            # The calls, and the tables that they go through.
            for node in ast.parse(cell.source).body:
                table = isinstance(node, ast.Assign) and node.targets[0].id.isupper()
                if table or "own_piece(" in ast.unparse(node):
                    exec(ast.unparse(node), namespace)
    assert len(taken) >= 11
    for lesson, name in taken:
        assert name in by_number[number_of(lesson)].readers_functions, (lesson, name)


def test_a_lesson_that_is_not_there_is_named(tmp_path, capsys):
    missing = tmp_path / "04_doubling.ipynb"
    assert own_piece(missing, "my_double", double) is double.reference
    printed = capsys.readouterr().out
    assert printed.startswith("my_double: the package's; ")
    assert "04_doubling.ipynb, which is not beside this lesson" in printed


def test_a_lesson_that_is_no_notebook_is_named(tmp_path, capsys):
    path = tmp_path / "04_doubling.ipynb"
    path.write_text("half of a", encoding="utf-8")
    assert own_piece(path, "my_double", double) is double.reference
    assert f"{path} cannot be read as a notebook" in capsys.readouterr().out
