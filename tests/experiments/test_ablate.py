"""The tables' runs: planned fairly, done side by side, resumed, each row once for a few steps."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from mrcnn_lite.cli import main
from mrcnn_lite.cli.parser import _TABLES
from mrcnn_lite.engine.interrupt import StoppedBySignal, stop_on_signal
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.ablate import do_side_by_side, plan
from mrcnn_lite.experiments.one_run import Run, train_and_measure, train_classifier_of
from mrcnn_lite.experiments.tables import MODELS, TABLES
from mrcnn_lite.files import make_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tmp_path(tmp_path):
    """A folder as a course of exercises has it."""
    folder = tmp_path / "Übung 1" / "mask r-cnn"
    folder.mkdir(parents=True)
    return folder


def test_the_command_line_knows_the_tables():
    assert set(_TABLES) == set(TABLES)
    assert {row.model for table in TABLES.values() for row in table.rows} == set(MODELS)


def test_a_plan_goes_seed_by_seed(tmp_path):
    """So that a table that is not finished compares equal numbers of seeds."""
    runs = plan("2d", tmp_path, seeds=2, steps=100)
    assert [run.seed for run in runs] == [0] * 2 + [1] * 2
    assert [run.model for run in runs[:2]] == [row.model for row in TABLES["2d"].rows]
    assert len({run.path for run in runs}) == 4
    assert len(plan("2c", tmp_path)) == 25


def test_rows_differ_in_what_the_table_compares_only():
    """Everything else, the budget included, is the same on both sides of a comparison."""
    compared = {
        "2b": {"mask_loss"},
        "2c": {"roi_op", "roi_reduce"},
        "2e": {"mask_head", "mask_mlp_channels"},
    }
    for name, fields in compared.items():
        configs = [MODELS[row.model].config(7) for row in TABLES[name].rows]
        for config in configs:
            differing = {f for f in vars(config) if getattr(config, f) != getattr(configs[0], f)}
            assert differing <= fields


@pytest.mark.parametrize(
    "table",
    [table if table == "2b" else pytest.param(table, marks=pytest.mark.slow) for table in TABLES],
)
def test_one_row_of_each_table_runs(table, tmp_path):
    run = plan(table, tmp_path, seeds=1, steps=2)[0]
    train_classifier_of(run, "cpu")
    assert run.classifier.exists()
    assert run.result() is None
    train_and_measure(run, "cpu")
    result = run.result()
    assert (result["model"], result["seed"]) == (TABLES[table].rows[0].model, 0)
    kinds = {"bbox", "segm"} & set(result["metrics"])
    assert "bbox" in kinds
    assert all(len(result["metrics"][kind]) == 12 for kind in kinds)
    assert ("overlap" in result["metrics"]) == (table == "fcis")
    assert result["versions"]["torch"] == torch.__version__
    assert result["seconds"] > 0


@pytest.mark.parametrize(
    ("option", "jobs", "expected"),
    [
        ("auto", None, ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", "4", ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]),
        ("cuda:1", None, ["cuda:1"]),
        ("cuda:1", "2", ["cuda:1", "cuda:1"]),
        ("cpu", "2", ["cpu", "cpu"]),
    ],
)
def test_runs_are_spread_over_the_devices_asked_for(option, jobs, expected, tmp_path, monkeypatch):
    def find(name: str) -> torch.device:
        return torch.device({"auto": "cuda:0", "cuda": "cuda:0"}.get(name, name))

    seen = []
    monkeypatch.setattr("mrcnn_lite.cli.commands.learn.find_device", find)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.setattr(
        "mrcnn_lite.experiments.ablate.do_side_by_side",
        lambda _tasks, devices, _name: seen.append(devices),
    )
    monkeypatch.setattr("mrcnn_lite.experiments.ablate.write_results", lambda *_arguments: None)
    folders = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    command = ["ablate", "2b", "--device", option, *folders, *(["--jobs", jobs] if jobs else [])]
    assert main(command) == 0
    assert seen[-1] == expected


def quick_run(folder: Path, seed: int) -> Run:
    return Run("fpn", seed, 1, 1, 1, folder)


def note_or_fail(run: Run, device: str) -> None:
    if run.seed == 1:
        raise InputError("this one fails")
    if run.seed == 2:
        raise RuntimeError("out of memory")
    make_folder(run.path)
    (run.path / "done").write_text(f"{device} {torch.get_num_threads()}", encoding="utf-8")


def test_a_run_that_fails_is_named_and_the_others_are_done(tmp_path):
    runs = [quick_run(tmp_path, seed) for seed in range(4)]
    logs = [tmp_path / f"{run.seed}.txt" for run in runs]
    with pytest.raises(InputError, match="2 of the runs failed"):
        do_side_by_side(
            [(note_or_fail, run, log) for run, log in zip(runs, logs)], ["cpu", "cpu"], "runs"
        )
    assert "this one fails" in logs[1].read_text("utf-8")
    assert "RuntimeError: out of memory" in logs[2].read_text("utf-8")
    for run in (runs[0], runs[3]):
        assert (run.path / "done").read_text("utf-8") == "cpu 1"


def wait_to_be_stopped(run: Run, _device: str) -> None:
    # Out of reach of a signal to the parent's whole group, as from a terminal or from `timeout`.
    os.setsid()
    make_folder(run.path)
    with stop_on_signal() as stop:
        (run.path / "began").touch()
        deadline = time.monotonic() + 30
        while not stop:
            assert time.monotonic() < deadline, "no signal came"
            time.sleep(0.01)
    raise StoppedBySignal(stop.number)


def send_sigterm_once_there(files: list[Path]) -> None:
    while not all(file.exists() for file in files):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_signal_reaches_every_run_at_hand_and_begins_no_other(tmp_path):
    runs = [quick_run(tmp_path, seed) for seed in range(3)]
    jobs = [(wait_to_be_stopped, run, tmp_path / f"{run.seed}.txt") for run in runs]
    files = [run.path / "began" for run in runs]
    sender = threading.Thread(target=send_sigterm_once_there, args=(files[:2],), daemon=True)
    sender.start()
    with pytest.raises(StoppedBySignal):
        do_side_by_side(jobs, ["cpu", "cpu"], "runs")
    assert [file.exists() for file in files] == [True, True, False]
    for _, _, log in jobs[:2]:
        assert "stopped by SIGTERM" in log.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_table_stopped_by_a_signal_goes_on_and_is_not_done_twice(tmp_path, capsys):
    """From the command line: SIGTERM during training, then the same command again."""
    arguments = ["ablate", "2b", "--seeds", "1", "--steps", "12", "--jobs", "2"]
    arguments += ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    command = [sys.executable, "-m", "mrcnn_lite.cli", *arguments]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    metrics = list(plan("2b", tmp_path / "runs", seeds=1, steps=12))
    deadline = time.monotonic() + 120
    while not all((run.path / "metrics.jsonl").exists() for run in metrics):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in printed
    assert not (tmp_path / "out" / "2b.json").exists()

    assert main(arguments) == 0
    summary = json.loads((tmp_path / "out" / "2b.json").read_text("utf-8"))
    assert [row["runs"][0]["training"]["steps"] for row in summary["rows"]] == [12, 12]
    for run in metrics:
        lines = (run.path / "metrics.jsonl").read_text("utf-8").splitlines()
        steps = [json.loads(line)["step"] for line in lines]
        assert steps == list(range(1, 13))
    capsys.readouterr()
    assert main(arguments) == 0
    assert "2 runs, 2 of them finished" in capsys.readouterr().out
