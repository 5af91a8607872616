"""Loading workers change nothing but the time: not the numbers, not the errors, not the end."""

import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from mrcnn_lite.datasets import CocoDataset, export
from mrcnn_lite.engine.checkpoint import checkpoints_in
from mrcnn_lite.engine.evaluate import detect, evaluate
from mrcnn_lite.engine.lock import only_run_in
from mrcnn_lite.engine.sampler import BatchSampler
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from tests.engine import children

# Spawned workers import PyTorch anew; where they can be forked, those are the short version.
METHODS = (
    ["fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spawn", "forkserver"))]
    if "fork" in multiprocessing.get_all_start_methods()
    else ["spawn"]
)
SECONDS = 120  # a process that takes longer never ends


@pytest.fixture(params=METHODS)
def method(request, monkeypatch):
    """How workers start: forked, spawned as on Windows, from a fork server as in Python 3.14."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.fixture
def coco(tmp_path):
    """Scenes in files; one that is seen after the first step is damaged."""
    root = export(children.SCENES, tmp_path / "Übung 1" / "scenes", "train")
    first, *_ = BatchSampler(len(children.SCENES), batch_size=2, steps=3, seed=0, start=0)
    number = min(set(range(2, len(children.SCENES))) - set(first))
    picture = sorted((root / "train").iterdir())[number]
    picture.write_bytes(picture.read_bytes()[:200])
    return root


def options(root) -> list[str]:
    return ["--dataset", "coco", "--root", str(root), "--split", "train", "--batch-size", "2"]


def last_words(process) -> str:
    """What a process said when it ended, without its progress bars."""
    process.join(SECONDS)
    assert process.exitcode == 1, children.log_of(process)
    text = children.log_of(process).replace("\r", "\n")
    assert "Traceback" not in text
    return text.splitlines()[-1]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_damaged_picture_ends_a_command_in_the_same_way(command, method, run_job, coco, tmp_path):
    words = []
    for workers in (0, 1, 2):
        out = tmp_path / str(workers)
        arguments = {
            "train": ["train", "--out", str(out), "--min-size", "64", "--steps", "6"],
            "evaluate": ["evaluate", str(children.WEIGHTS)],
        }[command]
        arguments += [*options(coco), "--workers", str(workers)]
        (process,) = run_job(1, children.give_command, arguments, method)
        words.append(last_words(process))
        if command == "train":
            assert checkpoints_in(out)  # the steps before it are not lost
    assert words[0].startswith(f"mrcnn-lite {command}: cannot read the picture ")
    assert words[0] == words[1] == words[2]


class Scenes(Dataset):
    """The children's scenes; what is made of it does something else when an image is read."""

    dataset = children.SCENES

    def __len__(self):
        return len(self.dataset)

    def __getattr__(self, name):
        return getattr(self.dataset, name)


class Broken(Scenes):
    """A data set with one fault that is no user's."""

    def __init__(self, kill: bool = False):
        self.kill = kill

    def __getitem__(self, index):
        if index == 5 and self.kill:
            os.kill(os.getpid(), children.KILL)
        if index == 5:
            raise ZeroDivisionError("a fault of the program's")
        return self.dataset[index]


def test_fault_of_the_programs_ends_it_too(method, run_job, tmp_path):
    (process,) = run_job(1, children.train_from, Broken(), tmp_path / "run", num_workers=1)
    process.join(SECONDS)
    assert process.exitcode == 1
    assert "a fault of the program's" in children.log_of(process)


def test_killed_worker_is_named(method, tmp_path):
    config = replace(children.CONFIG, num_workers=1)
    with pytest.raises(InputError, match=r"loads images is gone.*fewer --workers"):
        train(children.tiny_model(), Broken(kill=True), config, tmp_path)
    assert not multiprocessing.active_children()


def test_workers_change_no_bit(method, tmp_path):
    """Pictures made on the spot, and pictures in files."""
    files = CocoDataset(export(children.SCENES, tmp_path / "scenes", "train"), "train")
    weights, metrics = [], []
    for workers in (0, 2):
        model = children.tiny_model()
        config = replace(children.CONFIG, num_workers=workers)
        train(model, children.SCENES, config, tmp_path / str(workers))
        weights.append(model.state_dict())
        metrics.append(evaluate(model, files, 2, workers))
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name
    assert metrics[0] == metrics[1]


def test_workers_do_not_outlive_an_evaluation_that_nobody_reads_to_its_end(method):
    images = detect(children.tiny_model(), children.SCENES, 1, num_workers=1)
    next(images)
    assert len(multiprocessing.active_children()) == 1
    images.close()
    assert not multiprocessing.active_children()


def test_worker_of_a_killed_run_does_not_keep_its_folder(run_job, tmp_path):
    out = tmp_path / "run"
    (process,) = run_job(1, children.train_tiny, out, steps=500, num_workers=2)
    while not checkpoints_in(out):
        assert process.is_alive(), children.log_of(process)
        time.sleep(0.01)
    process.kill()
    process.join()
    # PyTorch's workers look for their parent every five seconds only.
    with only_run_in(out):
        pass


class Known(Scenes):
    """A data set that notes which processes read it."""

    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, index):
        (self.folder / str(os.getpid())).touch()
        return self.dataset[index]


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # What nobody has waited for yet is a zombie, and does nothing any longer.
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(os.name == "nt", reason="on Windows, asking for a process would end it")
def test_workers_do_not_outlive_a_run_that_is_killed(run_job, tmp_path):
    """The run is a child of a fork server here, and so are its workers, as in Python 3.14."""
    seen = tmp_path / "processes"
    seen.mkdir()
    changes = {"steps": 500, "num_workers": 2}
    (process,) = run_job(1, children.train_from, Known(seen), tmp_path / "run", **changes)
    while len(os.listdir(seen)) < 2:
        assert process.is_alive(), children.log_of(process)
        time.sleep(0.01)
    process.kill()
    process.join()
    workers = [int(name) for name in os.listdir(seen)]
    deadline = time.monotonic() + 30
    while left := [worker for worker in workers if is_there(worker)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
