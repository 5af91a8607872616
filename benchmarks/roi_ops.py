"""The RoI operations against torchvision's kernels on a CPU: time, peak memory, and how both grow.

    python benchmarks/roi_ops.py                  # some minutes on two idle cores
    python benchmarks/roi_ops.py --output FOLDER  # default: docs/results

It prints a table and writes roi_ops.md, roi_ops.json and roi_ops.png. Ours and torchvision's calls
take turns, and the fastest of each counts: what else the machine does disturbs both alike, and the
ratios say more than the milliseconds. Memory is the growth of the process's peak.
"""

import argparse
import ctypes
import gc
import json
import math
import platform
import sys
import time
from pathlib import Path

import matplotlib
import torch
import torchvision
from tqdm import tqdm

from mrcnn_lite import ops
from mrcnn_lite.explore.palette import BLUE, VERMILLION
from mrcnn_lite.files import write_atomically

matplotlib.use("Agg")

THREADS = 2
STRIDE = 16
SMALL, LARGE = (50, 68), (200, 272)
# operation, channels, (height, width), number of RoIs, bins per axis
CASES = [
    ("roi_align", 256, SMALL, 512, 7),
    ("roi_align", 256, LARGE, 512, 7),
    ("roi_align", 256, SMALL, 128, 14),
    ("roi_pool", 256, SMALL, 512, 7),
    ("roi_pool", 256, LARGE, 512, 7),
    ("roi_pool", 256, SMALL, 128, 14),
    ("roi_align", 64, (32, 32), 256, 7),
    ("roi_align", 64, (32, 32), 100, 14),
    ("roi_pool", 64, (32, 32), 256, 7),
    ("roi_align", 1, (800, 1088), 256, 28),
]
NUMBERS_OF_ROIS = [10, 30, 100, 300, 1000, 3000, 10000]


def make_case(channels, size, rois, layout):
    """Features, and boxes of 1/40 to 1/2 of the map's width, log-uniform, cut to the map."""
    generator = torch.Generator().manual_seed(0)
    height, width = size
    if layout == "channels-last":
        x = torch.randn(1, height, width, channels, generator=generator).permute(0, 3, 1, 2)
    else:
        x = torch.randn(1, channels, height, width, generator=generator)
    edge = torch.tensor([width, height]) * STRIDE
    extent = width * STRIDE / 40 * 20 ** torch.rand(rois, 2, generator=generator)
    centre = torch.rand(rois, 2, generator=generator) * edge
    low, high = (centre - extent / 2).clamp(min=0), torch.minimum(centre + extent / 2, edge - 1)
    return x, torch.cat([torch.zeros(rois, 1), low, high], dim=1)


def make_calls(operation, library, x, boxes, bins):
    """Two functions without arguments: forward, and forward with backward."""
    function = getattr(library, operation)
    extra = {"sampling_ratio": 2, "aligned": True} if operation == "roi_align" else {}
    leaf = x.detach().requires_grad_()
    # The gradient arrives in the layout of the features, as from a convolution behind.
    gradient = torch.randn(len(boxes), x.shape[1], bins, bins)
    if x.stride(1) == 1:
        gradient = gradient.to(memory_format=torch.channels_last)

    def forward():
        function(x, boxes, bins, 1 / STRIDE, **extra)

    def both():
        torch.autograd.grad(function(leaf, boxes, bins, 1 / STRIDE, **extra), leaf, gradient)

    return forward, both


def race(calls, repeats):
    """The fastest of `repeats` runs of each call, in milliseconds, the calls taking turns."""
    best = [math.inf] * len(calls)
    for turn in range(repeats + 1):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            if turn:  # the first turn warms up
                best[i] = min(best[i], (time.perf_counter() - start) * 1e3)
    return best


def peak_memory(call):
    """By how many MiB `call` raises the process's peak of resident memory; None if not on Linux."""
    if not sys.platform.startswith("linux"):
        return None
    call()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory that is still held would hide an allocation
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    before = _resident_peak()
    call()
    return (_resident_peak() - before) / 2**10


