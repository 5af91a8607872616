"""`mrcnn-lite lessons`: a folder of one's own with all that a lesson needs beside it."""

import pytest

from mrcnn_lite.cli import main
from mrcnn_lite.course import lessons
from mrcnn_lite.course.lessons import write_lessons
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import NBVAL_SETTINGS, NOTEBOOKS
from tests.course.lesson import LESSONS


def test_all_lessons_and_what_they_need(tmp_path, capsys):
    out = tmp_path / "my lessons"
    assert main(["lessons", "--out", str(out)]) == 0
    first = out / LESSONS[0].path.name
    assert capsys.readouterr().out == (
        f"wrote {len(LESSONS)} lessons to {out}; next: jupyter lab {first}\n"
    )
    names = {lesson.path.name for lesson in LESSONS} | {"glossary.md", "matplotlibrc"}
    assert {path.name for path in out.iterdir()} == {*names, NBVAL_SETTINGS.name}
    for name in names:
        assert (out / name).read_bytes() == (NOTEBOOKS / name).read_bytes()
    # An instructor runs them strictly without a clone.
    assert "[progress bars]" in (out / NBVAL_SETTINGS.name).read_text("utf-8")


def test_a_folder_with_something_in_it_is_refused(tmp_path, capsys):
    (tmp_path / "mine.ipynb").touch()
    assert main(["lessons", "--out", str(tmp_path)]) == 1
    assert "already holds something" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]


def test_a_read_only_installation_gives_lessons_that_can_be_saved(tmp_path, monkeypatch):
    installed = tmp_path / "installed"
    installed.mkdir()
    for name in ("00_start_here.ipynb", "glossary.md", "matplotlibrc"):
        (installed / name).write_bytes((NOTEBOOKS / name).read_bytes())
        (installed / name).chmod(0o444)
    monkeypatch.setattr(lessons, "NOTEBOOKS", installed)
    write_lessons(tmp_path / "mine")
    assert all(path.stat().st_mode & 0o200 for path in (tmp_path / "mine").iterdir())


def test_without_lessons_it_says_where_they_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    with pytest.raises(InputError, match=r"no lessons in .*; install the package again"):
        write_lessons(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
