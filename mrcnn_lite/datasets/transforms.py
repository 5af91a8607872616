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
    """Mirror an image left to right, together with its boxes, masks and keypoints.

    A left eye is a right one then: keypoints change places with their counterparts.

    Args:
        image: `Tensor[3, H, W]`.
        target: with "boxes" `Tensor[N, 4]`, perhaps "masks" `Tensor[N, H, W]`, perhaps "keypoints"
            `Tensor[N, K, 3]` and "mirrored_keypoints" `Tensor[K]`, which keypoint each becomes;
            other entries are kept.

    Returns:
        A new image and a new target; those given are left as they are.

    Raises:
        ValueError: there are keypoints, but not which each becomes.
    """
    boxes = BoundingBoxes(target["boxes"], format="XYXY", canvas_size=tuple(image.shape[-2:]))
    mirrored = {**target, "boxes": v2.horizontal_flip(boxes).as_subclass(Tensor)}
    if "masks" in target:
        mirrored["masks"] = v2.horizontal_flip(target["masks"])
    if "keypoints" in target:
        if "mirrored_keypoints" not in target:
            raise ValueError(
                "a target with keypoints needs mirrored_keypoints, too: which one each becomes in "
                "a mirrored picture, as a left eye becomes a right one"
            )
        x, y, visibility = target["keypoints"][:, target["mirrored_keypoints"]].unbind(dim=-1)
        # What is not annotated has no place, and stays at (0, 0).
        x = torch.where(visibility > 0, image.shape[-1] - x, x)
        mirrored["keypoints"] = torch.stack([x, y, visibility], dim=-1)
    return v2.horizontal_flip(image), mirrored


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
