"""The whole model against torchvision's, and against what else runs it: time and memory on a CPU.

    python benchmarks/model.py                    # every instruction set that the processor has
    python benchmarks/model.py --only AVX2        # one of them
    python benchmarks/model.py --small            # pictures of 480 x 640 alone: a third of the time
    python benchmarks/model.py --case keypoints   # the cases whose name says so
    pip install onnx onnxruntime openvino         # more contenders (benchmarks/contenders.py)

The same weights and pictures for all (benchmarks/lively_model.py). Each set of instructions is
measured in a process of its own that is kept to it, so a processor with more of them also says
what one with fewer would do. All calls of a case take turns in one process, and the fastest of each
counts: what else the machine does disturbs all alike, and the ratios say more than the seconds.
Detections are compared, too: a contender that is fast and wrong would show. Each contender first
detects in a process of its own, and one that fails there is named on the page and left out.

It writes model.md and model.json and replaces in them the cases that were measured on the same
processor; what another kind of processor measured stays, under its name.

Peak memory is the highest resident memory of a process of its own that makes one model and calls it
twice (Linux only), the model and PyTorch itself included. The C library's allocator is told to
return what is freed: else it keeps some of it, more or less as it comes, by some 60 MiB.
"""

import argparse
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
import torchvision
from contenders import contenders_here, make_contender, share_found
from lively_model import make_pictures
from model_cases import CASES, SMALL, make_call, sides_of
from model_page import BASELINE, page_of_model
from processor import instruction_sets, name_of_processor
from torch.profiler import ProfilerActivity, profile

from mrcnn_lite.experiments.pages import write_page
from mrcnn_lite.experiments.turns import race


def share_of_products(call):
    """Which part of a call's time goes into convolutions and matrix products."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        call()
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    products = [time for key, time in times.items() if "conv" in key or "mm" in key]
    return sum(products) / sum(times.values())


def measure_time(case, repeats, contenders):
    """Seconds of each side, which part are products, and how many detections are torchvision's."""
    _, action, sizes, number, instances, threads, version = case
    torch.set_num_threads(threads)
    # What is made in inference mode, a model's buffers too, can take no part in training.
    with torch.inference_mode(action == "detect"):
        pictures = make_pictures(number, instances)
        theirs = version[0](sizes).eval()
        calls = {
            side: make_call(side, action, sizes, theirs, pictures, version)
            for side in sides_of(action)
        }
        rows = {
            side: {"share_of_products": share_of_products(call)} for side, call in calls.items()
        }
        calls |= {name: make_contender(name, theirs, pictures[0]) for name in contenders}
        for side, seconds in zip(calls, race(list(calls.values()), repeats)):
            rows.setdefault(side, {})["seconds"] = seconds
        if action == "detect":
            expected = calls[BASELINE]()
            # Random layers amplify bf16's rounding until other boxes win, so there it says nothing.
            for side in [side for side in calls if not side.endswith("bf16")]:
                rows[side]["share_found"] = share_found(calls[side](), expected)
        return rows


def try_contender(case, name):
    """Make a contender and let it detect twice."""
    _, _, sizes, number, instances, threads, version = case
    torch.set_num_threads(threads)
    pictures, _ = make_pictures(number, instances)
    with torch.inference_mode():
        detect = make_contender(name, version[0](sizes).eval(), pictures)
        for _ in range(2):
            detect()


def measure_memory(case, side):
    """The peak of resident memory, in MiB, of this process, which should do nothing else."""
    _, action, sizes, number, instances, threads, version = case
    torch.set_num_threads(threads)
    pictures = make_pictures(number, instances)
    with torch.inference_mode(action == "detect"):
        call = make_call(side, action, sizes, version[0](sizes), pictures, version)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what making the model left behind would count
        # Sets the peak to what is resident now.
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        for _ in range(2):
            call()
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10


