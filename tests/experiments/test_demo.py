"""Where a demo writes: what is in its folder and not its own stays there."""

import json
import os

import pytest

from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments import demo
from tests.engine import children

NUMBERS = {"bbox": {}, "segm": {}, "train_seconds": 1.0, "num_scenes": 200}


class BeganToTrainError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    def train(*_arguments, **_options):
        raise BeganToTrainError

    monkeypatch.setattr(demo, "train", train)


def finish(folder, numbers=NUMBERS) -> None:
    """Leave what a finished demo leaves."""
    children.train_tiny(folder, steps=2, keep_checkpoints=1)
    for name in ("detections.png", "losses.png"):
        (folder / name).touch()
    (folder / "metrics.json").write_text(json.dumps(numbers), encoding="utf-8")


@pytest.mark.parametrize("number", [1, 3])
def test_only_its_own_files_are_moved_aside(tmp_path, number):
    for k in range(1, number):
        (tmp_path / f"demo.{k}").touch()
    out = tmp_path / "demo"
    finish(out)
    own = set(os.listdir(out))
    (out / "photos").mkdir()
    others = {"notes.txt", ".anything.tmp", "checkpoint-best.pt"}
    for name in others:
        (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(BeganToTrainError):
        demo.run_demo(out)
    assert set(os.listdir(out)) == {*others, "photos"}
    assert set(os.listdir(tmp_path / f"demo.{number}")) == own


def test_the_current_folder_can_be_a_demos(tmp_path, monkeypatch):
    finish(tmp_path / "demo")
    monkeypatch.chdir(tmp_path / "demo")
    with pytest.raises(BeganToTrainError):
        demo.run_demo(demo.Path())
    assert (tmp_path / "demo.1" / "metrics.json").exists()


@pytest.mark.parametrize("name", ["metrics.json", "detections.png", "losses.png", "config.json"])
def test_a_folder_with_somebody_elses_file_of_that_name_is_refused(tmp_path, name):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name} is there already, and no run has written it"):
        demo.run_demo(tmp_path / "mine")
    assert os.listdir(tmp_path) == ["mine"]
    assert os.listdir(tmp_path / "mine") == [name]


@pytest.mark.parametrize("numbers", [{"bbox": {}, "segm": {}}, [1], 7])
def test_numbers_that_are_no_demos_are_not_moved(tmp_path, numbers):
    out = tmp_path / "run"
    finish(out, numbers)
    before = set(os.listdir(out))
    with pytest.raises(InputError, match=r"metrics\.json is no demo's"):
        demo.run_demo(out)
    assert os.listdir(tmp_path) == ["run"]
    assert set(os.listdir(out)) == before
