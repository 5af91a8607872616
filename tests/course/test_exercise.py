from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from mrcnn_lite.course import exercise
from mrcnn_lite.course.exercise import CheckFailedError, Exercise
from mrcnn_lite.course.naming import both_at_once
from mrcnn_lite.course.results import with_arguments

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


def test_a_lesson_goes_on_with_the_learners_function_if_it_is_right(capsys):
    def right(x):
        return x + x

    assert double.working(right) is right
    assert capsys.readouterr().out == "double: yours\n"
    for wrong in (lambda x: x, lambda: 1, None):
        assert double.working(wrong) is double.reference
        assert capsys.readouterr().out == "double: the package's, until yours is right\n"


def test_a_lesson_goes_on_with_what_the_check_has_passed(monkeypatch):
    def constant(x):
        return loss.reference(x).detach()

    monkeypatch.setattr(exercise, "find_repair", None)  # nobody is told why
    assert loss.working(loss.reference) is loss.reference
    assert loss.working(constant) is loss.reference
    assert double.working(lambda x: x**2) is double.reference


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
        (
            lambda x: x + 1,
            "wrong on 2 of 2 inputs. On 3 numbers ([1, 2, 4]), 2 of 3 numbers differ, first [1]",
        ),
        (lambda x: x.sum(), "On 3 numbers ([1, 2, 4]), expected the shape [3], got []."),
        (lambda x: "text", "expected numbers, got str"),
        (lambda x: None if x.dim() else 2 * x, "On 3 numbers ([1, 2, 4]), it returns None."),
        (lambda: 1, "on 3 numbers ([1, 2, 4]) it raised TypeError"),
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


def test_a_list_of_losses_that_want_gradients_is_compared():
    losses = Exercise(
        name="losses",
        reference=lambda x: [x, 2 * x],
        cases={"a number": (1.0,), "another": (3.0,)},
        mistakes={"you forgot to double": lambda x: [x, x]},
        hints=("", "", ""),
    )

    def as_tensors(numbers):
        return [torch.tensor(number, requires_grad=True) for number in numbers]

    assert losses.verdict(lambda x: as_tensors([x, 2 * x])).passed
    assert "you forgot to double" in losses.verdict(lambda x: as_tensors([x, x])).message


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


def power(x, *, exponent=1, factor=2, shift=0):
    return factor * x**exponent + shift


several = Exercise(
    name="several",
    reference=power,
    cases={"2": (2.0,), "the next one": (3.0,), "the one after": (5.0,), "7": (7.0,), "1": (1.0,)},
    mistakes={
        "you square": partial(power, exponent=2),
        "you take three times": partial(power, factor=3),
        "you add one": partial(power, shift=1),
        "you add one, after all": lambda x: 2 * x + 1,
    },
    hints=("a", "b", "c"),
)


def test_a_mistake_is_named_input_by_input():
    """A check that compares on all inputs at once says nothing of it."""
    message = several.verdict(lambda x: 2 * x * x if x > 2 else 7 * x).message
    assert "wrong on 5 of 5 inputs. On 3 of them this may be why: you square. On 2, " in message
    # What is right where the learner is comes first.
    message = several.verdict(lambda x: 2 * x * x if x < 5 else 2 * x).message
    assert message.endswith("wrong on 2 of 5 inputs. On 2 of them this may be why: you square.")


def test_a_chance_agreement_is_not_named():
    message = several.verdict(lambda x: 2 * x * x if x == 3 else 99).message
    assert "wrong on 5 of 5 inputs. On 2, " in message


def test_two_mistakes_on_different_inputs():
    message = several.verdict(lambda x: 2 * x * x if x > 2 else 3 * x).message
    assert "On 3 of them this may be why: you square. On 2 of them" in message
    assert message.endswith("this may be why: you take three times.")


def test_two_mistakes_at_once():
    message = several.verdict(lambda x: 3 * x * x).message
    assert message == "✗ several: two mistakes at once: (1) you square; (2) you take three times."


