"""What a run says of where it came from."""

import shutil
import subprocess

import pytest

from mrcnn_lite.engine import run_folder


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
