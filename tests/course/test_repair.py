"""The one place that is to be changed is found in functions of every way of being nearly right."""

import math

import pytest

from mrcnn_lite.course import repair
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.repair import find_repair
from tests.course.lesson import define

SOURCE = """
def cells(box, stride):
    x1, y1, x2, y2 = box
    rows = math.ceil(y2 / stride) - y1 // stride
    columns = math.ceil(x2 / stride) - math.floor(x1 / stride)
    return rows, columns + 0.5, max(rows, columns) / 2
"""


def written(source):
    """The function of a source, which knows it as one of a notebook does."""
    namespace = {"math": math}
    define(source, namespace)
    return namespace["cells"]


CASES = [((3.0, 18.0, 41.0, 90.0), 8), ((10.0, 4.0, 77.0, 45.0), 16), ((5, 9, 6, 11), 4)]
RIGHT = [written(SOURCE)(*case) for case in CASES]


def is_right(function):
    try:
        return all(function(*case) == right for case, right in zip(CASES, RIGHT))
    except Exception:
        return False


@pytest.mark.parametrize(
    ("old", "new", "kind", "place"),
    [
        (
            "math.ceil(x2",
            "math.floor(x2",
            "the rounding is not right at",
            "math.floor(x2 / stride)",
        ),
        ("- y1 // stride", "- -(-y1 // stride)", "the rounding is not right at", "-y1 // stride"),
        ("x1, y1, x2, y2 =", "y1, x1, y2, x2 =", "x and y are mixed up at", "y1, x1, y2, x2"),
        ("max(rows, columns)", "max(rows, rows)", "x and y are mixed up here:", "rows"),
        ("return rows", "return rows - 1", "it is off by one at", "rows"),
        ("columns + 0.5", "columns", "it is off by a half at", "columns"),
        (" / 2", "", "it is off by a factor of two at", "max(rows, columns)"),
        ("max(", "min(", "a limit is not on the right side at", "min(rows, columns)"),
        (
            ") - math",
            ") + math",
            "the operation is not the right one at",
            "math.ceil(x2 / stride) +",
        ),
        (
            "math.ceil(y2 / stride)",
            "math.ceil(y2)",
            "an argument of the function is missing at",
            "y2",
        ),
    ],
)
def test_the_one_place_is_found_and_its_kind(old, new, kind, place):
    assert SOURCE.count(old) == 1
    said = find_repair(written(SOURCE.replace(old, new)), is_right)
    assert said.startswith(f"all is right but for one place: {kind} `{place}"), said


WITHOUT_THE_HALF = SOURCE.replace("columns + 0.5", "columns")


def test_two_places_are_not_one():
    two = WITHOUT_THE_HALF.replace("return rows", "return rows - 1")
    assert find_repair(written(two), is_right) is None


def needs_a_variable():
    outside = 1

    def closure(box, stride):
        return outside

    return closure


def ends_some_day(box, stride):
    while stride < 0:
        stride += 1
    return stride


def test_what_cannot_be_tried_is_left_alone():
    namespace = {}
    exec("def no_source(box, stride):\n    return 1", namespace)
    for function in (namespace["no_source"], needs_a_variable(), ends_some_day, lambda b, s: b):
        assert find_repair(function, lambda changed: True) is None, function


def test_the_search_ends(monkeypatch):
    monkeypatch.setattr(repair, "_PATIENCE", 0.0)
    assert find_repair(written(WITHOUT_THE_HALF), is_right) is None


def speaks(x):
    print("looking at", x)
    return x / 2


def test_a_check_says_where_once(capsys):
    double = Exercise(
        name="double",
        reference=lambda x: x * 2,
        cases={"a number": (3.0,), "another": (5.0,)},
        mistakes={"you square": lambda x: x**2},
        hints=("", "", ""),
    )
    verdict = double.verdict(speaks)
    assert not verdict.passed
    assert "the operation is not the right one at `x / 2`" in verdict.message
    assert capsys.readouterr().out.count("looking") == len(double.cases)
    assert "you square" in double.verdict(lambda x: x**2).message
