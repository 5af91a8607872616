"""What each command of `mrcnn-lite` does, given its parsed options."""

import json
import warnings
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace

import torch
from torch.utils.data import Dataset

from mrcnn_lite.datasets import (
    CocoDataset,
    PennFudanDataset,
    ShapesDataset,
    download_penn_fudan,
    export,
    read_image,
)
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.demo import HELD_OUT_SEED, run_demo
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.recipe import RECIPES, TrainConfig
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.explore.draw import figure_of_prediction
from mrcnn_lite.files import DATA, check_file_can_be_written, make_folder, write_atomically
from mrcnn_lite.models import MaskRCNN, mask_rcnn, mask_rcnn_resnet50_fpn, mini_config

SHIPPED_WEIGHTS = DATA / "weights" / "mini.safetensors"


def demo(options: Namespace) -> None:
    """Train `mini` on Shapes, measure it on scenes it never saw, draw what it sees."""
    run_demo(options.out, options.steps, options.seed, options.weights_out)


def train_model(options: Namespace) -> None:
    """Train a model from the beginning, or go on with an interrupted run."""
    dataset = open_dataset(options, training=True)
    torch.manual_seed(options.seed)
    model = make_model(options, dataset.num_classes).to(find_device(options.device))
    config = make_train_config(options)
    print(f"training {options.model} on {len(dataset)} images, writing to {options.out}")
    train(model, dataset, config, options.out, options.resume)
    print(f"done; next: mrcnn-lite evaluate {options.out} --dataset {options.dataset} ...")


def evaluate_model(options: Namespace) -> None:
    """Print pycocotools' table for a model and a data set."""
    if options.out is not None:
        # Before the work, not after it.
        check_file_can_be_written(options.out)
    loaded = load_model(options.checkpoint)
    dataset = open_dataset(options, training=False)
    for label, name in dataset.categories.items():
        if (known := loaded.categories.get(label, name)) != name:
            raise InputError(
                f"{options.checkpoint} learnt class {label} as {known}, but in this data set it is "
                f"{name}: they do not belong together"
            )
    if unknown := set(dataset.categories) - set(loaded.categories):
        names = ", ".join(dataset.categories[label] for label in sorted(unknown))
        warnings.warn(f"{options.checkpoint} never learnt {names}; their AP is 0", stacklevel=1)
    model = loaded.model.to(find_device(options.device))
    metrics = evaluate(model, dataset, options.batch_size, options.workers, print_table=True)
    if options.out is not None:
        with write_atomically(options.out) as temporary:
            temporary.write_text(json.dumps(metrics, indent=2) + "\n")
        print(f"wrote {options.out}")


def predict(options: Namespace) -> None:
    """Draw a model's detections on pictures: NAME_detections.png for each, in one folder."""
    loaded = load_model(options.checkpoint or SHIPPED_WEIGHTS)
    drawings = [options.out / f"{path.stem}_detections.png" for path in options.images]
    if len(set(drawings)) < len(drawings):
        raise InputError("two pictures have the same name, so their drawings would too")
    make_folder(options.out)
    device = find_device(options.device)
    model = loaded.model.to(device)
    for path, drawing in zip(options.images, drawings):
        image = read_image(path)
        with torch.inference_mode():
            detections = model([image.to(device)])[0]
        confident = detections["scores"] >= options.score
        detections = {name: value[confident].cpu() for name, value in detections.items()}
        with write_atomically(drawing) as temporary:
            figure_of_prediction(image, detections, loaded.categories).savefig(temporary, dpi=100)
        print(f"{path}: {len(detections['boxes'])} objects, drawn in {drawing}")


def write_shapes(options: Namespace) -> None:
    """Write Shapes as a COCO root."""
    try:
        dataset = ShapesDataset(options.scenes, options.seed, options.size, options.crowded)
    except ValueError as error:
        raise InputError(str(error)) from error
    out = export(dataset, options.out, options.split)
    print(f"wrote {len(dataset)} scenes to {out}")


