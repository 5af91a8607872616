"""Torchvision's model and ours with the same weights, and pictures to show them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from lively_model import spread_predictions
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.detection import MaskRCNN as TorchvisionMaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import (
    FastRCNNConvFCHead,
    FastRCNNPredictor,
    TwoMLPHead,
)
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import MaskRCNN, mask_rcnn, mask_rcnn_resnet50_fpn, mini_config
from mrcnn_lite.models.backbone import mini_trunk
from mrcnn_lite.models.published import SECOND_VERSION
from mrcnn_lite.models.to_torchvision import KEYWORDS

Twins = tuple[MaskRCNN, TorchvisionMaskRCNN]


@pytest.fixture(scope="session")
def resnet_twins() -> Callable[..., Twins]:
    """A function that makes ResNet-50 twins: `(frozen, min_size, max_size)`, in float32."""
    return make_resnet_twins


@pytest.fixture(scope="session")
def mini_twins() -> Callable[..., Twins]:
    """A function that makes small twins: torchvision's keywords, in float64, 7 classes."""
    # The same for all, whoever asks first: random predictions are spread over one model's boxes.
    weights = make_mini_twins()[1].state_dict()

    def make(**keywords) -> Twins:
        ours, theirs = make_mini_twins(**keywords)
        for model in (ours, theirs):
            model.load_state_dict(weights, strict=True)
        return ours, theirs

    return make


@pytest.fixture(scope="session")
def scenes() -> tuple[list[Tensor], list[dict]]:
    """Three pictures of Shapes of unlike sizes, in float64, with their targets."""
    images, targets = zip(*(ShapesDataset(3, seed=5)[i] for i in range(3)))
    images = [images[0].double(), images[1][:, 10:110].double(), images[2][..., :90].double()]
    targets = [dict(target, boxes=target["boxes"].double()) for target in targets]
    targets[1]["masks"] = targets[1]["masks"][:, 10:110]
    targets[2]["masks"] = targets[2]["masks"][..., :90]
    for target in targets:
        crop_target(target)
    return images, targets


def crop_target(target: dict) -> None:
    """Keep the objects that a cropped picture still shows, with boxes around what is left."""
    seen = [i for i, mask in enumerate(target["masks"]) if mask.sum() > 50]
    target["masks"], target["labels"] = target["masks"][seen], target["labels"][seen]
    boxes = []
    for mask in target["masks"]:
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    target["boxes"] = torch.tensor(boxes, dtype=target["boxes"].dtype).reshape(-1, 4)


def make_resnet_twins(
    frozen: bool, min_size: int, max_size: int, num_classes: int = 7, **keywords
) -> Twins:
    torch.manual_seed(0)
    norm_layer = FrozenBatchNorm2d if frozen else nn.BatchNorm2d
    trunk = resnet50(weights=None, norm_layer=norm_layer)
    trunk.load_state_dict(make_calibrated_resnet50(), strict=False)
    layers = {f"layer{k}": str(k - 1) for k in range(1, 5)}
    backbone = BackboneWithFPN(trunk, layers, [256, 512, 1024, 2048], 256)
    keywords |= {"min_size": min_size, "max_size": max_size}
    theirs = TorchvisionMaskRCNN(backbone, num_classes, **keywords)
    have_work_for_every_stage(theirs)
    ours = mask_rcnn_resnet50_fpn(num_classes=num_classes, frozen_batch_norm=frozen, **keywords)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def make_mini_twins(num_classes: int = 7, second: bool = False, **keywords) -> Twins:
    """Torchvision's parts, those of its first or its second version, put together as our model."""
    version = {**SECOND_VERSION, "box_conv_channels": (48, 32)} if second else {}
    norm_layer = nn.BatchNorm2d if second else None
    config = mini_config(num_classes, aligned=False, **version)
    names = ["0", "1", "2"]
    channels = config.fpn_channels
    layers = {"layer1": "0", "layer2": "1", "layer3": "2"}
    torch.manual_seed(0)
    trunk = mini_trunk()
    in_channels = list(trunk.channels)
    pooling = {
        "canonical_scale": config.roi_canonical_size,
        "canonical_level": config.roi_canonical_level,
    }
    settings = {
        name: getattr(config, name)
        for name in config.__dataclass_fields__
        if name.startswith(("rpn_", "box_")) and name in KEYWORDS
    }
    settings |= {name: getattr(config, name) for name in ("min_size", "max_size")}
    backbone = BackboneWithFPN(trunk, layers, in_channels, channels, norm_layer=norm_layer)
    box_head = TwoMLPHead(channels * 49, config.box_head_channels)
    if second:
        settings["rpn_head"] = RPNHead(channels, len(config.anchor_ratios), conv_depth=2)
        box_head = FastRCNNConvFCHead(
            (channels, 7, 7), [48, 32], [config.box_head_channels], norm_layer
        )
    theirs = TorchvisionMaskRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(config.anchor_sizes, (config.anchor_ratios,) * 4),
        box_roi_pool=MultiScaleRoIAlign(names, 7, 2, **pooling),
        box_head=box_head,
        box_predictor=FastRCNNPredictor(config.box_head_channels, num_classes),
        mask_roi_pool=MultiScaleRoIAlign(names, 14, 2, **pooling),
        mask_head=MaskRCNNHeads(channels, config.mask_head_channels, 1, norm_layer),
        mask_predictor=MaskRCNNPredictor(
            config.mask_head_channels[-1], config.mask_head_channels[-1], num_classes
        ),
        image_mean=config.image_mean,
        image_std=config.image_std,
        **{**settings, **keywords},
    ).double()
    if second:
        randomise_norms(theirs.backbone.fpn, theirs.roi_heads)
    have_work_for_every_stage(theirs)
    return mask_rcnn(replace(config, **keywords)).double(), theirs


def randomise_norms(*parts: nn.Module) -> None:
    """Give batch norm other numbers than those with which it does nothing."""
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.2)
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)


def have_work_for_every_stage(model: TorchvisionMaskRCNN) -> None:
    """Make a random model's outputs as varied as a trained one's, on a scene of Shapes."""
    image = ShapesDataset(1, seed=3)[0][0].to(model.roi_heads.box_predictor.cls_score.weight)
    spread_predictions(model, image, class_spread=2.5)


def make_calibrated_resnet50() -> dict[str, Tensor]:
    """Random weights with batch norm's statistics measured, so that activations stay of order 1."""
    trunk = resnet50(weights=None)
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.2)
    with torch.no_grad():
        trunk.train()(torch.randn(4, 3, 96, 96))
    return trunk.state_dict()


@pytest.fixture
def unlike_images() -> tuple[list[Tensor], list[dict]]:
    """Two images of different sizes, in float32, with their targets; the second has no objects."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, *size, generator=generator) for size in ((64, 80), (60, 64))]
    boxes = torch.tensor([[5.0, 5.0, 40.0, 50.0], [20.0, 10.0, 70.0, 60.0]])
    labels = torch.tensor([1, 3])
    masks = torch.zeros(2, 64, 80, dtype=torch.uint8)
    masks[0, 5:50, 5:40] = 1
    masks[1, 10:60, 20:70] = 1
    empty = {"boxes": boxes[:0], "labels": labels[:0], "masks": masks[:0, :60, :64]}
    return images, [{"boxes": boxes, "labels": labels, "masks": masks}, empty]
