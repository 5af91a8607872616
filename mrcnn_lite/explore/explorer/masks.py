"""What a trained network makes of an object's box while the box slides: masks, by each operation.

The network is the one that the course ships, and it learnt with RoIAlign. The operation is replaced
when it is used, and nothing else is: what differs between the masks is what the operation reads.
"""

import base64
import io
from dataclasses import replace
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.explore.browser import as_data_uri
from mrcnn_lite.explore.palette import PREDICTION
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_features import extract_roi_features
from mrcnn_lite.models.roi_heads import MASK_BINS
from mrcnn_lite.ops.masks import mask_iou

# Scenes that the shipped network never saw, and the object that lesson 14 follows in them.
SCENES = {"num_scenes": 90, "seed": 115}
SCENE_NUMBER, OBJECT = 70, 1
SHIFTS = torch.arange(-6.0, 6.01, 0.25)  # image pixels
AROUND = 8  # image pixels, beside the object's box
CHANGES = {  # of the model's configuration
    "pool": {"roi_op": "pool"},
    "warp": {"roi_op": "warp"},
    "align_unaligned": {"roi_op": "align", "aligned": False},
    "align": {"roi_op": "align", "aligned": True},
}


class SlidingMasks(NamedTuple):
    """One object, and what the network draws of it from boxes that slide over it.

    Attributes:
        image: `Tensor[3, H, W]` in 0..1.
        box: `Tensor[4]`, the object's true box in image pixels.
        truth: bool `Tensor[H, W]`, the object's mask.
        shifts: `Tensor[S]`, by how many image pixels the box is moved along x.
        masks: key of `OPERATIONS` to bool `Tensor[S, H, W]`.
        ious: key of `OPERATIONS` to `Tensor[S]`, with the truth.
    """

    image: Tensor
    box: Tensor
    truth: Tensor
    shifts: Tensor
    masks: dict[str, Tensor]
    ious: dict[str, Tensor]


@torch.no_grad()
def slide_masks(model: MaskRCNN, shifts: Tensor = SHIFTS) -> SlidingMasks:
    """Let the box of one object slide along x and predict its mask with every operation.

    Args:
        model: with a feature pyramid, in evaluation mode.
        shifts: `Tensor[S]`, image pixels.
    """
    image, target = ShapesDataset(**SCENES)[SCENE_NUMBER]
    box, truth = target["boxes"][OBJECT], target["masks"][OBJECT].bool()
    label = int(target["labels"][OBJECT])
    batch, _ = model.transform([image])
    features = model.backbone(batch.tensors)
    boxes = box + shifts[:, None] * box.new_tensor([1, 0, 1, 0])  # [S, 4]
    masks = {}
    for name, change in CHANGES.items():
        config = replace(model.config, **change)
        read = extract_roi_features(features[:-1], [boxes], batch.padded_size, MASK_BINS, config)
        logits = model.roi_heads.mask_predictor(model.roi_heads.mask_head(read))  # [S, K, M, M]
        masks[name] = paste_masks(logits[:, label].sigmoid(), boxes, batch.padded_size) > 0.5
    ious = {name: mask_iou(drawn, truth[None])[:, 0] for name, drawn in masks.items()}
    return SlidingMasks(image, box, truth, shifts, masks, ious)


def masks_of_the_page() -> dict:
    """All that the page is to show of `slide_masks`, cropped to the object, to be written as JSON.

    The masks are one picture, in which those of an operation are a row and those of a shift a
    column; outside of the masks it is transparent.
    """
    slid = slide_masks(load_model(SHIPPED_WEIGHTS).model)
    height, width = slid.truth.shape
    x1, y1, x2, y2 = (int(edge) for edge in slid.box.round())
    left, top = max(x1 - AROUND, 0), max(y1 - AROUND, 0)
    right, bottom = min(x2 + AROUND, width), min(y2 + AROUND, height)
    part = (..., slice(top, bottom), slice(left, right))
    rows = [torch.cat(list(drawn[part]), dim=1) for drawn in slid.masks.values()]
    return {
        "width": right - left,
        "height": bottom - top,
        "picture": as_data_uri(slid.image[part]),
        "masks": _as_stencil(torch.cat(rows), PREDICTION.color),
        "outline": _outline(slid.truth[part]),
        "box": (slid.box - slid.box.new_tensor([left, top, left, top])).tolist(),
        "shifts": slid.shifts.tolist(),
        "operations": {
            name: [round(iou, 4) for iou in ious.tolist()] for name, ious in slid.ious.items()
        },
    }


def _as_stencil(mask: Tensor, color: str) -> str:
    """A mask, bool `Tensor[H, W]`, as a PNG in text: of one colour, elsewhere transparent."""
    picture = Image.fromarray(mask.byte().numpy(), mode="P")
    picture.putpalette([0, 0, 0, *bytes.fromhex(color[1:])])
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", optimize=True, bits=1, transparency=0)
    return "data:image/png;base64," + base64.b64encode(encoded.getvalue()).decode()


def _outline(mask: Tensor) -> list[list[int]]:
    """The edges around a mask, bool `Tensor[H, W]`: [[x1, y1, x2, y2], ...]."""
    padded = torch.nn.functional.pad(mask, (1, 1, 1, 1))
    upright = (padded[1:-1, 1:] != padded[1:-1, :-1]).nonzero().tolist()
    level = (padded[1:, 1:-1] != padded[:-1, 1:-1]).nonzero().tolist()
    return [[x, y, x, y + 1] for y, x in upright] + [[x, y, x + 1, y] for y, x in level]
