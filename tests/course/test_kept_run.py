"""Lesson 11 keeps its training: interrupted and run again, its cell goes on and says the same."""

import os
import re
import signal

import pytest

from mrcnn_lite import check
from mrcnn_lite.engine.interrupt import StoppedBySignal
from mrcnn_lite.files import NOTEBOOKS
from tests.course.lesson import LESSONS
from tests.course.test_assembly import NAMES

LESSON = next(lesson for lesson in LESSONS if lesson.number == "11")
SOURCES = {cell.id: cell.source for cell in LESSON.code_cells}
# The cell that trains, with three steps of its 720.
(TRAINING,) = (source for source in SOURCES.values() if "resume=True" in source)
STEPS = 3
SHORT = re.sub(r"steps=\d+", f"steps={STEPS}", TRAINING)


@pytest.fixture
def namespace():
    names = {"pieces": {name: check.EXERCISES[name].reference for name in NAMES}}
    exec(LESSON.code_cells[0].source, names)
    names["model_config"] = names["mini_config"](7, box_batch_size_per_image=16)
    return names


def losses(namespace) -> list[float]:
    return [record["loss"] for record in namespace["records"]]


def test_an_interrupted_training_goes_on(namespace, tmp_path, monkeypatch, capsys):
    others = tmp_path / "interrupted" / "runs" / "lesson_11" / "notes.txt"
    others.parent.mkdir(parents=True)
    others.write_text("mine", encoding="utf-8")
    (tmp_path / "at_once").mkdir()

    monkeypatch.chdir(tmp_path / "interrupted")
    box_loss, calls = namespace["pieces"]["box_loss"], []

    def interrupting(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return box_loss(*arguments)

    namespace["pieces"]["box_loss"] = interrupting
    with pytest.raises(StoppedBySignal):
        exec(SHORT, namespace)
    namespace["pieces"]["box_loss"] = box_loss
    capsys.readouterr()
    exec(SHORT, namespace)
    resumed, went_on = losses(namespace), capsys.readouterr().out
    exec(SHORT, namespace)
    assert capsys.readouterr().out == went_on  # it is only loaded
    assert losses(namespace) == resumed
    assert others.read_text(encoding="utf-8") == "mine"

    monkeypatch.chdir(tmp_path / "at_once")
    exec(SHORT, namespace)
    assert losses(namespace) == resumed
    assert capsys.readouterr().out.startswith(f"{STEPS} steps in ")


def test_the_run_is_not_committed():
    ignored = (NOTEBOOKS.parent / ".gitignore").read_text("utf-8").splitlines()
    (folder,) = re.findall(r"Path\(\"(\w+)\", \"lesson_11\"\)", TRAINING)
    assert f"{folder}/" in ignored
