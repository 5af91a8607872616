"""What the heads of a Mask R-CNN do with a RoI, step by step, and what each step costs."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from mrcnn_lite.explore.measure.layer_cost import Cost, cost_of
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.c4 import AveragePool
from mrcnn_lite.models.heads import (
    BoxHead,
    BoxPredictor,
    ConvolutionalBoxHead,
    MaskHead,
    MaskPredictor,
    MLPMaskHead,
    MLPMaskPredictor,
)


@dataclass(frozen=True)
class Step:
    """One step of a branch, for a single RoI.

    Attributes:
        name: what is done.
        sizes: of what comes out, such as ((256, 14, 14),); the box branch ends in two.
        cost: parameters and multiply-adds; reading the features is not counted.
    """

    name: str
    sizes: tuple[tuple[int, ...], ...]
    cost: Cost


def head_steps(model: MaskRCNN) -> dict[str, list[Step]]:
    """List what happens to a RoI.

    Returns:
        "shared", "box" and "mask", each from first to last. With a pyramid nothing is shared, and
        each branch begins by reading features of its own; with a single map the branches go on from
        the shared head's output. Without a mask branch "mask" is empty.
    """
    heads = model.roi_heads
    channels = model.backbone.out_channels
    mask_modules = [heads.mask_head, heads.mask_predictor] if model.predicts_masks else []
    box_modules = [heads.box_head, heads.box_predictor]
    if not list(heads.shared_head.parameters()):
        return {
            "shared": [],
            "box": _steps(box_modules, (channels, heads.box_bins, heads.box_bins)),
            "mask": _steps(mask_modules, (channels, heads.mask_bins, heads.mask_bins)),
        }
    shared = _steps([heads.shared_head], (channels, heads.box_bins, heads.box_bins))
    (size,) = shared[-1].sizes
    # The first step is what has been read; here that is the shared head's output.
    return {
        "shared": shared,
        "box": _steps(box_modules, size)[1:],
        "mask": _steps(mask_modules, size)[1:],
    }


def cost_per_image(
    model: MaskRCNN, image_size: tuple[int, int], num_proposals: int, num_detections: int
) -> dict[str, Cost]:
    """Count what an image costs at inference, part by part.

    The shared head and the box branch run on every proposal; the shared head once more, and the
    mask branch, on every detection.

    Args:
        model: any.
        image_size: (height, width) of the image as the backbone gets it.
        num_proposals, num_detections: of the image.

    Returns:
        "backbone" (with the pyramid), "RPN", "shared head" (with a single map only), "box branch"
        and "mask branch".
    """
    steps = head_steps(model)
    costs = {
        "backbone": cost_of(model.backbone, (1, 3, *image_size)),
        "RPN": _cost_of_rpn(model, image_size),
    }
    for part, number in (
        ("shared", num_proposals + num_detections),
        ("box", num_proposals),
        ("mask", num_detections),
    ):
        if steps[part]:
            once = sum((step.cost for step in steps[part]), Cost(0, 0))
            name = "shared head" if part == "shared" else f"{part} branch"
            costs[name] = Cost(once.parameters, number * once.multiply_adds)
    return costs


def _steps(modules: list[nn.Module], size: tuple[int, ...]) -> list[Step]:
    """What is read, and then what each module makes of it."""
    if not modules:
        return []
    steps = [Step("read the RoI", (size,), Cost(0, 0))]
    for module in modules:
        cost = cost_of(module, (1, *size))
        output = copy.deepcopy(module).to("meta").eval()(torch.empty(1, *size, device="meta"))
        outputs = output if isinstance(output, tuple) else (output,)
        sizes = tuple(tuple(part.shape[1:]) for part in outputs)
        # With a single map the mask head has no convolutions of its own, and does nothing.
        if not (isinstance(module, MaskHead) and len(module) == 0):
            steps.append(Step(_describe(module), sizes, cost))
        size = sizes[0]
    return steps


def _cost_of_rpn(model: MaskRCNN, image_size: tuple[int, int]) -> Cost:
    images = torch.empty(1, 3, *image_size, device="meta")
    maps = copy.deepcopy(model.backbone).to("meta").eval()(images)
    head = model.rpn.head
    total = sum(
        (cost_of(layer, feature.shape) for feature in maps for layer in head.children()), Cost(0, 0)
    )
    # The same weights run over all levels.
    parameters = sum(parameter.numel() for parameter in head.parameters())
    return Cost(parameters, total.multiply_adds)


def _describe(module: nn.Module) -> str:
    if isinstance(module, MaskHead):
        return f"{len(module)} convolutions 3 × 3"
    if isinstance(module, ConvolutionalBoxHead):
        number = sum(isinstance(layer, nn.Conv2d) for layer in module.modules())
        return f"{number} convolutions 3 × 3, 1 fully connected"
    if isinstance(module, MLPMaskHead):
        number = sum(isinstance(layer, nn.Linear) for layer in module)
        return f"{number} fully connected"
    names = {
        BoxHead: "2 fully connected",
        AveragePool: "mean",
        BoxPredictor: "1 layer each",
        MaskPredictor: "upsample, 1 × 1",
        MLPMaskPredictor: "1 fully connected",
    }
    return next((name for kind, name in names.items() if isinstance(module, kind)), "res5")
