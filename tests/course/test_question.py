import re
from pathlib import Path

import nbformat
import pytest

from mrcnn_lite import check
from mrcnn_lite.course.question import Question

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
ASKED = re.compile(r'check\.predict\("(\w+)", "(.*)"\)')


@pytest.fixture(params=check.QUESTIONS.values(), ids=lambda question: question.name)
def question(request) -> Question:
    return request.param


def lesson_sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_one_choice_is_right(question):
    assert [choice.right for choice in question.choices].count(True) == 1
    assert len(question.choices) >= 3


def test_every_choice_has_its_own_reply(question):
    replies = [question.respond(letter) for letter in question.lettered]
    assert len(set(replies)) == len(replies)
    for letter, choice in question.lettered.items():
        assert question.respond(letter).startswith("✓" if choice.right else "✗")
        assert choice.reply in question.respond(letter.upper())


def test_no_wrong_reply_gives_the_answer(question):
    (right,) = (choice for choice in question.choices if choice.right)
    for choice in question.choices:
        if not choice.right:
            assert right.text not in choice.reply
            assert right.reply not in choice.reply


def test_the_question_is_printed_without_a_reply(question, capsys):
    check.predict(question.name, "?")
    printed = capsys.readouterr().out
    assert question.text in printed
    for choice in question.choices:
        assert choice.text in printed
        assert choice.reply not in printed


def test_other_answers_are_refused(question):
    assert "expected one of the letters a, b, c" in question.respond("z")
    assert "got 4" in question.respond(4)


def test_question_that_is_not_there():
    with pytest.raises(ValueError, match="no question is called 'why'"):
        check.predict("why", "a")


def test_lessons_ask_every_question_once_and_leave_it_unanswered():
    asked = [
        match.groups()
        for path in FOLDER.glob("*.ipynb")
        for source in lesson_sources(path)
        for match in ASKED.finditer(source)
    ]
    assert sorted(name for name, _ in asked) == sorted(check.QUESTIONS)
    assert {answer for _, answer in asked} <= {"?"}
