"""What happens to pictures between dataset and model: batching, and flips for training.

Random numbers are drawn on whole batches, in the process that trains, and not in the workers that
load: so the state of one generator is all that a resumed training needs to go on exactly.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as v2
from torchvision.tv_tensors import BoundingBoxes

Target = dict[str, Any]


def collate(samples: Sequence[tuple[Tensor, Target]]) -> tuple[list[Tensor], list[Target]]:
    """Turn samples into a list of images and a list of targets: images may differ in size.

    This is the `collate_fn` for `torch.utils.data.DataLoader`.
    """
    images, targets = zip(*samples)
    return list(images), list(targets)


def horizontal_flip(image: Tensor, target: Target) -> tuple[Tensor, Target]:
    """Mirror an image left to right, together with its boxes and masks.

    Args:
        image: `Tensor[3, H, W]`.
        target: with "boxes" `Tensor[N, 4]`, "masks" `Tensor[N, H, W]`; other entries are kept.

    Returns:
        A new image and a new target; those given are left as they are.
    """
    boxes = BoundingBoxes(target["boxes"], format="XYXY", canvas_size=tuple(image.shape[-2:]))
    return v2.horizontal_flip(image), {
        **target,
        "boxes": v2.horizontal_flip(boxes).as_subclass(Tensor),
        "masks": v2.horizontal_flip(target["masks"]),
    }


def random_horizontal_flip(
    images: Sequence[Tensor],
    targets: Sequence[Target],
    probability: float = 0.5,
    generator: torch.Generator | None = None,
) -> tuple[list[Tensor], list[Target]]:
    """Mirror each image of a batch, with its target, with the given probability.

    Args:
        images: `Tensor[3, H, W]` each.
        targets: one per image.
        probability: of mirroring an image, in 0..1.
        generator: where the random numbers come from; PyTorch's global one by default. One number
            is drawn per image, whatever the probability.

    Returns:
        The images and the targets, mirrored or as given.
    """
    flips = torch.rand(len(images), generator=generator) < probability
    samples = [
        horizontal_flip(image, target) if flip else (image, target)
        for image, target, flip in zip(images, targets, flips)
    ]
    return [image for image, _ in samples], [target for _, target in samples]
