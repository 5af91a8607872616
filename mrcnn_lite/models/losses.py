"""The losses of Mask R-CNN: L = L_cls + L_box + L_mask, and the RPN's two (section 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Where the box loss turns from quadratic to linear; Faster R-CNN's sigma = 3 is beta = 1 / 9.
SMOOTH_L1_BETA = 1 / 9


def rpn_losses(
    objectness: Tensor,
    deltas: Tensor,
    labels: Tensor,
    target_deltas: Tensor,
    positives: Tensor,
    negatives: Tensor,
) -> tuple[Tensor, Tensor]:
    """Compute the RPN's losses over the sampled anchors (Faster R-CNN, equation 1).

    Args:
        objectness: `Tensor[M]`, logits of all anchors of the batch.
        deltas: `Tensor[M, 4]`, predicted box deltas.
        labels: `Tensor[M]`, 1 for an object and 0 for background.
        target_deltas: `Tensor[P, 4]`, the deltas of the positives.
        positives, negatives: indices of the sampled anchors, `Tensor[P]` and `Tensor[Q]`.

    Returns:
        Objectness loss (binary cross-entropy, mean over the sample) and box loss (smooth L1 of the
        positives, summed over their coordinates, divided by the size of the whole sample).
    """
    sampled = torch.cat([positives, negatives])
    objectness_loss = F.binary_cross_entropy_with_logits(objectness[sampled], labels[sampled])
    box_loss = F.smooth_l1_loss(
        deltas[positives], target_deltas, beta=SMOOTH_L1_BETA, reduction="sum"
    )
    return objectness_loss, box_loss / sampled.numel()


def box_head_losses(
    class_logits: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute the losses of classification and box regression (Fast R-CNN, section 2.3).

    Args:
        class_logits: `Tensor[R, num_classes]`, of all sampled RoIs.
        deltas: `Tensor[R, num_classes * 4]`, one set of box deltas per class.
        labels: `Tensor[R]` of int64, 0 for background.
        target_deltas: `Tensor[R, 4]`; rows of background are not read.

    Returns:
        Class loss (cross-entropy, mean over RoIs) and box loss (smooth L1 of the true class's
        deltas, over the objects only, divided by the number of all RoIs). Without RoIs both are a
        zero that still reaches the parameters.
    """
    if len(labels) == 0:
        return class_logits.sum() * 0, deltas.sum() * 0
    class_loss = F.cross_entropy(class_logits, labels)
    positives = (labels > 0).nonzero().squeeze(1)  # [P]
    deltas_of_class = deltas.reshape(len(labels), -1, 4)[positives, labels[positives]]  # [P, 4]
    box_loss = F.smooth_l1_loss(
        deltas_of_class, target_deltas[positives], beta=SMOOTH_L1_BETA, reduction="sum"
    )
    return class_loss, box_loss / labels.numel()


def mask_loss(mask_logits: Tensor, labels: Tensor, mask_targets: Tensor) -> Tensor:
    """Compute the decoupled mask loss (Mask R-CNN, section 3): no competition between classes.

    Each of the K classes has a mask of its own under a per-pixel sigmoid, and a RoI of class k
    only trains the k-th: the other masks get no gradient, and *which* class it is stays the
    business of the class branch.

    Args:
        mask_logits: `Tensor[R, K, m, m]`, for the RoIs that are objects.
        labels: `Tensor[R]` of int64, the mask that each RoI trains: its true class from 1 to K - 1,
            or always 0 where all classes share one mask.
        mask_targets: `Tensor[R, m, m]` in 0..1, the true masks seen through the RoIs.

    Returns:
        Binary cross-entropy, mean over RoIs and pixels; without RoIs a zero that still reaches the
        parameters (which data-parallel training waits for).
    """
    if len(labels) == 0:
        return mask_logits.sum() * 0
    return F.binary_cross_entropy_with_logits(_of_label(mask_logits, labels), mask_targets)


def softmax_mask_loss(mask_logits: Tensor, labels: Tensor, mask_targets: Tensor) -> Tensor:
    """Compute the coupled mask loss that table 2b compares: a per-pixel softmax, as in an FCN.

    Every pixel is one of the K classes or background (class 0): the masks compete, and each RoI
    trains all of them.

    Args:
        mask_logits: `Tensor[R, K, m, m]`, likewise, the background's first.
        labels: `Tensor[R]` of int64, the true classes, from 1 to K - 1.
        mask_targets: `Tensor[R, m, m]` in 0..1; in between, a pixel is partly background.

    Returns:
        Cross-entropy, mean over RoIs and pixels; without RoIs likewise.
    """
    if len(labels) == 0:
        return mask_logits.sum() * 0
    log_probabilities = mask_logits.log_softmax(dim=1)  # [R, K, m, m]
    object_term = mask_targets * _of_label(log_probabilities, labels)  # [R, m, m]
    background_term = (1 - mask_targets) * log_probabilities[:, 0]
    return -(object_term + background_term).mean()


def mask_probabilities(mask_logits: Tensor, labels: Tensor, softmax: bool = False) -> Tensor:
    """Read the masks of the predicted classes, as the loss that they were trained with means them.

    Args:
        mask_logits: `Tensor[D, K, m, m]`.
        labels: `Tensor[D]` of int64, which mask to read, as for the losses.
        softmax: whether the classes compete for pixels.

    Returns:
        `Tensor[D, m, m]`: each pixel's probability of belonging to the object.
    """
    if softmax:
        return _of_label(mask_logits.softmax(dim=1), labels)
    return _of_label(mask_logits, labels).sigmoid()


def choose_masks(num_masks: int, labels: Tensor) -> Tensor:
    """Say which of a RoI's masks belongs to it.

    Args:
        num_masks: how many it has, one per class, or a single one that all classes share.
        labels: `Tensor[R]` of int64, the classes.

    Returns:
        `Tensor[R]` of int64.
    """
    return torch.zeros_like(labels) if num_masks == 1 else labels


def _of_label(masks: Tensor, labels: Tensor) -> Tensor:
    return masks[torch.arange(len(labels), device=labels.device), labels]  # [R, m, m]
