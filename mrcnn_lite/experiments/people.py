"""How large Penn-Fudan's people are to a model, and how much of them a small mask can show."""

from typing import Any

import torch
from torch import Tensor

from mrcnn_lite.datasets import PennFudanDataset
from mrcnn_lite.engine.evaluate import MASK_THRESHOLD
from mrcnn_lite.experiments.cells import COARSEST_LEVEL, FINEST_LEVEL
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_features import assign_levels, crop_masks
from mrcnn_lite.ops.masks import mask_iou

# How fine a mask may be, in cells along each axis; the model's are of 28.
MASK_SIZES = (14, 28, 56)
QUARTERS = (0.25, 0.5, 0.75)


def measure_people(pictures: PennFudanDataset, config: MaskRCNNConfig) -> dict[str, Any]:
    """Say how large people are, in pixels and to the model, and how much of them a mask can show.

    Args:
        pictures: with their people.
        config: of a model with `mini`'s pyramid; its sizes and levels count.

    Returns:
        "number" of people; the quartiles of "height" (of the box, in pixels of the photograph) and
        of "cells" (the root of the mask's area in the resized picture over the stride of the level
        that the true box is read from); and "iou", by `MASK_SIZES`: of the true masks with
        themselves as a mask of so many cells shows them, pasted back, the mean.
    """
    transform = mask_rcnn(config).eval().transform
    heights, cells, ious = [], [], {size: [] for size in MASK_SIZES}
    for image, target in pictures:
        batch, [resized] = transform([image], [target])
        sizes = resized["masks"].sum(dim=(1, 2)).double().sqrt()  # [G]
        rule = config.roi_canonical_size, config.roi_canonical_level, FINEST_LEVEL, COARSEST_LEVEL
        cells.append(sizes / 2.0 ** assign_levels(resized["boxes"], *rule))
        boxes, masks = target["boxes"], target["masks"]
        heights.append(boxes[:, 3] - boxes[:, 1])
        for size, found in ious.items():
            seen = crop_masks(masks, boxes, torch.arange(len(boxes)), size, aligned=True)
            pasted = paste_masks(seen, boxes, batch.original_sizes[0]) > MASK_THRESHOLD
            found.append(mask_iou(pasted, masks.bool()).diagonal())
    return {
        "number": len(torch.cat(heights)),
        "height": _quartiles(torch.cat(heights)),
        "cells": _quartiles(torch.cat(cells)),
        "iou": {
            str(size): round(torch.cat(found).mean().item(), 4) for size, found in ious.items()
        },
    }


def _quartiles(values: Tensor) -> list[float]:
    quarters = torch.tensor(QUARTERS, dtype=torch.float64)
    return [round(value, 2) for value in values.double().quantile(quarters).tolist()]
