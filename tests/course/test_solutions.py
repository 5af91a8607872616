"""Every exercise of every lesson: the lesson's own solution passes, and its stub says so."""

import re

import pytest

from mrcnn_lite import check
from tests.course.lesson import LESSONS

# The lesson, the exercise, and the reader's function, as the lesson's check cell has them.
EXERCISES = [
    pytest.param(lesson.path.stem, *called, id=called[0])
    for lesson in LESSONS
    for cell in lesson.check_cells
    for called in [re.fullmatch(r"check\.(\w+)\((\w+)\)", cell.source).groups()]
]


@pytest.mark.parametrize(("lesson", "name", "function"), EXERCISES)
def test_the_lessons_solution_passes(functions_of, lesson, name, function):
    verdict = check.EXERCISES[name].verdict(functions_of(lesson)[function])
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(("lesson", "name", "function"), EXERCISES)
def test_a_stub_is_not_written_yet(functions_of, lesson, name, function):
    verdict = check.EXERCISES[name].verdict(functions_of(lesson, solved=False)[function])
    assert "not written yet" in verdict.message