def run_apart(arguments, limits):
    """What this file prints in a process of its own, with some more variables set."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.check_output(command, text=True, env=os.environ | limits))


def try_contenders(number, limits):
    """By name, None or how its process ended: one that crashes is not to take all others along."""
    ends = {}
    for name in contenders_here(limited="ONEDNN_MAX_CPU_ISA" in limits):
        command = [sys.executable, __file__, "--try", str(number), name]
        code = subprocess.run(command, stdout=sys.stderr, env=os.environ | limits).returncode
        end = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        ends[name] = end if code else None
    return ends


def measure_memory_apart(number, side, limits):
    # A fixed threshold; by default glibc raises it with what the program frees.
    fixed = {"MALLOC_TRIM_THRESHOLD_": str(2**17)}
    return run_apart(["--memory", str(number), side], limits | fixed)


def measure(instructions, limits, repeats, numbers):
    """Some of the cases with one set of instructions."""
    cases = []
    for number in numbers:
        name, action, *_ = CASES[number]
        ends = try_contenders(number, limits) if action == "detect" else {}
        able = [contender for contender, end in ends.items() if end is None]
        command = ["--time", str(number), "--repeats", str(repeats), "--contenders", *able]
        rows = run_apart(command, limits)
        if sys.platform.startswith("linux"):
            for side in rows:
                if "share_of_products" in rows[side]:
                    rows[side]["peak_mib"] = measure_memory_apart(number, side, limits)
        failed = {contender: end for contender, end in ends.items() if end is not None}
        case = {"name": name, "threads": CASES[number][5], "sides": rows}
        cases.append(case | ({"failed": failed} if failed else {}))
        print(instructions, name, rows, file=sys.stderr)
    return {
        "processor": name_of_processor(),
        "instructions": instructions,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cases": cases,
    }


def with_earlier_cases(measured, earlier):
    """Add the cases that were measured before and not now, if all else was the same."""
    alike = ("processor", "instructions", "torch", "torchvision")
    if any(measured[name] != earlier[name] for name in alike):
        return measured
    by_name = {case["name"]: case for case in [*earlier["cases"], *measured["cases"]]}
    order = [name for name, *_ in CASES]
    return measured | {
        "cases": sorted(by_name.values(), key=lambda case: order.index(case["name"]))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each call")
    parser.add_argument("--only", choices=instruction_sets(), help="one set of instructions")
    parser.add_argument("--small", action="store_true", help="pictures of 480 x 640 alone")
    parser.add_argument("--case", default="", help="cases whose name holds this")
    parser.add_argument("--time", metavar="CASE", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--contenders", nargs="*", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument(
        "--try", dest="tried", nargs=2, metavar=("CASE", "NAME"), help=argparse.SUPPRESS
    )
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.time is not None:
        case = CASES[arguments.time]
        print(json.dumps(measure_time(case, arguments.repeats, arguments.contenders)))
        return
    if arguments.tried:
        number, name = arguments.tried
        try_contender(CASES[int(number)], name)
        return
    if arguments.memory:
        number, side = arguments.memory
        print(measure_memory(CASES[int(number)], side))
        return
    path = arguments.output / "model.json"
    measurements = json.loads(path.read_text("utf-8")) if path.exists() else []
    numbers = [
        number
        for number, (name, _, sizes, *_) in enumerate(CASES)
        if arguments.case in name and (sizes == SMALL or not arguments.small)
    ]
    if not numbers:
        parser.error(f"no case's name holds {arguments.case!r}: {', '.join(c[0] for c in CASES)}")
    sets = instruction_sets()
    for instructions in [arguments.only] if arguments.only else sets:
        measured = measure(instructions, sets[instructions], arguments.repeats, numbers)
        where, others = (measured["processor"], instructions), []
        for other in measurements:
            if (other["processor"], other["instructions"]) == where:
                measured = with_earlier_cases(measured, other)
            else:
                others.append(other)
        measurements = [*others, measured]
        text = page_of_model(measurements)
        write_page(arguments.output, "model", measurements, text)
    print(text)


if __name__ == "__main__":
    main()
