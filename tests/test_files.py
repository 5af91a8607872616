import _pyio
import io
import os
import secrets
import stat

import pytest

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import (
    make_folder,
    remove_leftovers,
    write_atomically,
    write_new_folder,
    write_text,
)


def test_file_appears_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with write_atomically(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text("utf-8") == "whole"
    assert os.listdir(path.parent) == ["file.txt"]


def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old", encoding="utf-8")

    def fail():
        with write_atomically(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError("the power went off")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert path.read_text("utf-8") == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="file"):
        make_folder(tmp_path / "file" / "folder")


@pytest.mark.parametrize("name", ["page.md", "notes", "checkpoint-0000007.pt", "Übung 1.json"])
def test_leftovers_are_deleted_and_what_is_somebody_elses_is_not(tmp_path, name):
    others = [
        *(".anything.tmp", ".anything.tmp.md", ".x.0123abcd.tmp.pt", "y.0123abcd.mrcnn-lite.tmp"),
        *(".z.0123.mrcnn-lite.tmp.pt", ".mrcnn-lite.tmp", name),
    ]
    for other in others:
        (tmp_path / other).touch()
    (tmp_path / ".folder.0123abcd.mrcnn-lite.tmp").mkdir()
    writing = write_atomically(tmp_path / name)
    writing.__enter__()  # and killed
    assert len(os.listdir(tmp_path)) == len(others) + 2
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".folder.0123abcd.mrcnn-lite.tmp"])


def test_text_has_the_same_bytes_on_every_system(tmp_path, monkeypatch):
    # Python's own writer of text, in Python, looks up the end of a line as Windows has it.
    monkeypatch.setattr(os, "linesep", "\r\n")
    monkeypatch.setattr(io, "open", _pyio.open)
    write_text(tmp_path / "page.md", "31 ± 2\n")
    assert (tmp_path / "page.md").read_bytes() == b"31 \xc2\xb1 2\n"


def test_link_in_the_temporary_files_place_is_not_followed(tmp_path, monkeypatch):
    """In a folder that others write to; they would have to guess its name first."""
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(secrets, "token_hex", lambda _bytes: "guessed")
    try:
        (tmp_path / ".page.guessed.mrcnn-lite.tmp.md").symlink_to(tmp_path / "precious")
    except OSError:
        pytest.skip("this account may make no links")
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "page.md", "new")
    assert (tmp_path / "precious").read_text("utf-8") == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_may_read_what_the_user_lets_them_read(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "page.md", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page.md").stat().st_mode) == 0o640


def test_file_that_another_program_has_open_is_named(tmp_path, monkeypatch):
    """As Windows has it: no file is replaced or deleted while it is open elsewhere."""
    path = tmp_path / "page.md"
    path.write_text("old", encoding="utf-8")

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Access is denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        patch.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(InputError, match=r"cannot write .*page\.md: Access is denied"):
            write_text(path, "new")
    assert path.read_text("utf-8") == "old"
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["page.md"]


def test_an_empty_folder_stays_the_same_folder(tmp_path):
    """A shell that stands in it, or a disk that is mounted there, would lose it otherwise."""
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o750)
    before = folder.stat()
    with write_new_folder(folder) as temporary:
        (temporary / "images").mkdir()
        write_text(temporary / "images" / "page.md", "new")
        write_text(temporary / "page.md", "new")
        assert os.listdir(folder) == []
    assert os.path.samestat(before, folder.stat())
    assert sorted(os.listdir(folder)) == ["images", "page.md"]
    assert os.listdir(tmp_path) == ["mine"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    write_text(tmp_path / "mine" / "page.md", "mine")
    for path in (tmp_path / "mine", tmp_path / "mine" / "page.md"):
        with pytest.raises(InputError, match="already holds something"), write_new_folder(path):
            pass
    assert (tmp_path / "mine" / "page.md").read_text("utf-8") == "mine"
