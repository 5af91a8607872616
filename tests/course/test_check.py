import subprocess
import sys

import pytest

from mrcnn_lite import check
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.results import result_of


@pytest.fixture(params=check.EXERCISES.values(), ids=lambda exercise: exercise.name)
def exercise(request) -> Exercise:
    return request.param


def test_is_called_as_it_is_named(exercise):
    assert getattr(check, exercise.name) is exercise


def test_reference_passes(exercise):
    assert exercise.verdict(exercise.reference).passed


def test_every_known_mistake_is_named(exercise):
    """A fixture too symmetric to tell a mistake from the truth, or from another, fails here."""
    for mistake, variant in exercise.mistakes.items():
        verdict = exercise.verdict(variant)
        assert not verdict.passed
        assert mistake in verdict.message
        # Where it raises, that is the mistake; but a variant that does nothing else is broken.
        results = [result_of(variant, arguments) for arguments in exercise.cases.values()]
        assert not all(isinstance(result, Exception) for result in results)


def test_hints_grow_franker(exercise, capsys, monkeypatch):
    monkeypatch.setattr(check, "_hints_given", {})
    assert len(exercise.hints) == 3
    for number in (1, 2, 3, 3):
        check.hint(exercise.name)
        printed = capsys.readouterr().out
        assert printed == f"Hint {number} of 3: {exercise.hints[number - 1]}\n"


def test_hint_for_nothing():
    with pytest.raises(ValueError, match="no exercise is called 'nms2'; there are count_anchors"):
        check.hint("nms2")


def test_the_package_is_imported_without_the_checks():
    """The command line's --help should not wait for PyTorch."""
    program = "import mrcnn_lite, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
