"""What the processes that tests start do. Imported, with PyTorch, by the fork server."""

import multiprocessing
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch

from mrcnn_lite import files
from mrcnn_lite.cli import main
from mrcnn_lite.datasets import ShapesDataset, collate
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine import train as train_module
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import detect, evaluate
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.state import TrainingState
from mrcnn_lite.engine.train import backpropagate, move_weights, train
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mask_rcnn, mini_config

# What ends a process at once, with no chance to clean up; on Windows every signal does.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
WEIGHTS = Path(__file__).parents[2] / "data" / "weights" / "mini.safetensors"
SCENES = ShapesDataset(6, seed=0, image_size=64)
CONFIG = TrainConfig(steps=6, batch_size=2, warmup_steps=1, checkpoint_every=1)


def call(log, environment, function, arguments, changes) -> None:
    """Run a function as a process of a job does; its output goes to a file."""
    os.environ.update(environment)
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    torch.set_num_threads(1)
    try:
        with distributed.job():
            function(*arguments, **changes)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def was_killed(process) -> bool:
    """Say whether a process was ended by `KILL`; Windows gives its number for an exit status."""
    return abs(process.exitcode) == KILL


def log_of(process) -> str:
    """What a process has said; its output is in the system's encoding."""
    return process.log.read_text("utf-8", errors="replace")


def tiny_model(**overrides):
    torch.manual_seed(0)
    settings = {
        "min_size": 64,
        "fpn_channels": 16,
        "box_head_channels": 16,
        "mask_head_channels": (16,),
        "rpn_post_nms_top_n_train": 16,
    }
    return mask_rcnn(mini_config(SCENES.num_classes, **{**settings, **overrides}))


def train_tiny(out, **changes) -> None:
    train(tiny_model(), SCENES, replace(CONFIG, **changes), out, resume=True)


def train_and_die(out, moment: str, step: int) -> None:
    """Train until a moment of the writing of a step's checkpoint, and end as kill -9 ends it."""

    def die():
        os.kill(os.getpid(), KILL)

    save, replace_file = torch.save, os.replace

    def torn_save(checkpoint, writer):
        save(checkpoint, writer)
        if checkpoint["training"]["step"] == step:
            writer.flush()
            writer.file.truncate(writer.file.tell() // 2)
            die()

    def dying_replace(source, target):
        if Path(target).name.endswith(f"{step}.pt") and moment == "before renaming":
            die()
        replace_file(source, target)
        if Path(target).name.endswith(f"{step}.pt") and moment == "after renaming":
            die()

    if moment == "while writing":
        torch.save = torn_save
    else:
        files.os.replace = dying_replace
    train_tiny(out)


def give_command(arguments: list[str], method: str) -> None:
    """Do what `mrcnn-lite` does, with loading workers that start by this method."""
    multiprocessing.set_start_method(method, force=True)
    sys.exit(main(arguments))


def train_from(dataset, out, **changes) -> None:
    """Train on another data set than the scenes."""
    train(tiny_model(), dataset, replace(CONFIG, **changes), out, resume=True)


def save_gradients(out, images: list[int], micro_batches: int) -> None:
    """Compute one step's gradients in float64, with nothing drawn at random, on this part."""
    everything = {
        "rpn_fg_iou_thresh": 0.5,  # one threshold: no anchor is left out
        "rpn_bg_iou_thresh": 0.5,
        "rpn_positive_fraction": 1.0,
        "rpn_nms_thresh": 1.0,
        "box_fg_iou_thresh": 0.97,  # as many RoIs with a mask as there are objects
        "box_bg_iou_thresh": 0.97,
        "box_positive_fraction": 1.0,
        **dict.fromkeys(("rpn_batch_size_per_image", "box_batch_size_per_image"), 10**6),
        **dict.fromkeys(("rpn_pre_nms_top_n_train", "rpn_post_nms_top_n_train"), 10**6),
    }
    train_module.random_horizontal_flip = lambda images, targets: (images, targets)
    model = tiny_model(**everything).double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # its statistics are those of a process's own images
    config = replace(CONFIG, accumulate=micro_batches, clip_gradient_norm=None)
    state = TrainingState(model, SCENES, config)
    number = len(images) // micro_batches // distributed.num_processes()
    chunks = [images[k : k + number] for k in range(0, len(images), number)]
    batches = [
        ([image.double() for image in pictures], targets)
        for pictures, targets in (
            collate([SCENES[index] for index in chunk])
            for chunk in chunks[distributed.process_number() :: distributed.num_processes()]
        )
    ]
    values = backpropagate(distributed.parallel(model), state, batches)
    values |= move_weights(state, values)
    gradients = {name: p.grad for name, p in model.named_parameters()}
    torch.save((values, gradients), f"{out}-{distributed.process_number()}")


def save_evaluation(out, weights) -> None:
    """Evaluate a trained model and note which images this process ran."""
    scenes = ShapesDataset(5, seed=1)
    model = load_model(weights).model
    seen = [image_id for ids, _ in detect(model, scenes, batch_size=2) for image_id in ids]
    torch.save((evaluate(model, scenes, 2), seen), f"{out}-{distributed.process_number()}")