def write_student_edition(options: Namespace) -> None:
    """Write the lessons without their solutions."""
    # Only here, because no other command needs the notebooks' tools.
    from mrcnn_lite.course.student import write_edition

    lessons = write_edition(options.out, options.solutions, options.hints)
    print(f"wrote {len(lessons)} lessons to {options.out}")


def open_dataset(options: Namespace, training: bool) -> Dataset:
    """Open the data set that the options name.

    Raises:
        InputError: options that belong to another data set, or that are missing.
    """
    if options.dataset == "shapes":
        for name in ("root", "split", "image_ids", "download"):
            if getattr(options, name) not in (None, False):
                raise InputError(f"--{name.replace('_', '-')} does not go with --dataset shapes")
        default_number, default_seed = (10_000, 0) if training else (200, HELD_OUT_SEED)
        seed = default_seed if options.scenes_seed is None else options.scenes_seed
        return ShapesDataset(options.scenes or default_number, seed)
    for name in ("scenes", "scenes_seed"):
        if getattr(options, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} only goes with --dataset shapes")
    if options.root is None:
        raise InputError(f"--dataset {options.dataset} needs --root")
    if options.dataset == "penn-fudan":
        if options.split is not None:
            raise InputError("--split does not go with --dataset penn-fudan")
        if options.download:
            download_penn_fudan(options.root)
        return PennFudanDataset(options.root / "PennFudanPed", options.image_ids)
    if options.download:
        raise InputError("--download only goes with --dataset penn-fudan")
    if options.split is None:
        raise InputError("--dataset coco needs --split, for example --split val2017")
    return CocoDataset(options.root, options.split, options.image_ids)


def make_model(options: Namespace, num_classes: int) -> MaskRCNN:
    """Build the model that the options name, with random or ImageNet weights."""
    sizes = {"min_size": options.min_size, "max_size": options.max_size}
    sizes = {name: value for name, value in sizes.items() if value is not None}
    if options.model == "mini":
        if options.weights_backbone is not None:
            raise InputError("--weights-backbone does not go with --model mini")
        return mask_rcnn(mini_config(num_classes, **sizes))
    try:
        return mask_rcnn_resnet50_fpn(
            weights_backbone=options.weights_backbone, num_classes=num_classes, **sizes
        )
    except KeyError as error:
        raise InputError(f"--weights-backbone: torchvision has no weights {error}") from error


def make_train_config(options: Namespace) -> TrainConfig:
    """Take the model's usual recipe, changed where the options say so."""
    recipe = RECIPES[options.model]
    batch_size = options.batch_size or recipe.batch_size
    if options.optimizer not in (None, recipe.optimizer) and options.learning_rate is None:
        raise InputError(f"--optimizer {options.optimizer} needs a --learning-rate of its own")
    changes = {
        "batch_size": batch_size,
        # Twice the images, twice the step (Goyal et al. 2017, section 2.1).
        "learning_rate": recipe.learning_rate * batch_size / recipe.batch_size,
        "num_workers": options.workers,
        "seed": options.seed,
    }
    for name in ("steps", "optimizer", "learning_rate", "schedule"):
        if getattr(options, name) is not None:
            changes[name] = getattr(options, name)
    config = replace(recipe, **changes)
    # A short trial warms up too, but not for all of its length.
    return replace(config, warmup_steps=min(config.warmup_steps, config.steps // 4))


def find_device(name: str) -> torch.device:
    """Turn --device into a device: "auto" is a GPU if PyTorch sees one, else the CPU.

    Raises:
        InputError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        # To the CPU and back, because a "meta" device holds no numbers.
        return torch.zeros(1, device=name).cpu().to(name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"--device {name} cannot be used: {str(error).splitlines()[0]}") from error


COMMANDS: dict[str, Callable[[Namespace], None]] = {
    "demo": demo,
    "train": train_model,
    "evaluate": evaluate_model,
    "predict": predict,
    "shapes": write_shapes,
    "student": write_student_edition,
}
