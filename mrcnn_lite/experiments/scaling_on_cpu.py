"""How fast this CPU multiplies, and what a step takes on it: a check of `scaling`'s count."""

import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from mrcnn_lite.experiments.turns import race
from mrcnn_lite.explore.measure.step_cost import count_step
from mrcnn_lite.models import mask_rcnn
from mrcnn_lite.models.config import MaskRCNNConfig

TURNS = 3


def speed_of(module: nn.Module, inputs: torch.Tensor, flops: float) -> float:
    """Operations per second of a module's forward and backward pass on this CPU."""
    module = module.to(memory_format=torch.channels_last)
    if inputs.dim() == 4:
        inputs = inputs.to(memory_format=torch.channels_last)
    inputs.requires_grad_()

    def run() -> None:
        module.zero_grad()
        module(inputs).sum().backward()

    return 3 * flops / race([run], TURNS)[0]


def measure_speeds() -> dict[str, float]:
    """One typical layer for each part of the model."""
    block = Bottleneck(512, 128)
    products = 512 * 128 + 9 * 128 * 128 + 128 * 512
    convolution = nn.Conv2d(256, 256, 3, padding=1)
    nine = 9 * 256 * 256
    return {
        "backbone": speed_of(block, torch.randn(1, 512, 100, 136), 2 * 100 * 136 * products),
        "FPN": speed_of(convolution, torch.randn(1, 256, 100, 136), 2 * 100 * 136 * nine),
        "box branch": speed_of(
            nn.Linear(12544, 1024), torch.randn(512, 12544), 2 * 512 * 12544 * 1024
        ),
        "mask branch": speed_of(convolution, torch.randn(32, 256, 14, 14), 2 * 32 * 196 * nine),
    }


def check_on_cpu(height: int, width: int, speeds: dict[str, float]) -> dict:
    """Predict and measure a training step of one image with 20 objects."""
    # Random weights need batch norm; then everything is trained, as without pre-training.
    config = MaskRCNNConfig(
        frozen_batch_norm=False,
        trainable_backbone_layers=5,
        min_size=min(height, width),
        max_size=max(height, width),
    )
    torch.manual_seed(0)
    model = mask_rcnn(config).to(memory_format=torch.channels_last).train()
    corners = torch.rand(20, 2) * torch.tensor([width - 200.0, height - 200.0])
    masks = torch.zeros(20, height, width, dtype=torch.uint8)
    target = {
        "boxes": torch.cat([corners, corners + 40 + 150 * torch.rand(20, 2)], dim=1),
        "labels": torch.randint(1, 91, (20,)),
        "masks": masks,
    }
    for mask, (x1, y1, x2, y2) in zip(masks, target["boxes"].int().tolist()):
        mask[y1:y2, x1:x2] = 1
    numbers = []
    model.roi_heads.mask_head.register_forward_hook(
        lambda _m, args, _o: numbers.append(len(args[0]))
    )

    def step() -> None:
        model.zero_grad()
        sum(model([torch.rand(3, height, width)], [target]).values()).backward()

    (measured,) = race([step], TURNS)
    cost = count_step(config, height, width, num_mask_rois=round(sum(numbers) / len(numbers)))
    by_part = {
        name: (part.forward + part.backward) / speeds.get(name, speeds["FPN"])
        for name, part in cost.parts.items()
    }
    return {
        "height": height,
        "width": width,
        "mask_rois": round(sum(numbers) / len(numbers)),
        "teraflops": cost.flops / 1e12,
        "predicted_seconds": sum(by_part.values()),
        "measured_seconds": measured,
    }
