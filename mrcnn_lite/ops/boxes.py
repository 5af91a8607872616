"""Boxes as numbers that a network can predict: coding, matching, sampling (Faster R-CNN, 3.1)."""

import math

import torch
from torch import Tensor

# The decoder multiplies a box's size by exp(d); without a bound one wild prediction overflows.
# 1000/16 is the bound that Detectron, detectron2 and torchvision share.
MAX_LOG_SCALE = math.log(1000.0 / 16)

BELOW_LOW_THRESHOLD = -1
BETWEEN_THRESHOLDS = -2


def encode_boxes(boxes: Tensor, anchors: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Describe boxes relative to anchors (Faster R-CNN, section 3.1.2).

    With centre (x, y), width w and height h of the box and subscript a for the anchor:
    dx = (x - x_a) / w_a, dy = (y - y_a) / h_a, dw = log(w / w_a), dh = log(h / h_a).

    Args:
        boxes: `Tensor[N, 4]`, (x1, y1, x2, y2) in image pixels, of positive width and height.
        anchors: `Tensor[N, 4]`, the reference of each box, likewise.
        weights: factors for dx, dy, dw, dh, which bring them to a similar variance.

    Returns:
        `Tensor[N, 4]`: (dx, dy, dw, dh), weighted; no unit.
    """
    anchor_centers, anchor_sizes = _centers_and_sizes(anchors)
    centers, sizes = _centers_and_sizes(boxes)
    shift = (centers - anchor_centers) / anchor_sizes
    scale = torch.log(sizes / anchor_sizes)
    return torch.cat([shift, scale], dim=-1) * boxes.new_tensor(weights)


def decode_boxes(deltas: Tensor, anchors: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Invert `encode_boxes`: the boxes that `deltas` describe relative to `anchors`.

    Args:
        deltas: `Tensor[..., 4]`, (dx, dy, dw, dh), weighted; dw and dh are cut at log(1000/16).
        anchors: `Tensor[..., 4]`, broadcast against `deltas`, in image pixels.
        weights: the weights given to `encode_boxes`.

    Returns:
        `Tensor[..., 4]`: (x1, y1, x2, y2) in image pixels.
    """
    anchor_centers, anchor_sizes = _centers_and_sizes(anchors)
    shift, scale = (deltas / deltas.new_tensor(weights)).split(2, dim=-1)
    centers = shift * anchor_sizes + anchor_centers
    half_sizes = 0.5 * torch.exp(scale.clamp(max=MAX_LOG_SCALE)) * anchor_sizes
    return torch.cat([centers - half_sizes, centers + half_sizes], dim=-1)


def match_boxes(
    iou: Tensor,
    high_threshold: float,
    low_threshold: float,
    keep_best_of_each: bool,
) -> Tensor:
    """Match candidates (anchors or proposals) to ground-truth boxes (Faster R-CNN, section 3.1.2).

    A candidate takes the ground-truth box that it overlaps most, if their IoU reaches
    `high_threshold`. Below `low_threshold` it is background; in between it counts as neither.

    Args:
        iou: `Tensor[G, N]`, IoU of G ground-truth boxes with N candidates.
        high_threshold: the least IoU of a match.
        low_threshold: below it a candidate is background.
        keep_best_of_each: also match each ground-truth box's best candidates (all that tie),
            however low their IoU, so that no object stays without an anchor.

    Returns:
        `Tensor[N]` of int64: index of the matched ground-truth box, `BELOW_LOW_THRESHOLD` or
        `BETWEEN_THRESHOLDS`. With G = 0 every candidate is background.
    """
    if iou.shape[0] == 0:
        return iou.new_full((iou.shape[1],), BELOW_LOW_THRESHOLD, dtype=torch.int64)
    best_iou, best = iou.max(dim=0)
    matches = best.clone()
    matches[best_iou < high_threshold] = BETWEEN_THRESHOLDS
    matches[best_iou < low_threshold] = BELOW_LOW_THRESHOLD
    if keep_best_of_each:
        best_of_each = iou.max(dim=1, keepdim=True).values
        is_best = (iou == best_of_each).any(dim=0)
        # Such a candidate keeps the box that *it* overlaps most, which may be another one.
        matches = torch.where(is_best, best, matches)
    return matches


def sample_balanced(labels: Tensor, number: int, positive_fraction: float) -> tuple[Tensor, Tensor]:
    """Draw candidates for a loss: at most a fraction positive, filled up with negatives.

    Background outnumbers objects by hundreds to one; without this (Fast R-CNN, section 2.3) the
    loss would be all background.

    Args:
        labels: `Tensor[N]`: >= 1 positive, 0 negative, < 0 never drawn.
        number: how many to draw; fewer if there are not as many.
        positive_fraction: the most positives, as a part of `number`.

    Returns:
        Indices of the positives and of the negatives drawn, `Tensor[P]` and `Tensor[Q]` of int64,
        from torch's global random numbers.
    """
    positives = torch.nonzero(labels >= 1).squeeze(1)
    negatives = torch.nonzero(labels == 0).squeeze(1)
    num_positives = min(int(number * positive_fraction), len(positives))
    num_negatives = min(number - num_positives, len(negatives))
    return _draw(positives, num_positives), _draw(negatives, num_negatives)


def _draw(candidates: Tensor, number: int) -> Tensor:
    # On the CPU, so that one generator's state is all that an exact resume needs on any device.
    order = torch.randperm(len(candidates))[:number]
    return candidates[order.to(candidates.device)]


def _centers_and_sizes(boxes: Tensor) -> tuple[Tensor, Tensor]:
    corner, opposite = boxes.split(2, dim=-1)
    sizes = opposite - corner
    return corner + 0.5 * sizes, sizes
