"""Minutes of sessions are the sums of the parts' own, in the instructors' syllabus too."""

import re

import pytest

from mrcnn_lite.course.minutes import main, session_minutes
from mrcnn_lite.errors import InputError
from tests.course.lesson import LESSONS
from tests.project import ROOT

pytestmark = pytest.mark.once

GUIDE = (ROOT / "docs" / "instructor.md").read_text("utf-8")
ROW = re.compile(r"^\| \d+ \| (\d\d[a-z]?\b.*?) \| (\d+) \| (\d+) \|", re.MULTILINE)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_a_whole_lesson_takes_what_its_header_says(lesson):
    stated = re.search(r"\*\*Time:\*\* (\d+) minutes in \w+ parts?, (\d+) of", lesson.header)
    assert session_minutes(lesson.number) == (int(stated[1]), int(stated[2]))


def test_parts_and_lessons_to_read():
    a, b, c = LESSONS[0].parts
    exercises = b.exercises + c.exercises
    assert session_minutes("00 parts B and C") == (b.reading + c.reading + exercises, exercises)
    assert session_minutes("00 part A to read") == (a.reading, 0)
    one, other = session_minutes("00 parts A, B and C"), session_minutes("02")
    assert session_minutes("00; 02") == session_minutes("00, 02") == session_minutes("02, 00")
    assert session_minutes("00; 02") == (one[0] + other[0], one[1] + other[1])


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        ("", "expected lessons as"),
        ("1", "expected lessons as"),
        ("01 and 02", "expected lessons as"),
        ("00 part X", "lesson 00 has the parts A, B, C, and no X"),
        ("17", "no lesson 17"),
    ],
)
def test_what_cannot_be_added_up_is_refused(session, reason, capsys):
    with pytest.raises(InputError, match=reason):
        session_minutes(session)
    assert main([session]) == 1
    assert reason in capsys.readouterr().err


def test_sessions_and_their_sum_are_printed(capsys):
    (first, first_exercises), (second, second_exercises) = map(session_minutes, ("00", "02 part A"))
    assert main(["00", "02 part A"]) == 0
    assert capsys.readouterr().out == (
        f"00: {first} minutes, {first_exercises} of them exercises\n"
        f"02 part A: {second} minutes, {second_exercises} of them exercises\n"
        f"all: {first + second} minutes, {first_exercises + second_exercises} of them exercises\n"
    )


def test_the_syllabus_adds_up():
    rows = ROW.findall(GUIDE[GUIDE.index("## Syllabus") : GUIDE.index("## How a lesson teaches")])
    assert len(rows) == 3 + 6 + 11
    for session, minutes, exercises in rows:
        assert session_minutes(session) == (int(minutes), int(exercises)), session
    minutes = [int(minutes) for _, minutes, _ in rows]
    assert f"takes between {min(minutes)} and {max(minutes)} minutes" in GUIDE
