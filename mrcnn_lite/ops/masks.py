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
