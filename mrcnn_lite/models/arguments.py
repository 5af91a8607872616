"""What a model is called with, checked before anything is computed from it."""

import torch
from torch import Tensor


def check_images(images: list[Tensor]) -> None:
    """Raise TypeError or ValueError unless every image is a floating-point `Tensor[3, H, W]`."""
    if not isinstance(images, (list, tuple)):
        raise TypeError(f"images should be a list of tensors, got {type(images).__name__}")
    if not images:
        raise ValueError("images is empty, expected at least one image")
    for i, image in enumerate(images):
        if not isinstance(image, Tensor) or not image.is_floating_point():
            kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(f"images[{i}] should be a floating-point tensor, got {kind}")
        if image.dim() != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(
                f"images[{i}] should have shape [3, H, W] with H, W > 0, got {list(image.shape)}"
            )


def check_targets(
    images: list[Tensor], targets: list[dict] | None, num_classes: int, with_masks: bool = True
) -> None:
    """Raise TypeError or ValueError unless each image has a good target (see `MaskRCNN.forward`).

    Without `with_masks` nothing is asked of masks.
    """
    if targets is None:
        raise ValueError("targets is None, but a model in training mode needs targets")
    if len(targets) != len(images):
        raise ValueError(f"got {len(images)} images but {len(targets)} targets")
    for i, (image, target) in enumerate(zip(images, targets)):
        names = ("boxes", "labels", "masks") if with_masks else ("boxes", "labels")
        if missing := [name for name in names if name not in target]:
            raise ValueError(f"targets[{i}] lacks {', '.join(missing)}")
        boxes, labels = target["boxes"], target["labels"]
        number = len(boxes)
        expected = {"boxes": [number, 4], "labels": [number]}
        if with_masks:
            expected["masks"] = [number, *image.shape[1:]]
        for name, shape in expected.items():
            if list(target[name].shape) != shape:
                raise ValueError(
                    f"targets[{i}][{name!r}] should have shape {shape}, "
                    f"got {list(target[name].shape)}"
                )
        _check_coordinates(boxes, f"targets[{i}]['boxes']")
        if labels.is_floating_point() or labels.dtype == torch.bool:
            raise TypeError(f"targets[{i}]['labels'] should hold integers, got {labels.dtype}")
        if number and (labels.min() < 1 or labels.max() >= num_classes):
            raise ValueError(
                f"targets[{i}]['labels'] should lie in 1..{num_classes - 1}, got "
                f"{int(labels.min())}..{int(labels.max())}"
            )


def check_proposals(images: list[Tensor], proposals: list[Tensor]) -> None:
    """Raise TypeError or ValueError unless each image has proposals (see `MaskRCNN.forward`)."""
    if not isinstance(proposals, (list, tuple)):
        raise TypeError(f"proposals should be a list of tensors, got {type(proposals).__name__}")
    if len(proposals) != len(images):
        raise ValueError(f"got {len(images)} images but proposals for {len(proposals)}")
    for i, boxes in enumerate(proposals):
        if not isinstance(boxes, Tensor) or not boxes.is_floating_point():
            kind = boxes.dtype if isinstance(boxes, Tensor) else type(boxes).__name__
            raise TypeError(f"proposals[{i}] should be a floating-point tensor, got {kind}")
        if boxes.dim() != 2 or boxes.shape[1] != 4:
            raise ValueError(f"proposals[{i}] should have shape [P, 4], got {list(boxes.shape)}")
        _check_coordinates(boxes, f"proposals[{i}]")


def _check_coordinates(boxes: Tensor, name: str) -> None:
    if not torch.isfinite(boxes).all():
        raise ValueError(f"{name} holds a coordinate that is not finite")
    degenerate = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
    if degenerate.any():
        raise ValueError(f"{name} holds a box without area: {boxes[degenerate][0].tolist()}")
