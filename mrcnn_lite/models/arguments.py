"""What a model is handed, checked and brought to one form: images, targets, proposals.

What is wrong is named before anything is computed from it: by itself a network takes pixel values
of 0..255 or boxes in another unit, says nothing, and learns nothing.

Values are looked at on the CPU, where the few numbers that matter are fetched for the whole batch
at once: each look is one wait for a GPU, not one for every image.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_iou
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.ops.fast.dry_run import ValuelessTensor

# Interpolation, noise and an adversary leave 0..1 by a little. What is farther out than this, and
# so many of the normalisation's deviations from its mean, is in another unit.
PIXEL_VALUES = (-0.5, 1.5)
DEVIATIONS = 5
# Boxes of another form are told by their masks: so well, as IoU, do these fit the other form, and
# so badly the right one. A box may be drawn loosely, and a small one by chance fits both.
FITS, FITS_NOT = 0.9, 0.85
# What of a target is in pixels, and may have any type of numbers.
IN_PIXELS = ("boxes", "keypoints")


def as_images(
    images: Sequence[Tensor], config: MaskRCNNConfig, precision: torch.dtype
) -> list[Tensor]:
    """Check the images (see `MaskRCNN.forward`), and give them the type that the model computes in.

    Args:
        images: each `Tensor[3, H, W]` of any floating-point type.
        config: its `image_mean` and `image_std` say which values the model was made for.
        precision: the model's. Layers in half precision take their images in float32.

    Returns:
        `Tensor[3, H, W]` each, float32 or finer.

    Raises:
        TypeError: not a list of floating-point tensors.
        ValueError: no images, another shape, several devices, a value that is not finite or is far
            from 0..1.
    """
    if not isinstance(images, (list, tuple)):
        raise TypeError(f"images should be a list of tensors, got {type(images).__name__}")
    if not images:
        raise ValueError("images is empty, expected at least one image")
    for i, image in enumerate(images):
        _check_floating_point(image, f"images[{i}]")
        if image.dim() != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(
                f"images[{i}] should have shape [3, H, W] with H, W > 0, got {list(image.shape)}"
            )
        if image.device != images[0].device:
            raise ValueError(
                f"images[{i}] is on {image.device}, but images[0] is on {images[0].device}"
            )
    images = [image.to(torch.promote_types(precision, torch.float32)) for image in images]
    _check_pixels([image.detach() for image in images], config)
    return images


def _check_pixels(images: list[Tensor], config: MaskRCNNConfig) -> None:
    extremes = [torch.stack([image.amin(), image.amax()]) for image in images]  # [2] each
    lowest, highest = PIXEL_VALUES
    for mean, std in zip(config.image_mean, config.image_std):
        lowest = min(lowest, mean - DEVIATIONS * std)
        highest = max(highest, mean + DEVIATIONS * std)
    for i, (low, high) in enumerate(_on_cpu(extremes)):  # a NaN is the lowest, and the highest
        if not (low.isfinite() and high.isfinite()):
            raise ValueError(f"images[{i}] holds a value that is not finite")
        if low < lowest or high > highest:
            raise ValueError(
                f"images[{i}] should hold values in 0..1, got {low:.4g}..{high:.4g}; the model "
                "normalises them itself"
            )


def as_targets(
    images: Sequence[Tensor],
    targets: Sequence[Mapping[str, Any]] | None,
    num_classes: int,
    with_masks: bool = True,
    num_keypoints: int = 0,
) -> list[dict[str, Any]]:
    """Check that each image has a good target (see `MaskRCNN.forward`), and bring it to one form.

    Args:
        images: as `as_images` returns them.
        targets: one for each; they stay as they are.
        num_classes: labels are below it.
        with_masks: without, nothing is asked of masks, and there are none in the result: no masks
            need be resized that nobody reads.
        num_keypoints: of each object; of 0 nothing is asked likewise.

    Returns:
        For each image "boxes" and "keypoints" of its type, "labels" of int64, "masks" and what else
        there was.

    Raises:
        TypeError: something else than dictionaries of tensors of numbers.
        ValueError: one lacks something, or holds what cannot be: see the messages.
    """
    if targets is None:
        raise ValueError("targets is None, but a model in training mode needs targets")
    if not isinstance(targets, (list, tuple)):
        raise TypeError(f"targets should be a list of dictionaries, got {type(targets).__name__}")
    if len(targets) != len(images):
        raise ValueError(f"got {len(images)} images but {len(targets)} targets")
    unread = {"masks": not with_masks, "keypoints": num_keypoints == 0}
    names = ["boxes", "labels", *(name for name, is_unread in unread.items() if not is_unread)]
    for i, (image, target) in enumerate(zip(images, targets)):
        _check_target(image, target, names, num_keypoints, f"targets[{i}]")
    targets = [
        {
            **{name: value for name, value in target.items() if not unread.get(name)},
            **{name: target[name].to(image.dtype) for name in names if name in IN_PIXELS},
            "labels": target["labels"].long(),
        }
        for image, target in zip(images, targets)
    ]
    if num_keypoints:
        _check_keypoints([target["keypoints"] for target in targets])
    names = [f"targets[{i}]['boxes']" for i in range(len(targets))]
    _check_boxes([target["boxes"] for target in targets], names, images, on_image=True)
    _check_labels([target["labels"] for target in targets], num_classes)
    if with_masks:
        _check_masks(targets)
    return targets


def _check_target(
    image: Tensor, target: Mapping[str, Any], names: Sequence[str], num_keypoints: int, of: str
) -> None:
    """Check one target's types and shapes."""
    if not isinstance(target, Mapping):
        raise TypeError(f"{of} should be a dictionary, got {type(target).__name__}")
    if missing := [name for name in names if name not in target]:
        raise ValueError(f"{of} lacks {', '.join(missing)}")
    for name in names:
        value = target[name]
        if not isinstance(value, Tensor):
            raise TypeError(f"{of}[{name!r}] should be a tensor, got {type(value).__name__}")
        if value.is_complex() or (name in IN_PIXELS and value.dtype == torch.bool):
            raise TypeError(f"{of}[{name!r}] should hold real numbers, got {value.dtype}")
        if value.device != image.device:
            raise ValueError(
                f"{of}[{name!r}] is on {value.device}, but its image is on {image.device}"
            )
    labels, number = target["labels"], len(target["boxes"]) if target["boxes"].dim() else 0
    shapes = {
        "boxes": [number, 4],
        "labels": [number],
        "masks": [number, *image.shape[1:]],
        "keypoints": [number, num_keypoints, 3],
    }
    for name in names:
        if list(target[name].shape) != shapes[name]:
            raise ValueError(
                f"{of}[{name!r}] should have shape {shapes[name]}, got {list(target[name].shape)}"
            )
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"{of}['labels'] should hold integers, got {labels.dtype}")
    boxes = target["boxes"]
    if isinstance(boxes, BoundingBoxes) and boxes.format != BoundingBoxFormat.XYXY:
        raise ValueError(f"{of}['boxes'] should be (x1, y1, x2, y2), got {boxes.format.value}")


