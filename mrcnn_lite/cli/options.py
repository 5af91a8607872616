"""From the options of `mrcnn-lite` to what they name: a model, a recipe, a device."""

from argparse import Namespace
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.models import get_model_weights

from mrcnn_lite.datasets.coco_categories import COCO_CATEGORIES
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import LoadedModel, load_model
from mrcnn_lite.engine.recipe import REFERENCE_EPOCHS, TrainConfig, recipe_for, scale_recipe
from mrcnn_lite.engine.start_weights import start_from
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import MaskRCNN, mask_rcnn, mini_config
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.published import PUBLISHED, settings_to_start_from
from mrcnn_lite.models.weights import fetch_state_dict

# The settings that have an option of their own, and what it is called.
TRAINING_OPTIONS = {
    "steps": "steps",
    "batch_size": "batch_size",
    "optimizer": "optimizer",
    "learning_rate": "learning_rate",
    "accumulate": "accumulate",
    "precision": "precision",
    "compile": "compile",
    "evaluate_every": "evaluate_every",
    "num_workers": "workers",
    "tensorboard": "tensorboard",
    "seed": "seed",
}
MODEL_OPTIONS = {
    "backbone": "model",
    "num_classes": "dataset",
    "min_size": "min_size",
    "max_size": "max_size",
}
# Before, PyTorch's MPS had no `embedding_bag`, by which the RoI operations read a map.
MPS_SINCE = "2.10"


def make_model(options: Namespace, num_classes: int) -> MaskRCNN:
    """Build the model that the options name, with random, ImageNet, COCO or earlier weights.

    From a checkpoint it takes the configuration too, but for the classes and what the options say.

    Raises:
        InputError: options that do not fit together, or weights that cannot be had.
    """
    overrides = {"num_classes": num_classes}
    if options.min_size is not None:
        one, *others = options.min_size
        overrides["min_size"] = (one, *others) if others else one
    if options.max_size is not None:
        overrides["max_size"] = options.max_size
    overrides |= pick_settings(options.set, MaskRCNNConfig)
    if options.weights_backbone is not None:
        if options.weights is not None:
            raise InputError("--weights-backbone does not go with --weights, which bring their own")
        if options.model.startswith("mini"):
            raise InputError(f"--weights-backbone does not go with --model {options.model}")
    try:
        if options.weights is None:
            return _build_new_model(options, overrides)
        if options.weights in PUBLISHED:
            return _build_from_published(options, overrides)
        return _build_from_checkpoint(options, overrides)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error


def _build_new_model(options: Namespace, overrides: dict[str, Any]) -> MaskRCNN:
    if options.model.startswith("mini"):
        return mask_rcnn(mini_config(backbone=options.model, **overrides))
    settings = {"backbone": options.model, **settings_to_start_from(None, options.weights_backbone)}
    if options.weights_backbone is None and distributed.is_first():
        print("random weights; the reference recipe starts with --weights-backbone DEFAULT")
    try:
        return mask_rcnn(MaskRCNNConfig(**{**settings, **overrides}), options.weights_backbone)
    except KeyError as error:
        there = ", ".join(get_model_weights(options.model).__members__)
        raise InputError(
            f"--weights-backbone: torchvision has no weights {error} of {options.model}, "
            f"but {there}"
        ) from error


def _build_from_published(options: Namespace, overrides: dict[str, Any]) -> MaskRCNN:
    if options.model != "resnet50":
        raise InputError(f"--weights {options.weights} does not go with --model {options.model}")
    weights, _ = PUBLISHED[options.weights]
    state = fetch_state_dict(weights)
    model = mask_rcnn(MaskRCNNConfig(**{**settings_to_start_from(weights, None), **overrides}))
    _start_from(options.weights, model, state)
    return model


def _build_from_checkpoint(options: Namespace, overrides: dict[str, Any]) -> MaskRCNN:
    earlier = load_earlier_model(options)
    if earlier.config.backbone != options.model:
        raise InputError(
            f"--weights {options.weights} holds a {earlier.config.backbone}, "
            f"but --model is {options.model}"
        )
    model = mask_rcnn(replace(earlier.config, **overrides))
    _start_from(options.weights, model, earlier.state_dict())
    return model


def load_earlier_model(options: Namespace) -> MaskRCNN:
    """Load the checkpoint that --weights names.

    Raises:
        InputError: there is none, or it cannot be used.
    """
    if not Path(options.weights).exists():
        raise InputError(
            f"--weights {options.weights}: expected {', '.join(PUBLISHED)} or a checkpoint, but "
            "there is no such file; ImageNet's weights in the backbone are --weights-backbone "
            "DEFAULT"
        )
    return load_model(options.weights).model


