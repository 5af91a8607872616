"""The commands that train: a first run, a run of one's own, the paper's tables."""

from argparse import Namespace

import torch

from mrcnn_lite.cli.command_line import command_line
from mrcnn_lite.cli.data import (
    describe_people,
    kind_of_data,
    open_training_data,
    run_so_far,
)
from mrcnn_lite.cli.options import find_device, make_model, make_train_config
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError


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
        _check_length(options, config)
        if distributed.is_first():
            if described := describe_people(dataset):
                print(f"training on {described}")
            processes = distributed.num_processes()
            where = f"{processes} processes" if processes > 1 else str(device)
            print(
                f"training {options.model} on {len(dataset)} images with {where}: {config.steps} "
                f"steps of {config.batch_size} images, writing to {options.out}"
            )
        train(model, dataset, config, options.out, options.resume, validation)
        if distributed.is_first():
            print(f"done; next: {_evaluation(options)}")


def _check_length(options: Namespace, config: TrainConfig) -> None:
    """Refuse to make a run longer than it was to be, and say what to do instead.

    Its learning rate has fallen towards its end, or is about to: it would not be the same run.

    Raises:
        InputError: the run in --out has another number of steps.
    """
    steps = run_so_far(options).get("training", {}).get("steps", config.steps)
    if not isinstance(steps, int) or config.steps <= steps:
        return
    changes = {"resume": False, "steps": config.steps - steps, "epochs": None}
    changes |= {"weights": str(options.out), "weights_backbone": None}
    changes["out"] = options.out.with_name(f"{options.out.name}-longer")
    longer = command_line(Namespace(**{**vars(options), **changes}))
    raise InputError(
        f"the run in {options.out} is one of {steps} steps, by which its learning rate falls, and "
        f"cannot go on to {config.steps}. To train on from its weights: {longer}"
    )


def _evaluation(options: Namespace) -> str:
    """The command that measures what was trained: on what was held out, if anything was."""
    names = ("dataset", "root", "split", "annotations", "images", "image_ids", "validation")
    measured = Namespace(**{name: getattr(options, name) for name in (*names, "device")})
    measured.command, measured.checkpoint = "evaluate", options.out
    held_out = options.validation
    if kind_of_data(options) == "coco" and held_out is not None and not held_out.endswith("%"):
        # Data of their own, of which all are meant.
        name = "split" if options.annotations is None else "annotations"
        setattr(measured, name, held_out)
        measured.image_ids = measured.validation = None
    return command_line(measured)


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
