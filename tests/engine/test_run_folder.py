"""What a run says of where it came from, and which files are its own."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from mrcnn_lite.engine import run_folder
from mrcnn_lite.engine.run_folder import files_of_a_run
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from tests.engine import children


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_commit_of_somebody_elses_repository_is_not_the_packages(tmp_path, monkeypatch):
    """As where the package is installed in an environment inside the user's own repository."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", *who, *arguments]
        ended = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return ended.stdout.strip()

    git("init")
    installed = tmp_path / "environment" / "run_folder.py"
    installed.parent.mkdir()
    shutil.copy(run_folder.__file__, installed)
    (tmp_path / ".gitignore").write_text("environment/\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-m", "Mine")
    monkeypatch.setattr(run_folder, "__file__", str(installed))
    assert run_folder._git_state() is None

    git("add", "--force", "environment")
    git("commit", "-m", "Tracked")
    found = run_folder._git_state()
    assert found == {"commit": git("rev-parse", "HEAD"), "changed_files": []}


OTHERS = {
    "an editor's settings": ("config.json", '{"theme": "dark"}'),
    "no JSON": ("config.json", "theme = dark"),
    "a list": ("config.json", "[1, 2]"),
    "another program's metrics": ("metrics.jsonl", '{"epoch": 1}\n'),
    "another program's evaluations": ("evaluations.jsonl", "AP 0.3\n"),
}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(("name", "text"), OTHERS.values(), ids=OTHERS)
def test_somebody_elses_file_is_not_overwritten(tmp_path, name, text, resume):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"{name} is there already, and no run has written it"):
        train(children.tiny_model(), children.SCENES, children.CONFIG, tmp_path, resume)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text("utf-8") == text


def test_other_files_in_a_runs_folder_stay(tmp_path):
    others = {".anything.tmp", ".anything.tmp.txt", ".lock", "notes.txt", "metrics.json"}
    others |= {"checkpoint-best.pt", "checkpoint-1.pt", "events.txt"}
    for name in others:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    leftover = tmp_path / ".checkpoint-0000001.0123abcd.mrcnn-lite.tmp.pt"
    leftover.touch()
    train(children.tiny_model(), children.SCENES, replace(children.CONFIG, steps=2), tmp_path)
    assert {(tmp_path / name).read_text("utf-8") for name in others} == {"mine"}
    assert not leftover.exists()
    own = {path.name for path in files_of_a_run(tmp_path)}
    assert own == {path.name for path in tmp_path.iterdir() if path.is_file()} - others
    assert {"config.json", "metrics.jsonl", "checkpoint-0000002.pt"} <= own


def test_a_run_whose_configuration_is_gone_goes_on(tmp_path):
    children.train_tiny(tmp_path, steps=2)
    (tmp_path / "config.json").unlink()
    children.train_tiny(tmp_path, steps=2)
    assert (tmp_path / "config.json").exists()
