"""Tables of the paper in miniature: train their rows side by side, and write what came out."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from mrcnn_lite.engine.interrupt import StoppedBySignal, stop_on_signal
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.alignment import NAME as ALIGNMENT
from mrcnn_lite.experiments.alignment import write_alignment
from mrcnn_lite.experiments.cells import NAME as CELLS
from mrcnn_lite.experiments.cells import write_cells
from mrcnn_lite.experiments.crowded import NAME as OVERLAP
from mrcnn_lite.experiments.crowded import write_overlap
from mrcnn_lite.experiments.one_run import (
    LOG_NAME,
    Run,
    in_own_process,
    train_and_measure,
    train_classifier_of,
)
from mrcnn_lite.experiments.pretrain import STEPS as CLASSIFIER_STEPS
from mrcnn_lite.experiments.results import check_not_larger, write_results
from mrcnn_lite.experiments.tables import MODELS, TABLES
from mrcnn_lite.files import make_folder

# Tables whose trained models are measured in a way of their own; they have no rows.
MEASURED_AGAIN = {ALIGNMENT: write_alignment, CELLS: write_cells}

# A piece of work: a function of a run, of any kind, and a device; that run; and a log file.
Job = tuple[Callable[[Any, str], None], Any, Path]


def ablate(
    tables: Sequence[str],
    out: Path,
    runs: Path,
    seeds: int | None = None,
    steps: int | None = None,
    jobs: int | None = None,
    device: str = "cpu",
) -> None:
    """Train every row of the tables with every seed, and write TABLE.json, TABLE.md, TABLE.png.

    A table of crowded scenes also gets overlap.json, overlap.md and overlap.png.

    Runs that are finished are not repeated, interrupted ones go on; a model that several tables
    have is trained once.

    Args:
        tables: keys of `TABLES`.
        out: folder of the tables.
        runs: folder of the runs.
        seeds: how many, 0, 1, ...; the table's own number if None.
        steps: of training, likewise.
        jobs: runs at the same time; as many as there are cores, or GPUs, if None.
        device: "cpu", "mps", "cuda" for all GPUs, or one of them, as "cuda:1".

    Raises:
        InputError: `out` cannot be written, or holds a larger table, which would be lost; a run
            failed, or was trained with other settings.
        StoppedBySignal: Ctrl-C or SIGTERM; all runs have saved what they had.
    """
    make_folder(out)  # before the work, not after it
    planned = {name: plan(name, runs, seeds, steps) for name in tables}
    for name, table_runs in planned.items():
        check_not_larger(out, name, table_runs)
        if all(MODELS[run.model].crowded for run in table_runs):
            check_not_larger(out, OVERLAP, table_runs)
    # Equal runs of several tables are one.
    unique = list(dict.fromkeys(run for table in planned.values() for run in table))
    missing = [run for run in unique if run.result() is None]
    classifiers = {run.classifier: run for run in missing if not run.classifier.exists()}
    devices = _devices(device, jobs)
    print(
        f"{len(unique)} runs, {len(unique) - len(missing)} of them finished; "
        f"{len(devices)} at a time, each with its log in {runs}"
    )
    starts = [
        (train_classifier_of, run, file.with_suffix(".txt")) for file, run in classifiers.items()
    ]
    do_side_by_side(starts, devices, "classifiers to start from")
    trainings = [(train_and_measure, run, run.path / LOG_NAME) for run in missing]
    do_side_by_side(trainings, devices, "runs")
    for name, table_runs in planned.items():
        if name in MEASURED_AGAIN:
            MEASURED_AGAIN[name](out, table_runs)
            continue
        write_results(out, name, table_runs)
        if all(MODELS[run.model].crowded for run in table_runs):
            write_overlap(out, name, table_runs)


def plan(table: str, runs: Path, seeds: int | None = None, steps: int | None = None) -> list[Run]:
    """List the runs of a table, seed by seed, so that an unfinished table is a fair one."""
    chosen = TABLES[table]
    steps = steps or chosen.steps
    # A quick look does not wait for a long start.
    classifier_steps = min(CLASSIFIER_STEPS, steps)
    return [
        Run(row.model, seed, steps, classifier_steps, min(chosen.held_out, 4 * steps), runs)
        for seed in range(seeds or chosen.seeds)
        for row in chosen.rows
    ]


def do_side_by_side(jobs: Iterable[Job], devices: Sequence[str], name: str) -> None:
    """Do each job in a process of its own, one at a time on each device.

    A job that fails does not keep the others from their end.

    Args:
        jobs: first come, first served.
        devices: one name for each process that may run at a time.
        name: for the progress bar.

    Raises:
        InputError: jobs failed; the message names their logs.
        StoppedBySignal: see `ablate`.
    """
    waiting, free, failed = list(jobs), list(devices), []
    running: dict[int, tuple[BaseProcess, str, Path]] = {}
    context = _start_method()
    with stop_on_signal() as stop, tqdm(total=len(waiting), desc=name, unit="run") as progress:
        while running or (waiting and not stop):
            while waiting and free and not stop:
                work, run, log = waiting.pop(0)
                device = free.pop()
                process = context.Process(target=in_own_process, args=(work, run, device, log))
                process.start()
                running[process.sentinel] = process, device, log
            for sentinel in wait(list(running), timeout=1):
                process, device, log = running.pop(sentinel)
                process.join()
                free.append(device)
                progress.update()
                if process.exitcode != 0 and not stop:
                    failed.append(log)
                    progress.write(f"failed: {log}")
            if stop:
                # Ctrl-C reaches all processes of a terminal, SIGTERM only this one. Windows, which
                # has no SIGTERM, would end them at once instead.
                for process, _, _ in running.values() if os.name != "nt" else ():
                    process.terminate()
                for process, _, _ in running.values():
                    process.join()
    if stop:
        raise StoppedBySignal(stop.number)
    if failed:
        raise InputError(f"{len(failed)} of the runs failed; see {', '.join(map(str, failed))}")


def _start_method() -> BaseContext:
    """Choose how processes start: forked, where that can be, from one that has PyTorch ready."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mrcnn_lite.experiments.one_run"])
    return context


def _devices(device: str, jobs: int | None) -> list[str]:
    """Name a device for each run at a time."""
    if device == "cpu":
        return [device] * (jobs or len(_own_cores()))
    if device != "cuda":
        return [device] * (jobs or 1)
    number = torch.cuda.device_count()
    return [f"cuda:{place % number}" for place in range(jobs or number)]


def _own_cores() -> Sequence[int]:
    # Not the machine's: a container or a cluster's job may have fewer.
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)
