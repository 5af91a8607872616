import os

import pytest

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder, remove_leftovers, write_atomically


def test_file_appears_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with write_atomically(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["file.txt"]


def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail():
        with write_atomically(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("the power went off")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"):
        make_folder(tmp_path / "file" / "folder")


def test_a_leftover_folder_is_left_alone(tmp_path):
    (tmp_path / ".shapes.tmp.abc").mkdir()
    (tmp_path / ".metrics.json.tmp1").touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".shapes.tmp.abc"]
