"""What can be said of masks pixel by pixel."""

import torch
from torch import Tensor


def semantic_map(masks: Tensor, labels: Tensor) -> Tensor:
    """Forget which instance a pixel belongs to, and keep its class.

    Args:
        masks: `Tensor[N, H, W]`, true or 1 inside; where masks overlap, the first one counts.
        labels: `Tensor[N]` of int64.

    Returns:
        `Tensor[H, W]` of int64: the label of each pixel, 0 for background.
    """
    classes = torch.zeros(masks.shape[-2:], dtype=torch.int64, device=masks.device)
    for mask, label in zip(masks.bool().flip(0), labels.flip(0)):
        classes[mask] = label
    return classes


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each pair of masks; 0 for two empty ones.

    Args:
        masks: bool `Tensor[N, H, W]`.
        others: bool `Tensor[M, H, W]`.

    Returns:
        `Tensor[N, M]`.
    """
    flat, other_flat = masks.flatten(1).float(), others.flatten(1).float()
    overlap = flat @ other_flat.T
    union = flat.sum(dim=1)[:, None] + other_flat.sum(dim=1) - overlap
    return overlap / union.clamp(min=1)