def test_an_error_on_one_input_hides_no_mistake_on_the_others():
    def raises_for_7(x):
        if x == 7:
            raise ValueError("seven")
        return 2 * x + 1

    message = several.verdict(raises_for_7).message
    assert "On 4 of them this may be why: you add one. On 7, it raised ValueError: seven" in message


def test_a_mistake_in_one_value_of_several():
    point = Exercise(
        name="point",
        reference=lambda x, y: (2 * x, 2 * y),
        cases={"1": (3.0, 5.0), "2": (4.0, 7.0)},
        mistakes={"you square": lambda x, y: (x * x, y * y)},
        hints=("a", "b", "c"),
    )
    message = point.verdict(lambda x, y: (2 * x, y * y)).message
    assert message.endswith("On 2 of them this may be why: you square.")
    for of_another_shape in (lambda x, y: [[x * x], [y * y]], lambda x, y: x * x):
        assert "you square" not in point.verdict(of_another_shape).message


def test_a_factor_is_named_if_two_numbers_say_so():
    message = double.verdict(lambda x: x / 4).message
    assert "On 2 of them this may be why: what is wrong is so by a factor" in message
    assert "factor" not in double.verdict(lambda x: x * 0).message
    one_number = replace(double, cases={"a number": (torch.tensor(3.0),)})
    assert "factor" not in one_number.verdict(lambda x: x).message


def test_variants_go_together_if_they_do_not_set_the_same():
    inner, other = partial(power, exponent=2), partial(power, factor=3)
    both = both_at_once(partial(map, func=inner), partial(map, func=other))
    assert both.keywords["func"](4.0) == 48
    assert both_at_once(inner, partial(power, exponent=3)) is None
    assert both_at_once(inner, several.mistakes["you add one, after all"]) is None
    assert both_at_once(inner, partial(pow, exp=3)) is None


def test_arguments_are_printed_if_they_are_small_and_not_said():
    message = several.verdict(lambda x: 99).message
    assert "On 2, the result 99" in message
    message = several.verdict(lambda x: 99 if x == 3 else 2 * x).message
    assert "On the next one (3), the result 99" in message
    large = replace(double, cases={"many numbers": (torch.arange(99.0),)})
    assert "On many numbers, 99 of" in large.verdict(lambda x: x - 1).message
    box = with_arguments("a box", ((1.5, 2.0), torch.tensor([[3, 4]]), True))
    assert box == "a box ((1.5, 2), [[3, 4]], True)"


loss = Exercise(
    name="loss",
    reference=lambda x: (x**2).sum(),
    cases={"2 numbers": (torch.tensor([1.0, 2.0]),), "no numbers": (torch.zeros(0),)},
    mistakes={},
    hints=("a", "b", "c"),
    trained=0,
)


def changes_its_argument(x):
    x[x < 0] = 0
    return (x * x).sum()


def test_a_loss_needs_its_gradient():
    assert loss.verdict(lambda x: (x * x).sum()).passed
    assert loss.verdict(changes_its_argument).passed
    for constant in (
        lambda x: torch.tensor(0.0) if len(x) == 0 else (x**2).sum(),
        lambda x: 0.0 if len(x) == 0 else (x**2).sum(),
    ):
        assert "on no numbers the number is right, but it is a constant" in (
            loss.verdict(constant).message
        )
    for constant in (lambda x: (x**2).sum().item(), lambda x: (x.detach() ** 2).sum()):
        assert "on 2 numbers the number is right, but it is a constant" in (
            loss.verdict(constant).message
        )
    message = loss.verdict(lambda x: (x * x.detach()).sum()).message
    assert "its gradient is not" in message
    assert (
        "with gradients on, it raised RuntimeError"
        in loss.verdict(lambda x: torch.as_tensor((x.numpy() ** 2).sum())).message
    )