def load_detector(options: Namespace) -> LoadedModel:
    """Load the model to use: a checkpoint, torchvision's published weights, or the shipped model.

    Raises:
        InputError: it cannot be had.
    """
    if options.weights is None:
        return load_model(options.checkpoint or SHIPPED_WEIGHTS)
    weights, build = PUBLISHED[options.weights]
    return LoadedModel(build(weights=weights).eval(), COCO_CATEGORIES)


def _start_from(name: str, model: MaskRCNN, state: dict[str, Tensor]) -> None:
    left = start_from(model, state)
    if left and distributed.is_first():
        print(
            f"the classes differ from those of {name}, or it has no such branch: "
            f"{', '.join(left)} are new"
        )


def make_train_config(
    options: Namespace, dataset: Dataset, validation: Dataset | None
) -> TrainConfig:
    """Take the model's usual recipe, changed where the options say so.

    Raises:
        InputError: options that do not fit together, or values that a setting does not take.
    """
    recipe = recipe_for(options.model)
    if options.optimizer not in (None, recipe.optimizer) and options.learning_rate is None:
        raise InputError(f"--optimizer {options.optimizer} needs a --learning-rate of its own")
    config = scale_recipe(recipe, options.batch_size or recipe.batch_size)
    given = {name: getattr(options, option) for name, option in TRAINING_OPTIONS.items()}
    given = {name: value for name, value in given.items() if value is not None}
    given |= pick_settings(options.set, TrainConfig)
    try:
        config = replace(config, **given)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    usable = len(dataset)
    if config.skip_empty_images:
        usable = sum(dataset.has_objects(index) for index in range(len(dataset)))
    epochs = options.epochs or (None if options.model.startswith("mini") else REFERENCE_EPOCHS)
    if options.steps is None and epochs is not None:
        config = replace(config, steps=max(round(epochs * usable / config.batch_size), 1))
    if validation is not None and config.evaluate_every is None:
        config = replace(config, evaluate_every=max(usable // config.batch_size, 1))
    # Whether a batch can be split is asked before anything is written.
    config.micro_batch_size(distributed.num_processes())
    if "warmup_steps" not in given:
        # A short trial warms up too, but not for all of its length.
        config = replace(config, warmup_steps=min(config.warmup_steps, config.steps // 4))
    return config


def pick_settings(settings: list[tuple[str, Any]], kind: type) -> dict[str, Any]:
    """Take those --set NAME=VALUE that are fields of a configuration.

    Raises:
        InputError: a name is a field of neither configuration, or comes twice, or has an option of
            its own.
    """
    known = {field.name for config in (TrainConfig, MaskRCNNConfig) for field in fields(config)}
    names = [name for name, _ in settings]
    for name in names:
        if option := (TRAINING_OPTIONS | MODEL_OPTIONS).get(name):
            option = option.replace("_", "-")
            raise InputError(f"--set {name}=...: that is for --{option} to say")
        if name not in known:
            raise InputError(f"--set {name}=...: there is no such setting")
        if names.count(name) > 1:
            raise InputError(f"--set {name}=... is given twice")
    own = {field.name for field in fields(kind)}
    return {name: value for name, value in settings if name in own}


def find_device(name: str) -> torch.device:
    """Turn --device into a device: "auto" is CUDA if PyTorch sees it, else MPS, else the CPU.

    With "auto" or "cuda" each process of a job gets a GPU of its own.

    Raises:
        InputError: there is no such device, or it cannot run a model.
    """
    devices = _devices_here()
    if name == "auto":
        name = devices[0].partition(":")[0]
    if name == "cuda":
        name = f"cuda:{distributed.own_gpu()}"
    try:
        device = _open_device(name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].removesuffix(".")
        raise InputError(
            f"--device {name} cannot be used ({reason}); this machine has {', '.join(devices)}"
        ) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _open_device(name: str) -> torch.device:
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        # PyTorch would name all devices that it has heard of.
        raise RuntimeError("PyTorch knows no such device") from error
    if kind == "mps" and (obstacle := _obstacle_to_mps()):
        raise RuntimeError(obstacle)
    on_device = torch.zeros(1, device=name)
    # A "meta" device holds no numbers to bring back.
    on_device.cpu()
    return on_device.device


def _devices_here() -> list[str]:
    """Name the devices that can run a model, those that "auto" would take first."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [*cuda, *([] if _obstacle_to_mps() else ["mps"]), "cpu"]


def _obstacle_to_mps() -> str | None:
    """Say why a model cannot run on Apple's GPU, if it cannot."""
    if not torch.backends.mps.is_available():
        return "PyTorch finds no Apple GPU"
    if torch.__version__ < MPS_SINCE:
        return f"on an Apple GPU models need PyTorch {MPS_SINCE} or newer, not {torch.__version__}"
    if distributed.is_parallel():
        return "the processes of a job cannot share the Apple GPU"
    return None
