"""The commands that train: a first run, a run of one's own, the paper's tables."""

from argparse import Namespace

import torch

from mrcnn_lite.cli.options import (
    find_device,
    make_model,
    make_train_config,
    open_training_data,
)
from mrcnn_lite.console import quoted
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.train import train


def demo(options: Namespace) -> None:
    """Train `mini` on Shapes, measure it on scenes it never saw, draw what it sees."""
    # Only here, since no other command needs it.
    from mrcnn_lite.experiments.demo import run_demo

    run_demo(options.out, options.steps, options.seed, options.weights_out)


def train_model(options: Namespace) -> None:
    """Train a model from the beginning, or go on with an interrupted run."""
    with distributed.job():
        device = find_device(options.device)
        # What has to be downloaded is downloaded once.
        with distributed.first_goes_ahead():
            dataset, validation = open_training_data(options)
            torch.manual_seed(options.seed)
            model = make_model(options, dataset.num_classes).to(device)
        config = make_train_config(options, dataset, validation)
        if distributed.is_first():
            processes = distributed.num_processes()
            where = f"{processes} processes" if processes > 1 else str(device)
            print(
                f"training {options.model} on {len(dataset)} images with {where}: {config.steps} "
                f"steps of {config.batch_size} images, writing to {options.out}"
            )
        train(model, dataset, config, options.out, options.resume, validation)
        if distributed.is_first():
            out = quoted(options.out)
            print(f"done; next: mrcnn-lite evaluate {out} --dataset {options.dataset} ...")


def run_tables(options: Namespace) -> None:
    """Train the rows of the paper's tables in miniature, and write the tables."""
    # Only here, since no other command draws tables.
    from mrcnn_lite.experiments.ablate import ablate

    device = find_device(options.device)
    # One named GPU is that one; otherwise all that there are.
    device = str(device) if ":" in options.device else device.type
    ablate(
        options.tables,
        options.out,
        options.runs,
        options.seeds,
        options.steps,
        options.jobs,
        device,
    )
