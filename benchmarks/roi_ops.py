"""The RoI operations against torchvision's kernels on a CPU: time, peak memory, and how both grow.

    python benchmarks/roi_ops.py                  # a quarter of an hour on two idle cores
    python benchmarks/roi_ops.py --seconds 0.2    # a rough look: each call in three turns
    python benchmarks/roi_ops.py --output FOLDER  # default: docs/results

It prints tables and writes roi_ops.md, roi_ops.json and roi_ops.png; what another kind of processor
measured stays, under its name. Ours and torchvision's calls take turns, and the fastest of each
counts: what else the machine does disturbs both alike, and the ratios say more than the
milliseconds. Each row is measured in two threads and in one, on the idle machine and beside a
process that keeps one core busy, as a student's laptop is; what is idle is then compared with what
is busy by medians. Memory is what PyTorch's allocator hands out at the most at one time: it is
exact and the same on every machine, whatever the process keeps of freed memory.
"""

import argparse
import json
from itertools import accumulate
from pathlib import Path
from statistics import median

import torch
import torchvision
from neighbour import busy_core
from processor import instruction_sets, name_of_processor
from roi_ops_page import draw, page_of_roi_ops
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from mrcnn_lite import ops
from mrcnn_lite.experiments.pages import write_page
from mrcnn_lite.experiments.turns import race, take_turns
from mrcnn_lite.ops.fast.few_outputs import reads_little

THREADS = 2
STRIDE = 16
SMALL, LARGE = (50, 68), (200, 272)
# operation, channels, (height, width), number of RoIs, bins per axis
CASES = [
    ("roi_align", 256, SMALL, 10, 7),
    ("roi_align", 256, LARGE, 10, 7),
    ("roi_align", 64, (32, 32), 10, 14),
    ("roi_pool", 256, SMALL, 10, 7),
    ("roi_pool", 256, LARGE, 10, 7),
    ("roi_pool", 64, (32, 32), 10, 14),
    ("roi_pool", 64, SMALL, 30, 7),
    ("roi_pool", 256, (32, 32), 30, 7),
    ("roi_align", 256, SMALL, 100, 7),
    ("roi_pool", 256, SMALL, 100, 7),
    ("roi_align", 256, SMALL, 512, 7),
    ("roi_align", 256, LARGE, 512, 7),
    ("roi_align", 256, SMALL, 128, 14),
    ("roi_pool", 256, SMALL, 512, 7),
    ("roi_pool", 256, LARGE, 512, 7),
    ("roi_pool", 256, SMALL, 128, 14),
    ("roi_align", 64, (32, 32), 256, 7),
    ("roi_align", 64, (32, 32), 100, 14),
    ("roi_pool", 64, (32, 32), 256, 7),
    ("roi_align", 1, (800, 1088), 10, 28),
    ("roi_align", 1, (800, 1088), 256, 28),
    ("roi_pool", 1, (800, 1088), 256, 28),
]
MANY = 50_000  # RoIs, of 64 channels and 7 x 7 bins: 598 MiB of output
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


def measure_ratios(calls, seconds):
    """Of ours (forward, both) and theirs: milliseconds, and how much longer theirs take."""
    measured = {}
    for threads in (THREADS, 1):
        torch.set_num_threads(threads)
        idle = take_turns_in_pairs(calls, seconds)
        with busy_core():
            busy = take_turns_in_pairs(calls, seconds)
        measured[threads] = idle, busy
    torch.set_num_threads(THREADS)
    idle, _ = measured[THREADS]
    fastest = [1e3 * min(times) for times in idle]
    return {
        "forward_ms": fastest[::2],
        "both_ms": fastest[1::2],
        "one_thread": _ratios(map(min, measured[1][0])),
        "busy": _ratios(map(median, measured[THREADS][1])),
        # Of the idle machine's ratio: 1 means that another process disturbs both alike.
        "busy_share": _busy_share(*measured[THREADS]),
        "busy_share_one_thread": _busy_share(*measured[1]),
    }


def take_turns_in_pairs(calls, seconds):
    """Times of (forward, both) of ours and theirs: forward against forward, both against both.

    A call of a millisecond is faster after itself or its like, which read the same map, than after
    a backward pass, which fills the cache with a gradient.
    """
    ours, ours_both, theirs, theirs_both = calls
    forward = take_turns((ours, theirs), turns_within((ours, theirs), seconds / 2))
    both = take_turns((ours_both, theirs_both), turns_within((ours_both, theirs_both), seconds / 2))
    return forward[0], both[0], forward[1], both[1]


def turns_within(calls, seconds):
    """How many turns of these calls take so long: from 3 to 200."""
    once = sum(race(calls, 1))
    return min(max(3, round(seconds / once)), 200)


def _busy_share(idle, busy):
    return [
        among / alone
        for among, alone in zip(_ratios(map(median, busy)), _ratios(map(median, idle)))
    ]


def _ratios(seconds):
    ours, ours_both, theirs, theirs_both = seconds
    return [theirs / ours, theirs_both / ours_both]


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


def are_torchvisions(operation, x, boxes, bins):
    """Whether ours runs torchvision's kernel: forward, and where a gradient is wanted."""
    return [
        reads_little(operation.removeprefix("roi_"), features, boxes, (bins, bins), 1 / STRIDE)
        for features in (x, x.detach().requires_grad_())
    ]


def measure_table(seconds):
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
        rows.append(
            {
                "operation": operation,
                "map": f"{channels}x{size[0]}x{size[1]}",
                "rois": rois,
                "bins": bins,
                "layout": layout,
                "torchvisions_kernel": are_torchvisions(operation, x, boxes, bins),
                **measure_ratios(calls, seconds),
                "peak_mib": [peak_memory(calls[1]), peak_memory(calls[3])],
                "bound_mib": memory_bound(operation, x, boxes, bins),
            }
        )
    return rows


def measure_growth():
    rows = []
    for rois in tqdm(NUMBERS_OF_ROIS, desc="growth"):
        x, boxes = make_case(64, SMALL, rois, "channels-last")
        for operation in ("roi_align", "roi_pool"):
            calls = [
                make_calls(operation, library, x, boxes, 7)[1] for library in (ops, torchvision.ops)
            ]
            rows.append(
                {
                    "operation": operation,
                    "rois": rois,
                    "both_ms": [1e3 * seconds for seconds in race(calls, 3)],
                }
            )
    return rows


def measure_many():
    """Peak memory in MiB at 50,000 RoIs, forward alone, and what the output takes of it."""
    x, boxes = make_case(64, SMALL, MANY, "channels-last")
    forward, _ = make_calls("roi_align", ops, x, boxes, 7)
    output = MANY * x.shape[1] * 7 * 7 * x.element_size()
    return {"rois": MANY, "peak_mib": peak_memory(forward), "output_mib": output / 2**20}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument(
        "--seconds", type=float, default=1.2, help="to spend on a row in each of four conditions"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    measured = {
        "machine": f"{name_of_processor()}, {list(instruction_sets())[-1]}",
        "threads": THREADS,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "table": measure_table(arguments.seconds),
        "many": measure_many(),
        "growth": measure_growth(),
    }
    path = arguments.output / "roi_ops.json"
    earlier = json.loads(path.read_text("utf-8")) if path.exists() else []
    others = [other for other in earlier if other["machine"] != measured["machine"]]
    measurements = [measured, *others]
    text = page_of_roi_ops(measurements)
    print(text)
    write_page(arguments.output, "roi_ops", measurements, text, draw(measured))


if __name__ == "__main__":
    main()
