"""The whole model against torchvision's, and against what else runs it: time and memory on a CPU.

    python benchmarks/model.py                    # every instruction set that the processor has
    python benchmarks/model.py --only AVX2        # one of them
    python benchmarks/model.py --small            # pictures of 480 x 640 alone: a third of the time
    python benchmarks/model.py --case keypoints   # the cases whose name says so
    pip install onnx onnxruntime openvino         # more contenders (benchmarks/contenders.py)

The same weights and pictures for all (benchmarks/lively_model.py). Each set of instructions is
measured in processes that are kept to it, so a processor with more of them also says what one with
fewer would do. Each side has a process of its own, as it has with a user: in a common one the large
tensors of the one decide how the C library finds memory for those of the other. All sides take
turns, twice in new processes, and a ratio is the median of the turns' ratios: what else the machine
does disturbs neighbours alike, so the ratios say more than the seconds. Detections are compared,
too: a contender that is fast and wrong would show. A contender that crashes is named on the page
and left out.

It writes model.md and model.json and replaces in them the cases that were measured on the same
processor; what another kind of processor measured stays, under its name.

Peak memory is the highest resident memory of another process that makes one model and calls it
twice (Linux only), the model and PyTorch itself included. The C library's allocator is told to
return what is freed: else it keeps some of it, more or less as it comes, by some 60 MiB.
"""

import argparse
import ctypes
import gc
import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import torch
import torchvision
from apart import Apart, EndedError
from contenders import contenders_here, make_contender, share_found
from lively_model import make_pictures
from model_cases import CASES, SIDES, SMALL, make_call, sides_of
from model_page import BASELINE, page_of_model
from processor import instruction_sets, name_of_processor
from torch.profiler import ProfilerActivity, profile

from mrcnn_lite.experiments.pages import write_page
from mrcnn_lite.experiments.turns import take_turns

# How often all sides start anew: which memory a process gets is luck, and stays with it.
ROUNDS = 2


class Side:
    """One side of a case, of ours or a contender: its model and what it is called with.

    Args:
        number: of the case in `CASES`.
        side: one of `SIDES` or `contenders_here`.
    """

    def __init__(self, number, side):
        _, action, sizes, images, instances, threads, version = CASES[number]
        torch.set_num_threads(threads)
        # What is made in inference mode, a model's buffers too, can take no part in training.
        self.mode = partial(torch.inference_mode, action == "detect")
        self.action = action
        with self.mode():
            pictures = make_pictures(images, instances)
            theirs = version[0](sizes).eval()
            if side in SIDES[action]:
                self.call = make_call(side, action, sizes, theirs, pictures, version)
            else:
                self.call = make_contender(side, theirs, pictures[0])

    def sides(self):
        """Whose calls are measured with the instructions of this process."""
        return sides_of(self.action)

    def run(self):
        with self.mode():
            self.call()

    def share_of_products(self):
        """Which part of a call's time goes into convolutions and matrix products."""
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            self.run()
        times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
        products = [time for key, time in times.items() if "conv" in key or "mm" in key]
        return sum(products) / sum(times.values())

    def detections(self):
        """Boxes, labels and scores of each picture."""
        with self.mode():
            return [
                {name: found[name].numpy() for name in ("boxes", "labels", "scores")}
                for found in self.call()
            ]

    def peak_memory(self):
        """The peak of resident memory, in MiB, of two calls."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what making the model left behind would count
        # Sets the peak to what is resident now.
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        for _ in range(2):
            self.run()
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10


def start(number, limits, stack):
    """A process for each side of a case: ours and contenders, by name, and what became of others.

    Returns:
        `Apart` of torchvision's model and of ours, `Apart` of contenders that detect, and how those
        ended that do not.
    """

    def start_one(side):
        return stack.enter_context(Apart(Side, number, side, variables=limits))

    baseline = start_one(BASELINE)
    _, *others = baseline.ask("sides")
    ours = {BASELINE: baseline} | {side: start_one(side) for side in others}
    contenders, failed = {}, {}
    if CASES[number][1] == "train":
        return ours, contenders, failed
    for name in contenders_here(limited="ONEDNN_MAX_CPU_ISA" in limits):
        try:
            contender = start_one(name)
            for _ in range(2):
                contender.ask("run")
        except EndedError as end:
            failed[name] = str(end)
        else:
            contenders[name] = contender
    return ours, contenders, failed


def measure_round(number, limits, repeats):
    """Each side's seconds, turn by turn, what else a row says of it, and how contenders failed."""
    with ExitStack() as stack:
        ours, contenders, failed = start(number, limits, stack)
        sides = ours | contenders
        turns = take_turns([partial(side.ask, "run") for side in sides.values()], repeats)
        facts = {side: {} for side in sides}
        for side in ours:
            facts[side]["share_of_products"] = ours[side].ask("share_of_products")
        if CASES[number][1] == "detect":
            expected = ours[BASELINE].ask("detections")
            # Random layers amplify bf16's rounding until other boxes win, so there it says nothing.
            for side in [side for side in sides if not side.endswith("bf16")]:
                found = sides[side].ask("detections")
                facts[side]["share_found"] = share_found(found, expected)
    return dict(zip(sides, turns)), facts, failed


def measure_case(number, limits, repeats):
    """What the page shows of each side, and how contenders failed."""
    rounds = [measure_round(number, limits, repeats) for _ in range(ROUNDS)]
    failed = {name: end for *_, ends in rounds for name, end in ends.items()}
    times, rows = {}, {}
    for side, facts in rounds[-1][1].items():
        if side in failed:
            continue
        times[side] = [seconds for turns, *_ in rounds for seconds in turns[side]]
        ratios = [theirs / here for theirs, here in zip(times[BASELINE], times[side], strict=True)]
        rows[side] = {"seconds": min(times[side]), "ratio": median(ratios), **facts}
        if "share_of_products" in facts and sys.platform.startswith("linux"):
            rows[side]["peak_mib"] = measure_memory(number, side, limits)
    case = {"name": CASES[number][0], "threads": CASES[number][5], "sides": rows}
    return case | ({"failed": failed} if failed else {})


def measure_memory(number, side, limits):
    # A fixed threshold; by default glibc raises it with what the program frees.
    fixed = {"MALLOC_TRIM_THRESHOLD_": str(2**17)}
    with Apart(Side, number, side, variables=limits | fixed) as alone:
        return alone.ask("peak_memory")


def measure(instructions, limits, repeats, numbers):
    """Some of the cases with one set of instructions."""
    cases = []
    for number in numbers:
        cases.append(measure_case(number, limits, repeats))
        print(instructions, cases[-1], file=sys.stderr)
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
    parser.add_argument("--repeats", type=int, default=5, help="timed runs in each process")
    parser.add_argument("--only", choices=instruction_sets(), help="one set of instructions")
    parser.add_argument("--small", action="store_true", help="pictures of 480 x 640 alone")
    parser.add_argument("--case", default="", help="cases whose name holds this")
    arguments = parser.parse_args()
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
