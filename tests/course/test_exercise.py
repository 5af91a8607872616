import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from mrcnn_lite.course.exercise import CheckFailedError, Exercise

double = Exercise(
    name="double",
    reference=lambda x: 2 * x,
    cases={"3 numbers": (torch.tensor([1.0, 2.0, 4.0]),), "a number": (torch.tensor(3.0),)},
    mistakes={"you square": lambda x: x * x},
    hints=("a", "b", "c"),
)


def test_right_answers_of_any_type(capsys):
    for function in (
        lambda x: x + x,
        lambda x: (x + x).numpy(),
        lambda x: (x + x).tolist(),
        lambda x: x.add_(x),
    ):
        verdict = double.verdict(function)
        assert verdict.passed
        assert verdict.message == "✓ double: right on all 2 inputs."
    assert double(lambda x: 2 * x) is None
    assert capsys.readouterr().out == "✓ double: right on all 2 inputs.\n"


def test_a_failed_check_raises_the_verdict(capsys):
    with pytest.raises(CheckFailedError) as failure:
        double(not_written)
    assert isinstance(failure.value, AssertionError)
    assert str(failure.value) == "✗ double: not written yet."
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_one_line_and_its_cell_fails():
    notebook = new_notebook(
        cells=[
            new_code_cell("from mrcnn_lite import check\ndef mine(*arguments): return 1 / 0"),
            new_code_cell("check.count_anchors(mine)"),
        ]
    )
    # As nbval, nbgrader and `python -m mrcnn_lite.course.notebooks` run a lesson.
    with pytest.raises(CellExecutionError, match="✗ count_anchors"):
        NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[1].outputs
    assert output.output_type == "error"
    assert output.ename == "CheckFailedError"
    (line,) = output.traceback
    assert line.startswith("✗ count_anchors: on ")
    assert "\n" not in line


def not_written(x):
    raise NotImplementedError


def fails(x):
    y = [1]
    return y[7]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (not_written, "not written yet."),
        (lambda x: None, "not written yet (it returns None)."),
        (lambda x: x**2, "you square."),
        (lambda x: x + 1, "wrong on 2 of 2 inputs. On 3 numbers, 2 of 3 numbers differ, first [1]"),
        (lambda x: x.sum(), "On 3 numbers, expected the shape [3], got []."),
        (lambda x: "text", "expected numbers, got str"),
        (lambda x: None if x.dim() else 2 * x, "On 3 numbers, it returns None."),
        (lambda: 1, "on 3 numbers it raised TypeError"),
        (fails, "it raised IndexError: list index out of range (at `return y[7]`)."),
        (3, "expected the function itself, got int; write check.double(your_function)"),
    ],
)
def test_wrong_answers(function, expected):
    verdict = double.verdict(function)
    assert not verdict.passed
    assert expected in verdict.message
    assert verdict.message.startswith("✗ double: ")


def test_the_right_number_is_never_shown():
    secret = Exercise(
        name="secret",
        reference=lambda x: x + 30.25,
        cases={"numbers": (np.array([1.0, 2.0]),), "a number": (np.array(1.0),)},
        mistakes={"a mistake": lambda x: x - 30.25},
        hints=("a", "b", "c"),
    )
    for function in (np.sum, np.sqrt, lambda x: x - 30.25, lambda x: x.tolist()):
        assert not {"31.25", "32.25"} & set(secret.verdict(function).message.split())


def test_a_single_number_and_tuples():
    both = Exercise(
        name="both",
        reference=lambda x: (x, np.array([x, x])),
        cases={"a number": (1.5,)},
        mistakes={},
        hints=("a", "b", "c"),
    )
    assert both.verdict(lambda x: [x, [x, x]]).passed
    assert "expected 2 values, got a tuple of 3" in both.verdict(lambda x: (x, x, x)).message
    assert "value 2 of 2: expected the shape [2]" in both.verdict(lambda x: (x, x)).message
    assert "value 1 of 2: the result 7 is not right" in both.verdict(lambda x: (7, x)).message


def test_no_number_is_right_only_where_it_is_expected():
    divide = Exercise(
        name="divide",
        reference=lambda x: x / x,
        cases={"numbers": (torch.tensor([0.0, 2.0]),)},
        mistakes={},
        hints=("a", "b", "c"),
    )
    assert divide.verdict(lambda x: x / x).passed
    assert not divide.verdict(lambda x: x / 0).passed
