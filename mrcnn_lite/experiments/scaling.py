"""What full training costs: counted, predicted, and checked against this machine's CPU.

    python -m mrcnn_lite.experiments.scaling                # a minute on two idle cores
    python -m mrcnn_lite.experiments.scaling --price 1.5    # with your own assumptions

It counts a training step of ResNet-50 with FPN, predicts time and price on GPUs, measures how fast
this CPU multiplies, predicts a step here from that, and measures the step. It writes
docs/results/scaling.json and scaling.png, and the tables in docs/scaling.md.
"""

import argparse
import json
import platform
from dataclasses import asdict, replace
from pathlib import Path

import torch
from matplotlib.figure import Figure

from mrcnn_lite.engine.recipe import COCO_TRAINING_IMAGES, RECIPES, REFERENCE_EPOCHS
from mrcnn_lite.experiments.pages import fill_in
from mrcnn_lite.experiments.scaling_on_cpu import check_on_cpu, measure_speeds
from mrcnn_lite.experiments.scaling_tables import MIB, make_tables
from mrcnn_lite.explore.measure.step_cost import Cluster, StepCost, count_step, predict_step
from mrcnn_lite.explore.palette import BLUE, VERMILLION
from mrcnn_lite.files import write_atomically, write_text
from mrcnn_lite.models.config import MaskRCNNConfig

THREADS = 2
# COCO's most frequent picture, 640 x 480, resized by 800/1333 and padded.
HEIGHT, WIDTH = 800, 1088
NUM_MASK_ROIS = 64
IMAGES_PER_GPU = 2
GIGABIT = 1e9 / 8
LINKS = (10, 25, 100)  # Gbit/s between machines
# torchvision 0.3's release notes: 8 V100, 2 images each, float32.
PUBLISHED_SECONDS, V100_PEAK = 0.2728, 15.7e12


def predict_runs(cost: StepCost, cluster: Cluster) -> list[dict]:
    """The reference recipe's 26 epochs on 1, 8 and 64 GPUs."""
    rows = []
    for gpus in (1, 8, 64):
        step = predict_step(cost, replace(cluster, gpus=gpus), IMAGES_PER_GPU)
        batch = gpus * IMAGES_PER_GPU
        steps = REFERENCE_EPOCHS * COCO_TRAINING_IMAGES // batch
        hours = steps * step.total / 3600
        rows.append(
            {
                "gpus": gpus,
                "batch": batch,
                "learning_rate": RECIPES["resnet50"].learning_rate * batch / 16,
                "steps": steps,
                **asdict(step),
                "hours": hours,
                "price": hours * gpus * cluster.price,
            }
        )
    return rows


def slowest_link(cost: StepCost, cluster: Cluster) -> float:
    """Gbit/s between two of many machines below which GPUs begin to wait."""
    backward = IMAGES_PER_GPU * (cost.flops - cost.forward)
    hidden = cluster.overlap * backward / (cluster.peak_flops * cluster.utilisation)
    return 2 * cost.gradient_bytes / hidden / GIGABIT


def state_facts(cost: StepCost, cluster: Cluster) -> str:
    """Say in a list what the count amounts to."""
    published = IMAGES_PER_GPU * cost.flops / PUBLISHED_SECONDS
    all_flops = cost.flops * REFERENCE_EPOCHS * COCO_TRAINING_IMAGES
    facts = [
        f"One image, forward and backward: **{cost.flops / 1e12:.2f} TFLOP**; "
        f"26 epochs: {all_flops:.1e} FLOP.",
        f"Parameters: {cost.parameters / 1e6:.1f} million, {cost.trainable / 1e6:.1f} million "
        f"trained: {cost.gradient_bytes / MIB:.0f} MiB of gradients in every step, "
        f"{cost.state_bytes / MIB:.0f} MiB of weights, gradients and momentum.",
        f"Kept for the backward pass: {cost.saved_bytes / MIB:.0f} MiB per image in float32, about "
        "half of it under bf16 autocast; the rest of the model comes on top.",
        "Between machines GPUs begin to wait below "
        f"**{slowest_link(cost, cluster):.0f} Gbit/s per machine**.",
        f"Outside check: torchvision published {PUBLISHED_SECONDS} s a step on 8 V100, 2 images "
        f"each (release notes of 0.3). By this count that is {published / 1e12:.1f} TFLOP/s per "
        f"GPU, {100 * published / V100_PEAK:.0f} % of its float32 peak.",
    ]
    return "\n".join(f"- {fact}" for fact in facts)


def draw(cost: StepCost, cluster: Cluster) -> Figure:
    """Draw images per second against the number of GPUs, for several links."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    numbers = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for link, style, colour in zip(LINKS, ("o--", "s-", "^:"), (VERMILLION, BLUE, "black")):
        rates = []
        for gpus in numbers:
            machines = replace(cluster, gpus=gpus, between=link * GIGABIT)
            rates.append(gpus * IMAGES_PER_GPU / predict_step(cost, machines, IMAGES_PER_GPU).total)
        axes.plot(numbers, rates, style, color=colour, label=f"{link} Gbit/s between machines")
    axes.set(xscale="log", yscale="log", xlabel="GPUs (8 per machine)", ylabel="images per second")
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.set_title("Predicted: two images per GPU, ResNet-50 + FPN")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--price", type=float, default=Cluster.price, help="per GPU and hour")
    parser.add_argument("--utilisation", type=float, default=Cluster.utilisation)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    cluster = Cluster(gpus=8, price=options.price, utilisation=options.utilisation)
    cost = count_step(MaskRCNNConfig(), HEIGHT, WIDTH, num_mask_rois=NUM_MASK_ROIS)
    machines = replace(cluster, gpus=64)
    links = [
        {
            "gigabits": link,
            **asdict(predict_step(cost, replace(machines, between=link * GIGABIT), IMAGES_PER_GPU)),
        }
        for link in LINKS
    ]
    speeds = measure_speeds()
    results = {
        "command": "python -m mrcnn_lite.experiments.scaling",
        "torch": torch.__version__,
        "threads": THREADS,
        "machine": platform.processor() or platform.machine(),
        "assumptions": asdict(cluster),
        "parts": {name: asdict(part) for name, part in cost.parts.items()},
        "facts": state_facts(cost, cluster),
        "predictions": predict_runs(cost, cluster),
        "links": links,
        "cpu_speeds": speeds,
        "cpu": [check_on_cpu(480, 640, speeds), check_on_cpu(HEIGHT, WIDTH, speeds)],
    }
    tables = make_tables(results)
    print("\n\n".join(tables.values()))
    write_text(options.docs / "results" / "scaling.json", json.dumps(results, indent=2) + "\n")
    with write_atomically(options.docs / "results" / "scaling.png") as temporary:
        draw(cost, cluster).savefig(temporary, dpi=110)
    fill_in(options.docs / "scaling.md", tables)


if __name__ == "__main__":
    main()
