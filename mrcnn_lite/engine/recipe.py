"""How to train: the settings of a run, its optimiser and its learning rate at every step."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch.optim import Optimizer

from mrcnn_lite.models import MaskRCNN

# torchvision's recipe lowers the learning rate tenfold after epochs 16 and 22 of 26.
STEP_MILESTONES = (16 / 26, 22 / 26)


@dataclass(frozen=True)
class TrainConfig:
    """How to train. The defaults suit `mini`, from random weights, on 128-px scenes.

    Attributes:
        steps: how many batches to learn from.
        batch_size: images per step.
        optimizer: "adamw", or "sgd" with momentum 0.9.
        learning_rate: the highest, reached after the warm-up.
        weight_decay: for weights; biases and normalisation have none.
        schedule: "cosine" falls to zero by the end; "steps" divides by 10 at 16/26 and 22/26.
        warmup_steps: the learning rate rises linearly over this many steps.
        clip_gradient_norm: the gradient is scaled down to this length if it is longer.
        checkpoint_every: steps between checkpoints; there is one at the end in any case.
        num_workers: processes that load images.
        seed: of the order of images, of flips and of the sampling of anchors and proposals.
    """

    steps: int = 1000
    batch_size: int = 8
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    schedule: Literal["cosine", "steps"] = "cosine"
    warmup_steps: int = 100
    clip_gradient_norm: float = 5.0
    checkpoint_every: int = 200
    num_workers: int = 0
    seed: int = 0

    def __post_init__(self):
        for name, allowed in (("optimizer", ("adamw", "sgd")), ("schedule", ("cosine", "steps"))):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} should be one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in ("steps", "batch_size", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1, got {getattr(self, name)}")


# resnet50's is torchvision's: 26 epochs of COCO's 118 thousand images, 16 at a time.
RECIPES = {
    "mini": TrainConfig(),
    "resnet50": TrainConfig(
        steps=26 * 118_287 // 16,
        batch_size=16,
        optimizer="sgd",
        learning_rate=0.02,
        weight_decay=1e-4,
        schedule="steps",
        warmup_steps=1000,
    ),
}


def make_optimizer(model: MaskRCNN, config: TrainConfig) -> Optimizer:
    """Make the optimiser; parameters of one dimension (biases, normalisation) do not decay."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.dim() <= 1], "weight_decay": 0.0},
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