def _resident_peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measure_table(repeats):
    rows = []
    cases = [(layout, *case) for case in CASES for layout in ("channels-last", "contiguous")]
    cases = [case for case in cases if case[2] > 1 or case[0] == "contiguous"]
    for layout, operation, channels, size, rois, bins in tqdm(cases, desc="table"):
        x, boxes = make_case(channels, size, rois, layout)
        calls = [
            call
            for library in (ops, torchvision.ops)
            for call in make_calls(operation, library, x, boxes, bins)
        ]
        ours, ours_both, theirs, theirs_both = race(calls, repeats)
        rows.append(
            {
                "operation": operation,
                "map": f"{channels}x{size[0]}x{size[1]}",
                "rois": rois,
                "bins": bins,
                "layout": layout,
                "forward_ms": [ours, theirs],
                "both_ms": [ours_both, theirs_both],
                "peak_mib": [peak_memory(calls[1]), peak_memory(calls[3])],
            }
        )
    return rows


def measure_growth(repeats):
    rows = []
    for rois in tqdm(NUMBERS_OF_ROIS, desc="growth"):
        x, boxes = make_case(64, SMALL, rois, "channels-last")
        for operation in ("roi_align", "roi_pool"):
            calls = [
                make_calls(operation, library, x, boxes, 7)[1] for library in (ops, torchvision.ops)
            ]
            rows.append({"operation": operation, "rois": rois, "both_ms": race(calls, repeats)})
    return rows


def _rounded(mebibytes):
    return "-" if mebibytes is None else f"{mebibytes:.0f}"


def as_markdown(result):
    lines = [
        "# RoI operations: this package against torchvision",
        "",
        f"`python benchmarks/roi_ops.py`, {result['machine']}, {result['threads']} threads, torch "
        f"{result['torch']}, torchvision {result['torchvision']}, float32, 2 samples per bin and "
        "axis. Times in ms, the fastest of several; memory in MiB above the inputs, forward and "
        "backward, the gradient included.",
        "",
        "| operation | map | RoIs | bins | layout | forward: ours | torchvision | ratio "
        "| + backward: ours | torchvision | ratio | peak memory: ours | torchvision |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["table"]:
        (forward, forward_tv), (both, both_tv) = row["forward_ms"], row["both_ms"]
        memory, memory_tv = row["peak_mib"]
        lines.append(
            "| "
            + " | ".join(str(row[key]) for key in ("operation", "map", "rois", "bins", "layout"))
            + f" | {forward:.1f} | {forward_tv:.1f} | {forward_tv / forward:.1f} "
            f"| {both:.1f} | {both_tv:.1f} | **{both_tv / both:.1f}** "
            f"| {_rounded(memory)} | {_rounded(memory_tv)} |"
        )
    lines += ["", "![cost against the number of RoIs](roi_ops.png)", ""]
    return "\n".join(lines)


def draw(growth, path):
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, operation in zip(panels, ("roi_align", "roi_pool")):
        rows = [row for row in growth if row["operation"] == operation]
        rois = [row["rois"] for row in rows]
        styles = [("mrcnn-lite", BLUE, "o-"), ("torchvision", VERMILLION, "s--")]
        for i, (name, colour, style) in enumerate(styles):
            panel.loglog(rois, [r["both_ms"][i] for r in rows], style, color=colour, label=name)
        panel.set(title=operation, xlabel="number of RoIs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("forward and backward, ms")
    panels[0].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each call")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    result = {
        "machine": platform.machine(),
        "threads": THREADS,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "table": measure_table(arguments.repeats),
        "growth": measure_growth(min(3, arguments.repeats)),
    }
    with write_atomically(arguments.output / "roi_ops.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    with write_atomically(arguments.output / "roi_ops.md") as path:
        path.write_text(as_markdown(result))
    with write_atomically(arguments.output / "roi_ops.png") as path:
        draw(result["growth"], path)
    print(as_markdown(result))


if __name__ == "__main__":
    main()
