"""What each setting of `mrcnn-lite train` buys on a CPU: time per image and peak memory.

    python benchmarks/training_settings.py    # three minutes on two idle cores

Every row is one command, run on Shapes in a process of its own; the time is the median of its steps
but for the first two. It writes docs/results/training_settings.md and .json.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

import torch
from tqdm import tqdm

from mrcnn_lite.experiments.pages import markdown_table, write_page

RESNET = "--model resnet50 --min-size 320 --batch-size 4 --steps 7"
MINI = "--model mini --batch-size 8 --steps 22"
ROWS = [
    ("ResNet-50, 320 px", RESNET),
    ("ResNet-50: bf16", f"{RESNET} --precision bf16"),
    ("ResNet-50: 2 processes", f"2 processes {RESNET}"),
    ("ResNet-50: 2 processes, bf16", f"2 processes {RESNET} --precision bf16"),
    ("ResNet-50: 4 micro-batches of 1 image", f"{RESNET} --accumulate 4"),
    ("mini, 128 px", MINI),
    ("mini: bf16", f"{MINI} --precision bf16"),
    ("mini: compiled backbone", f"{MINI} --compile"),
    ("mini: 1 loading process", f"{MINI} --workers 1"),
    ("mini: 2 processes", f"2 processes {MINI}"),
    ("mini: 4 micro-batches of 2 images", f"{MINI} --accumulate 4"),
]


def run(options: str) -> dict:
    """Run one command; give its milliseconds per image and its peak memory in MiB."""
    options, processes = options.removeprefix("2 processes "), 1 + options.startswith("2 ")
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["-m", "mrcnn_lite.cli", "train", *options.split(), "--scenes", "200"]
        arguments += ["--out", f"{folder}/run"]
        launcher = [sys.executable]
        if processes > 1:
            launcher += ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(2 // processes)}
        command = [*launcher, *arguments]
        process = Popen(command, env=environment, stdout=PIPE, stderr=STDOUT)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{options} failed: {output.decode()[-2000:]}")
        lines = Path(folder, "run", "metrics.jsonl").read_text("utf-8").splitlines()
    seconds = [json.loads(line)["seconds"] for line in lines]
    steps = [after - before for before, after in itertools.pairwise(seconds[1:])]
    batch = int(options.split("--batch-size ")[1].split()[0])
    return {
        "milliseconds_per_image": 1000 * statistics.median(steps) / batch,
        # Of the largest process: the kernel counts it in KiB.
        "peak_mib": usage.ru_maxrss / 1024,
    }


def page_of_settings(results: list[dict]) -> str:
    rows, base = [], results[0]
    for result in results:
        if ":" not in result["name"]:
            base = result
        speed = base["milliseconds_per_image"] / result["milliseconds_per_image"]
        time, memory = (f"{result[key]:.0f}" for key in ("milliseconds_per_image", "peak_mib"))
        rows.append([result["name"], time, f"{speed:.2f} x", memory])
    header = ["", "ms per image", "speed", "peak memory of a process, MiB"]
    lines = [
        "# What the settings of training buy on a CPU",
        "",
        f"`python benchmarks/training_settings.py`, two threads (two processes: one each), "
        f"PyTorch {base['torch']}. The speed is against the first row of the same model.",
        "",
        markdown_table(header, rows, numbers=True),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    results = []
    for name, command in tqdm(ROWS, "settings", unit="row"):
        versions = {"torch": torch.__version__}
        results.append({"name": name, "options": command, **versions, **run(command)})
    text = page_of_settings(results)
    print(text)
    write_page(options.output, "training_settings", results, text)


if __name__ == "__main__":
    main()
