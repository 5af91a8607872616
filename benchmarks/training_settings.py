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
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from mrcnn_lite.files import write_atomically

RESNET = "--model resnet50 --min-size 320 --batch-size 4 --steps 7"
MINI = "--model mini --batch-size 8 --steps 22"
ROWS = [
    ("ResNet-50, 320 px", RESNET),
    ("ResNet-50: bf16", f"{RESNET} --precision bf16"),
    ("ResNet-50: 2 processes", f"2 processes {RESNET}"),
    ("ResNet-50: 2 processes, bf16", f"2 processes {RESNET} --precision bf16"),
    ("ResNet-50: 4 passes of 1 image", f"{RESNET} --accumulate 4"),
    ("mini, 128 px", MINI),
    ("mini: bf16", f"{MINI} --precision bf16"),
    ("mini: compiled backbone", f"{MINI} --compile"),
    ("mini: 1 loading process", f"{MINI} --workers 1"),
    ("mini: 2 processes", f"2 processes {MINI}"),
    ("mini: 4 passes of 2 images", f"{MINI} --accumulate 4"),
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
        process = subprocess.Popen(
            [*launcher, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    results, lines, base = [], [], None
    for name, command in ROWS:
        result = {"name": name, "options": command, **run(command)}
        results.append(result)
        if ":" not in name:
            base = result
        speed = base["milliseconds_per_image"] / result["milliseconds_per_image"]
        lines.append(
            f"| {name} | {result['milliseconds_per_image']:.0f} | {speed:.2f} x "
            f"| {result['peak_mib']:.0f} |"
        )
        print(lines[-1], flush=True)
    text = "\n".join(
        [
            "# What the settings of training buy on a CPU",
            "",
            f"`python benchmarks/training_settings.py`, two threads (two processes: one each), "
            f"PyTorch {torch.__version__}. The speed is against the first row of the same model.",
            "",
            "| | ms per image | speed | peak memory of a process, MiB |",
            "|---|---:|---:|---:|",
            *lines,
            "",
        ]
    )
    for suffix, content in ((".md", text), (".json", json.dumps(results, indent=2) + "\n")):
        with write_atomically(options.output / f"training_settings{suffix}") as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
