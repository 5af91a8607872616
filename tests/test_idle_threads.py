"""How a command's threads wait, and who may say otherwise."""

import os
import sys
from pathlib import Path

import pytest

from mrcnn_lite.cli import main
from mrcnn_lite.cli.idle_threads import LOOKS, let_idle_threads_sleep


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # or what is set here would outlive the test
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "torch", raising=False)


def test_they_look_less_often_for_work():
    let_idle_threads_sleep()
    assert os.environ["GOMP_SPINCOUNT"] == LOOKS


def test_make_lab_says_the_same_number():
    makefile = Path(__file__).parents[1] / "Makefile"
    assert f"GOMP_SPINCOUNT={LOOKS} $(BIN)/jupyter lab" in makefile.read_text("utf-8")


def test_each_command_begins_with_it():
    with pytest.raises(SystemExit):
        main(["--help"])
    assert os.environ["GOMP_SPINCOUNT"] == LOOKS


@pytest.mark.parametrize(
    ("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")]
)
def test_what_the_user_has_set_stays(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    let_idle_threads_sleep()
    both = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    assert {key: os.environ[key] for key in both & set(os.environ)} == {name: value}


def test_a_process_that_has_imported_torch_is_left_as_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    let_idle_threads_sleep()
    assert "GOMP_SPINCOUNT" not in os.environ
