"""One run per folder, whatever the system has to lock with."""

import os

import pytest
from filelock import FileLock, SoftFileLock

from mrcnn_lite.engine.checkpoint import checkpoints_in
from mrcnn_lite.engine.lock import LOCK_NAME, only_run_in
from mrcnn_lite.errors import InputError
from tests.engine import children


def wait_for_folder(folder, process) -> None:
    while not checkpoints_in(folder):
        assert process.is_alive(), children.log_of(process)
        process.join(0.01)


def test_second_run_in_the_same_folder_is_refused_before_it_touches_anything(run_job, tmp_path):
    (process,) = run_job(1, children.train_tiny, tmp_path, steps=500, keep_checkpoints=100)
    wait_for_folder(tmp_path, process)
    torn = tmp_path / "checkpoint-9999999.pt"
    torn.write_bytes(b"not written to its end")
    with pytest.raises(InputError, match=r"another process is training in .*delete .*\.lock"):
        children.train_tiny(tmp_path, steps=500)
    assert torn.exists()  # resuming would have set it aside
    process.kill()
    process.join()


def test_folder_is_free_once_its_process_is_killed(run_job, tmp_path):
    for _ in range(2):
        (process,) = run_job(1, children.train_tiny, tmp_path / "run", steps=500)
        process.join(0.1)
        wait_for_folder(tmp_path / "run", process)
        process.kill()
        process.join()
    with only_run_in(tmp_path / "run"):
        pass


def test_folder_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), only_run_in(tmp_path):
        raise ZeroDivisionError
    with only_run_in(tmp_path):
        pass


def test_link_in_the_locks_place_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    folder = tmp_path / "shared"
    folder.mkdir()
    try:
        (folder / LOCK_NAME).symlink_to(precious)
    except OSError:
        pytest.skip("this account may make no links")
    with pytest.raises(InputError, match=r"\.lock"), only_run_in(folder):
        pass
    assert precious.read_text("utf-8") == "mine"
    assert os.listdir(folder) == [LOCK_NAME]


@pytest.mark.skipif(FileLock is SoftFileLock, reason="an empty file may be one just being written")
def test_folder_that_an_earlier_version_has_locked_is_free(tmp_path):
    (tmp_path / LOCK_NAME).touch()
    with only_run_in(tmp_path):
        pass
