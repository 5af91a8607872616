"""The RoI operations against torchvision's kernels on a CPU: time, peak memory, and how both grow.

    python benchmarks/roi_ops.py                  # some minutes on two idle cores
    python benchmarks/roi_ops.py --output FOLDER  # default: docs/results

It prints a table and writes roi_ops.md, roi_ops.json and roi_ops.png. Ours and torchvision's calls
take turns, and the fastest of each counts: what else the machine does disturbs both alike, and the
ratios say more than the milliseconds. Memory is what PyTorch's allocator hands out at the most at
one time: it is exact and the same on every machine, whatever the process keeps of freed memory.
"""

import argparse
import platform
from itertools import accumulate
from pathlib import Path

import torch
import torchvision
from matplotlib.figure import Figure
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from mrcnn_lite import ops
from mrcnn_lite.experiments.pages import markdown_table, write_page
from mrcnn_lite.experiments.turns import race
from mrcnn_lite.explore.palette import BLUE, VERMILLION

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


def race_in_ms(calls, repeats):
    return [1e3 * seconds for seconds in race(calls, repeats)]


def peak_memory(call):
    """The most memory in MiB that tensors made by `call` take at one time."""
    call()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate(size for _, size in changes)) / 2**20


def memory_bound(operation, x, boxes, bins):
    """MiB of what must be there: torchvision's inputs and outputs, the gradient, and our bags.

    Of RoIPool torchvision's kernel has two outputs: the maxima, and where they are.
    """
    map_size = x.shape[2:]
    if operation == "roi_align":
        bags = ops.roi_align_bags(map_size, boxes, bins, 1 / STRIDE, 2, aligned=True)
    else:
        bags = ops.roi_pool_bags(map_size, boxes, bins, 1 / STRIDE)
    entries = sum(part.nbytes for part in bags.entries if part is not None)
    outputs = len(boxes) * x.shape[1] * bins * bins * x.element_size()
    outputs *= 2 if operation == "roi_pool" else 1
    return (2 * x.nbytes + boxes.nbytes + outputs + entries) / 2**20


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
        ours, ours_both, theirs, theirs_both = race_in_ms(calls, repeats)
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
                "bound_mib": memory_bound(operation, x, boxes, bins),
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
            rows.append(
                {"operation": operation, "rois": rois, "both_ms": race_in_ms(calls, repeats)}
            )
    return rows


def page_of_roi_ops(result):
    rows = []
    for row in result["table"]:
        (forward, forward_tv), (both, both_tv) = row["forward_ms"], row["both_ms"]
        memory, memory_tv = row["peak_mib"]
        case = [row[key] for key in ("operation", "map", "rois", "bins", "layout")]
        times = [forward, forward_tv, forward_tv / forward, both, both_tv, both_tv / both]
        *times, ratio = (f"{time:.1f}" for time in times)
        peaks = [f"{mib:.1f}" for mib in (memory, row["bound_mib"], memory_tv)]
        rows.append([*case, *times, f"**{ratio}**", *peaks])
    header = ["operation", "map", "RoIs", "bins", "layout", "forward: ours", "torchvision", "ratio"]
    header += ["+ backward: ours", "torchvision", "ratio"]
    header += ["peak memory: ours", "bound", "torchvision"]
    lines = [
        "# RoI operations: this package against torchvision",
        "",
        f"`python benchmarks/roi_ops.py`, {result['machine']}, {result['threads']} threads, torch "
        f"{result['torch']}, torchvision {result['torchvision']}, float32, 2 samples per bin and "
        "axis. Times in ms, the fastest of several. Memory in MiB, forward and backward: the most "
        "that tensors take at one time, not counting the features, the boxes and the gradient that "
        "comes in, which were there before. The bound is torchvision's inputs and outputs, the "
        "gradient to the features, and the bags.",
        "",
        markdown_table(header, rows),
        "",
        memory_in_words(result["table"]),
        "",
        pooling_in_words(result["table"]),
        "",
        "![cost against the number of RoIs](roi_ops.png)",
    ]
    return "\n".join(lines) + "\n"


def memory_in_words(table):
    features = [row for row in table if not row["map"].startswith("1x")]
    above = [row["peak_mib"][0] - row["bound_mib"] for row in features]
    held = sum(excess <= 0 for excess in above)
    return (
        f"Peak memory is within the bound in {held} of the {len(features)} rows with more than one "
        f"channel, and at most {max(above):.1f} MiB above it in the others: while they work, the "
        "operations hold the transposed bags of some RoIs, and a few channels of a contiguous map "
        "or gradient, which shows where all else is small. A map of one channel is read along y, "
        "then along x, and what is between the two is as wide as the map."
    )


def pooling_in_words(table):
    lines = []
    for row in table:
        if row["operation"] == "roi_pool" and row["layout"] == "channels-last":
            (forward, forward_tv), (both, both_tv) = row["forward_ms"], row["both_ms"]
            lines.append(
                f"- {row['map']}, {row['rois']} RoIs, {row['bins']} bins: a fifth of torchvision's "
                f"time would be {both_tv / 5:.1f} ms; torchvision's backward pass alone takes "
                f"{both_tv - forward_tv:.1f} ms, our forward pass without a gradient "
                f"{forward:.1f} ms, and finding the winners and routing the gradients "
                f"{both - forward:.1f} ms."
            )
    introduction = (
        "RoIPool with its backward pass is not five times as fast as torchvision's. Every "
        "gradient goes to one cell of one channel, chosen by the data; torchvision's loop does "
        "that in one pass, and there is little left to save:"
    )
    return "\n".join([introduction, "", *lines])


def draw(growth):
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, operation in zip(panels, ("roi_align", "roi_pool")):
        rows = [row for row in growth if row["operation"] == operation]
        rois = [row["rois"] for row in rows]
        styles = [("mrcnn-lite", BLUE, "o-"), ("torchvision", VERMILLION, "s--")]
        for i, (name, colour, style) in enumerate(styles):
            panel.loglog(rois, [r["both_ms"][i] for r in rows], style, color=colour, label=name)
        middle = next(row for row in rows if row["rois"] == 1000)
        guide = [middle["both_ms"][0] * number / 1000 for number in rois]
        panel.loglog(rois, guide, "-", color="0.7", lw=1, zorder=0, label="slope 1")
        panel.set(title=operation, xlabel="number of RoIs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("forward and backward, ms")
    panels[1].legend()
    return figure


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
    text = page_of_roi_ops(result)
    print(text)
    write_page(arguments.output, "roi_ops", result, text, draw(result["growth"]))


if __name__ == "__main__":
    main()
