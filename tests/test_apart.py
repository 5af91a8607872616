"""A benchmark's subjects in processes of their own: questions, variables, and how they end."""

import os
import signal
import sys

import pytest
from apart import Apart, EndedError

WORD = "MRCNN_LITE_TEST_WORD"


class Subject:
    def __init__(self, number):
        if number < 0:
            raise ValueError(number)
        self.number = number

    def add(self, other):
        return self.number + other, os.environ[WORD]

    def leave(self, status):
        os._exit(status)

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)


def start(number=1):
    return Apart(Subject, number, variables={WORD: "kept"})


def test_a_subject_answers_with_variables_of_its_own():
    with start(1) as one, start(10) as ten:
        assert (one.ask("add", 2), ten.ask("add", 2)) == ((3, "kept"), (12, "kept"))
        assert one.ask("add", 3) == (4, "kept")
    assert WORD not in os.environ


def test_how_a_process_ended_is_told_and_others_go_on(capfd):
    with start() as lost, start() as other:
        for _ in range(2):
            with pytest.raises(EndedError, match="exit status 7"):
                lost.ask("leave", 7)
        assert other.ask("add", 1) == (2, "kept")
    with pytest.raises(EndedError, match="exit status 1"):
        start(-1)
    assert "ValueError: -1" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that end a process")
def test_a_signal_is_told_by_its_name():
    with start() as lost, pytest.raises(EndedError, match="SIGKILL"):
        lost.ask("kill")