def _check_labels(labels: list[Tensor], num_classes: int) -> None:
    for i, of_image in enumerate(_on_cpu(labels)):
        if len(of_image) and (of_image.min() < 1 or of_image.max() >= num_classes):
            raise ValueError(
                f"targets[{i}]['labels'] should lie in 1..{num_classes - 1}, got "
                f"{int(of_image.min())}..{int(of_image.max())}"
            )


def _check_keypoints(keypoints: list[Tensor]) -> None:
    """Raise a ValueError if a place is not finite, or a visibility is none."""
    for i, of_image in enumerate(_on_cpu(keypoints)):
        if not of_image.isfinite().all():
            raise ValueError(f"targets[{i}]['keypoints'] holds a number that is not finite")
        visibility = of_image[..., 2]
        if ((visibility != 0) & (visibility != 1) & (visibility != 2)).any():
            raise ValueError(
                f"targets[{i}]['keypoints'] should be (x, y, visibility) with a visibility of 0, 1 "
                f"or 2, got {visibility.min():.4g}..{visibility.max():.4g}"
            )


def _check_masks(targets: list[dict[str, Any]]) -> None:
    """Raise a ValueError if masks hold something else than 0 and 1, or belie their boxes."""
    seen = []
    for target in targets:
        boxes, masks = target["boxes"], target["masks"]
        spoilt = _has_other_values(masks).to(boxes).expand(len(boxes), 1)
        seen.append(torch.cat([boxes, _boxes_around(masks).to(boxes), spoilt], dim=1))  # [G, 9]
    for i, of_image in enumerate(_on_cpu(seen)):
        boxes, around, spoilt = of_image.split([4, 4, 1], dim=1)
        if spoilt.any():
            masks = targets[i]["masks"]
            other = masks[(masks != 0) & (masks != 1)][0].item()
            raise ValueError(f"targets[{i}]['masks'] should hold 0 and 1 only, got {other:.4g}")
        if _are_sizes(boxes, around):
            raise ValueError(
                f"targets[{i}]['boxes'] should be (x1, y1, x2, y2), but its masks say that they "
                f"are (x, y, width, height), as {boxes[0].tolist()}"
            )


