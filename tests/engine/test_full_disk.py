"""A disk that takes no more: one line says so and where, and what was there before is whole."""

import errno
import json
import os

import pytest
import torch

from mrcnn_lite.cli import main
from mrcnn_lite.engine import run_folder, sealed
from mrcnn_lite.engine.checkpoint import checkpoints_in, load_checkpoint, save_checkpoint
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_new_folder, write_text
from tests.engine import children

NUMBERS = [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO]
NUMBERS += [errno.EDQUOT] if hasattr(errno, "EDQUOT") else []


class Full:
    """A file on a disk that has room for some bytes."""

    def __init__(self, file, room: int, number: int):
        self.file, self.room, self.number = file, room, number

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.file.close()

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(self.number, os.strerror(self.number))
        return self.file.write(data)


def fill_up(monkeypatch, module, room: int, number: int = errno.ENOSPC) -> None:
    """Let files that a module opens for writing have only so much room."""

    def open_full(path, mode="r", **options):
        file = open(path, mode, **options)  # noqa: SIM115
        return Full(file, room, number) if mode[0] in "wa" else file

    monkeypatch.setattr(module, "open", open_full, raising=False)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("room", [0, 10_000, 1_000_000])
def test_the_checkpoint_before_stays_whole(tmp_path, monkeypatch, number, room):
    path, model = tmp_path / "checkpoint-0000001.pt", children.tiny_model()
    save_checkpoint(path, model, {1: "a"}, {"step": 1})
    assert path.stat().st_size > room
    fill_up(monkeypatch, sealed, room, number)
    with pytest.raises(InputError) as error:
        save_checkpoint(path, model, {1: "a"}, {"step": 2})
    assert str(error.value) == f"cannot write {path}: {os.strerror(number)}"
    assert load_checkpoint(path)["training"] == {"step": 1}
    assert os.listdir(tmp_path) == [path.name]


def test_a_fault_of_pytorchs_own_writer_keeps_its_words(tmp_path, monkeypatch):
    def fail(_content, _file):
        raise RuntimeError("PytorchStreamWriter failed")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(RuntimeError, match="PytorchStreamWriter failed"):
        save_checkpoint(tmp_path / "checkpoint-0000001.pt", children.tiny_model(), {1: "a"}, {})


@pytest.mark.parametrize("module", [sealed, run_folder])
def test_train_ends_in_one_line_and_goes_on_when_there_is_room(
    tmp_path, monkeypatch, capsys, module
):
    command = ["train", "--scenes", "4", "--steps", "2", "--batch-size", "1", "--out"]
    command += [str(tmp_path / "run"), "--min-size", "64", "--set", "checkpoint_every=1"]
    with monkeypatch.context() as patch:
        fill_up(patch, module, 50)
        assert main(command) == 1
    printed = capsys.readouterr().err.replace("\r", "\n").splitlines()
    name = "checkpoint-0000001.pt" if module is sealed else "metrics.jsonl"
    words = f"cannot write {tmp_path / 'run' / name}: {os.strerror(errno.ENOSPC)}"
    assert printed[-1] == f"mrcnn-lite train: {words}"
    assert not any(line.startswith("Traceback") for line in printed)
    assert main([*command, "--resume"]) == 0
    assert load_checkpoint(tmp_path / "run")["training"]["step"] == 2


def limit_the_size_of_files(size: int, out) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    children.train_tiny(out, steps=2)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not bound the size of files")
def test_a_file_that_the_system_bounds_is_named(tmp_path, run_job):
    pytest.importorskip("resource", reason="only POSIX has it")
    (process,) = run_job(1, limit_the_size_of_files, 200_000, tmp_path / "run")
    process.join(60)
    assert process.exitcode == 1
    said = children.log_of(process).replace("\r", "\n").splitlines()[-1]
    checkpoint = tmp_path / "run" / "checkpoint-0000001.pt"
    assert said == f"cannot write {checkpoint}: {os.strerror(errno.EFBIG)}"
    assert not checkpoints_in(tmp_path / "run")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_the_systems_own_full_device_is_named(tmp_path):
    def write():
        with (
            write_new_folder(tmp_path / "lessons"),
            open("/dev/full", "w", encoding="utf-8") as file,
        ):
            file.write("no room for this")

    with pytest.raises(InputError, match=r"cannot write .*lessons: No space left on device"):
        write()
    assert os.listdir(tmp_path) == []


def test_another_error_keeps_its_kind(tmp_path):
    """A picture that is missing, say, while a page is being written."""

    def write():
        with write_new_folder(tmp_path / "lessons"):
            (tmp_path / "missing").read_text("utf-8")

    with pytest.raises(FileNotFoundError, match="missing"):
        write()
    write_text(tmp_path / "page.json", json.dumps({}))
