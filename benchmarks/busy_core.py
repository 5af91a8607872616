"""Training beside another program that keeps one core busy, by how threads without work wait.

    python benchmarks/busy_core.py    # five minutes on two cores, otherwise idle

Each run is `mrcnn-lite train` with the model `mini`, in a process of its own with two threads, with
GNU OpenMP's own number of looks for work, with this package's, and with none, taking turns. It
writes docs/results/busy_core.md and .json. Linux only: elsewhere PyTorch comes with another OpenMP.
"""

import argparse
import os
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import torch
from neighbour import busy_core
from processor import name_of_processor
from tqdm import tqdm
from training_settings import MINI, run

from mrcnn_lite.cli.idle_threads import LOOKS
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page

# GNU OpenMP's own number, this package's, and none.
NUMBERS = {"300000": "300,000 looks (OpenMP's own)", LOOKS: f"{int(LOOKS):,} looks", "0": "none"}
ROUNDS = 3
CONDITIONS = {"idle": nullcontext, "one core busy": busy_core}


def measure() -> dict:
    """Milliseconds per image of each run, by condition and number of looks."""
    measured = {condition: {looks: [] for looks in NUMBERS} for condition in CONDITIONS}
    for condition, _, looks in tqdm([*product(CONDITIONS, range(ROUNDS), NUMBERS)], unit="run"):
        os.environ["GOMP_SPINCOUNT"] = looks
        with CONDITIONS[condition]():
            measured[condition][looks].append(run(MINI)["milliseconds_per_image"])
    return measured


def page_of_busy_core(result: dict) -> str:
    rows = [
        [condition, *(mean_and_deviation(runs[looks]) for looks in NUMBERS)]
        for condition, runs in result["milliseconds_per_image"].items()
    ]
    lines = [
        "# Training beside another program",
        "",
        f"`python benchmarks/busy_core.py`, {result['processor']}, two threads on two cores, "
        f"PyTorch {result['torch']}: `mrcnn-lite train {MINI}`, ms per image, mean and standard "
        f"deviation of {ROUNDS} runs, which took turns. A thread without work looks for some so "
        "often before it sleeps (`GOMP_SPINCOUNT`, GNU OpenMP, Linux). While it looks it uses up "
        "its share of the core, and when work comes, it may be the other program's turn.",
        "",
        markdown_table(["", *NUMBERS.values()], rows, numbers=True),
        "",
        f"`mrcnn-lite` sets the number to {int(LOOKS):,}, unless you set it or `OMP_WAIT_POLICY` "
        "yourself. In a program of your own, set it before `torch` is imported.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    result = {
        "processor": name_of_processor(),
        "torch": torch.__version__,
        "milliseconds_per_image": measure(),
    }
    text = page_of_busy_core(result)
    print(text)
    write_page(options.output, "busy_core", result, text)


if __name__ == "__main__":
    main()
