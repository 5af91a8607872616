"""How to train: the settings of a run, its optimiser and its learning rate at every step."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch.optim import Optimizer

from mrcnn_lite.errors import InputError
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.settings import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    check_settings,
)

# torchvision's recipe lowers the learning rate tenfold after epochs 16 and 22 of 26.
STEP_MILESTONES = (16 / 26, 22 / 26)
REFERENCE_EPOCHS = 26
# COCO train2017's images that have something to learn from, as torchvision's recipe counts them.
COCO_TRAINING_IMAGES = 117_266


@dataclass(frozen=True)
class TrainConfig:
    """How to train. The defaults suit `mini`, from random weights, on 128-px scenes.

    Attributes:
        steps: how many times the weights are moved.
        batch_size: images per step, over all processes and micro-batches.
        optimizer: "adamw", or "sgd" with momentum 0.9.
        learning_rate: the highest, reached after the warm-up.
        weight_decay: for weights.
        decay_biases: whether biases and normalisation decay too, as in torchvision's recipe.
        schedule: "cosine" falls to zero by the end; "steps" divides by 10 at 16/26 and 22/26.
        warmup_steps: the learning rate rises linearly over this many steps.
        mask_loss_weight: factor of the mask loss in the sum that is made small; 1 in the paper.
        clip_gradient_norm: the gradient is scaled down to this length if it is longer; None: never.
        accumulate: micro-batches per step and process, one after the other; the gradient is their
            mean.
        precision: "float32"; "bf16" or "fp16" (with a loss scaler) by autocast.
        compile: let torch.compile fuse the backbone.
        group_by_aspect_ratio: images of a micro-batch have similar shapes, so less padding.
        skip_empty_images: leave out images without an object to learn.
        checkpoint_every: steps between checkpoints; there is one at the end in any case.
        keep_checkpoints: how many of the last checkpoints stay.
        evaluate_every: steps between evaluations, if there are images to evaluate on; there is one
            at the end in any case.
        num_workers: processes that load images, per training process.
        tensorboard: also write event files for TensorBoard.
        seed: of the order of images, of flips and of the sampling of anchors and proposals.
    """

    steps: PositiveInt = 1000
    batch_size: PositiveInt = 8
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: NonNegativeFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.01
    decay_biases: bool = False
    schedule: Literal["cosine", "steps"] = "cosine"
    warmup_steps: NonNegativeInt = 100
    mask_loss_weight: PositiveFloat = 1.0
    clip_gradient_norm: PositiveFloat | None = 5.0
    accumulate: PositiveInt = 1
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    compile: bool = False
    group_by_aspect_ratio: bool = False
    skip_empty_images: bool = False
    checkpoint_every: PositiveInt = 200
    keep_checkpoints: PositiveInt = 2
    evaluate_every: PositiveInt | None = None
    num_workers: NonNegativeInt = 0
    tensorboard: bool = False
    seed: NonNegativeInt = 0

    def __post_init__(self):
        check_settings(self)

    def micro_batch_size(self, num_processes: int) -> int:
        """Say how many images a process takes at a time.

        Raises:
            InputError: the batch cannot be split evenly.
        """
        images, rest = divmod(self.batch_size, num_processes * self.accumulate)
        if rest:
            raise InputError(
                f"a batch of {self.batch_size} images cannot be split evenly over {num_processes} "
                f"processes x {self.accumulate} micro-batches"
            )
        return images


# resnet50's is torchvision's reference recipe for Mask R-CNN: eight GPUs with two images each.
RECIPES = {
    "mini": TrainConfig(),
    "resnet50": TrainConfig(
        steps=REFERENCE_EPOCHS * COCO_TRAINING_IMAGES // 16,
        batch_size=16,
        optimizer="sgd",
        learning_rate=0.02,
        weight_decay=1e-4,
        decay_biases=True,
        schedule="steps",
        warmup_steps=1000,
        clip_gradient_norm=None,
        group_by_aspect_ratio=True,
        skip_empty_images=True,
        checkpoint_every=1000,
    ),
}


def recipe_for(backbone: str) -> TrainConfig:
    """Choose a backbone's usual recipe: the minis share one, and the large ones share another."""
    return RECIPES["mini" if backbone.startswith("mini") else "resnet50"]


def scale_recipe(recipe: TrainConfig, batch_size: int) -> TrainConfig:
    """Change the batch and, in proportion, the learning rate (Goyal et al. 2017, section 2.1).

    Twice the images give a gradient whose noise has half the variance, and half as many steps per
    epoch: so each step may go twice as far. That is SGD's rule. AdamW's steps are about as long
    whatever the batch; for it a smaller batch's rate is cautious.
    """
    learning_rate = recipe.learning_rate * batch_size / recipe.batch_size
    return replace(recipe, batch_size=batch_size, learning_rate=learning_rate)


def make_optimizer(model: MaskRCNN, config: TrainConfig) -> Optimizer:
    """Make the optimiser over the parameters that are trained.

    Parameters of one dimension are the biases and normalisation's scales.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    other_decay = config.weight_decay if config.decay_biases else 0.0
    groups = [
        {"params": [p for p in trainable if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.dim() <= 1], "weight_decay": other_decay},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, config.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, config.learning_rate)


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Say which part of the highest learning rate step `step` (from 0) uses."""
    if step < config.warmup_steps:
        return (step + 1) / (config.warmup_steps + 1)
    if config.schedule == "steps":
        return 0.1 ** sum(step >= milestone * config.steps for milestone in STEP_MILESTONES)
    progress = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def set_learning_rate(optimizer: Optimizer, step: int, config: TrainConfig) -> float:
    """Give the optimiser the learning rate of step `step` (from 0), and return it."""
    learning_rate = config.learning_rate * learning_rate_factor(step, config)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    return learning_rate
