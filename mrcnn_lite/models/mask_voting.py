"""Mask voting: overlapping candidates decide together (FCIS, section 3.4; after MNC's)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.ops import box_iou

# Candidates that overlap a detection more than this have a vote on its mask.
VOTE_IOU = 0.5


def vote_masks(
    boxes: Tensor, labels: Tensor, candidates: Tensor, scores: Tensor, masks: Tensor
) -> Tensor:
    """Average, for each detection, the masks of all candidates around it, weighted by their scores.

    A candidate's mask of the detection's class is seen through the detection's box; outside the
    candidate's own box it says 0.

    Args:
        boxes: `Tensor[D, 4]`, the detections', in image pixels.
        labels: `Tensor[D]` of int64, their classes.
        candidates: `Tensor[J, 4]`, all boxes of the image that were looked at.
        scores: `Tensor[J, K]`, their class probabilities.
        masks: `Tensor[J, K, m, m]`, their masks, of every class.

    Returns:
        `Tensor[D, m, m]`, probabilities within each detection's box. Without any candidate around
        it, a detection's mask is empty.
    """
    side = masks.shape[-1]
    detection, candidate = torch.nonzero(box_iou(boxes, candidates) > VOTE_IOU, as_tuple=True)
    label = labels[detection]
    # The centres of the detection's mask cells, from -1 to 1 across the candidate's box.
    centers = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5) / side
    start, size = _start_and_size(boxes[detection])
    other_start, other_size = _start_and_size(candidates[candidate])
    positions = start[:, None] + centers[:, None] * size[:, None]
    positions = 2 * (positions - other_start[:, None]) / other_size[:, None] - 1
    x, y = positions.unbind(dim=-1)
    grid = torch.stack(
        [x[:, None, :].expand(-1, side, side), y[:, :, None].expand(-1, side, side)], dim=-1
    )
    seen = F.grid_sample(
        masks[candidate, label][:, None], grid, padding_mode="border", align_corners=False
    )[:, 0]
    seen = seen * (grid.abs() <= 1).all(dim=-1)
    votes = scores[candidate, label]
    total = votes.new_zeros(len(boxes)).index_add(0, detection, votes)
    voted = masks.new_zeros(len(boxes), side, side)
    voted = voted.index_add(0, detection, votes[:, None, None] * seen)
    return voted / total.clamp(min=torch.finfo(total.dtype).tiny)[:, None, None]


def _start_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    start, end = boxes.split(2, dim=-1)
    return start, end - start