def _are_sizes(boxes: Tensor, around: Tensor) -> bool:
    """Whether boxes would fit those around their masks if they were (x, y, width, height)."""
    has_mask = around[:, 2] > 0
    boxes, around = boxes[has_mask], around[has_mask]
    with_size = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
    good = box_iou(boxes, around).diagonal() >= FITS_NOT
    other = box_iou(with_size, around).diagonal() > FITS
    return len(boxes) > 0 and bool(other.all() and not good.any())


def _boxes_around(masks: Tensor) -> Tensor:
    """The boxes around masks `Tensor[G, H, W]`, int64 `Tensor[G, 4]`; zeros around an empty one."""
    edges = []
    for dim in (1, 2):
        some = masks.any(dim=dim).byte()  # [G, W], then [G, H]
        length = some.shape[1]
        edges.append((some.argmax(dim=1), length - some.flip(1).argmax(dim=1)))
    (x1, x2), (y1, y2) = edges
    boxes = torch.stack([x1, y1, x2, y2], dim=1)
    return boxes * masks.flatten(1).any(dim=1, keepdim=True)


def _has_other_values(masks: Tensor) -> Tensor:
    """Whether there are values that are neither 0 nor 1, a bool `Tensor[]`."""
    if masks.dtype == torch.bool or masks.numel() == 0:
        return torch.zeros((), dtype=torch.bool, device=masks.device)
    if masks.is_floating_point():
        # Object by object, so that what is made on the way stays in a processor's cache.
        return torch.stack([((mask != 0) & (mask != 1)).any() for mask in masks]).any()
    # Of whole numbers the extremes say it all, in a fraction of the time.
    return (masks.amin() < 0) | (masks.amax() > 1)


def as_proposals(images: Sequence[Tensor], proposals: Sequence[Tensor]) -> list[Tensor]:
    """Check that each image has proposals (see `MaskRCNN.forward`), and give them its type.

    Raises:
        TypeError: not a list of floating-point tensors.
        ValueError: another number of them, shape or device, or a box that is none.
    """
    if not isinstance(proposals, (list, tuple)):
        raise TypeError(f"proposals should be a list of tensors, got {type(proposals).__name__}")
    if len(proposals) != len(images):
        raise ValueError(f"got {len(images)} images but proposals for {len(proposals)}")
    for i, boxes in enumerate(proposals):
        _check_floating_point(boxes, f"proposals[{i}]")
        if boxes.dim() != 2 or boxes.shape[1] != 4:
            raise ValueError(f"proposals[{i}] should have shape [P, 4], got {list(boxes.shape)}")
    proposals = [boxes.to(image) for image, boxes in zip(images, proposals)]
    names = [f"proposals[{i}]" for i in range(len(proposals))]
    _check_boxes(proposals, names, images, on_image=False)
    return proposals


def _check_boxes(
    boxes: list[Tensor], names: list[str], images: Sequence[Tensor], on_image: bool
) -> None:
    """Raise a ValueError unless all boxes, `Tensor[G, 4]` for each image, can be ones.

    With `on_image` each has to show some of its image.
    """
    for of_image, name, image in zip(_on_cpu(boxes), names, images):
        height, width = image.shape[-2:]
        x1, y1, x2, y2 = of_image.unbind(dim=1)  # [G] each
        infinite = ~of_image.isfinite().all(dim=1)
        without_area = (x2 <= x1) | (y2 <= y1)
        outside = (x2 <= 0) | (y2 <= 0) | (x1 >= width) | (y1 >= height)
        for fault, wrong in (
            ("a coordinate that is not finite", infinite),
            ("a box without area, where (x1, y1, x2, y2) is expected", without_area),
            (f"a box outside its image of {width} x {height} pixels", outside & on_image),
        ):
            if wrong.any():
                row = int(wrong.nonzero()[0])
                raise ValueError(f"{name} holds {fault}: row {row} is {of_image[row].tolist()}")
        in_unit = ((of_image >= 0) & (of_image <= 1)).all()
        if len(of_image) and in_unit and (of_image != of_image.round()).any():
            raise ValueError(
                f"{name} should be in pixels of an image of {width} x {height}, got parts of it, "
                f"from {of_image.min():.4g} to {of_image.max():.4g}"
            )


def _check_floating_point(value: Tensor, name: str) -> None:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} should be a floating-point tensor, got {kind}")


def _on_cpu(tensors: list[Tensor]) -> Sequence[Tensor]:
    """Fetch tensors from their device together; in a dry run, where they have no values, none."""
    if isinstance(tensors[0], ValuelessTensor):
        return []
    return torch.cat(tensors).cpu().split([len(tensor) for tensor in tensors])
