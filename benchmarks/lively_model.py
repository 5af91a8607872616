"""A picture, and torchvision's models with weights under which all of each has work to do.

Random weights say about the same of every box. So batch norm's statistics are measured on a
picture, and each predictor is scaled to a given spread over its boxes: then 1,000 proposals and 100
detections pass, as in a trained model.
"""

import torch
from torch import nn
from torchvision.models import resnet50
from torchvision.models.detection import KeypointRCNN as TorchvisionKeypointRCNN
from torchvision.models.detection import MaskRCNN as TorchvisionMaskRCNN
from torchvision.models.detection import maskrcnn_resnet50_fpn_v2
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.datasets import ShapesDataset

NUM_CLASSES = 91
NUM_CLASSES_WITH_KEYPOINTS = 2
TILE = 160  # pixels; scenes of this size, three rows of four, make a picture of 480 x 640


def make_pictures(number, instances):
    """Pictures of 480 x 640 of twelve scenes each; the first so many shapes are the targets."""
    images, targets = [], []
    for n in range(number):
        scenes = ShapesDataset(12, seed=100 + n, image_size=TILE)
        rows = []
        boxes, labels, masks = [], [], []
        for row in range(3):
            tiles = []
            for column in range(4):
                image, target = scenes[4 * row + column]
                tiles.append(image)
                y, x = row * TILE, column * TILE
                for box, label, mask in zip(target["boxes"], target["labels"], target["masks"]):
                    boxes.append(box + torch.tensor([x, y, x, y]))
                    labels.append(label)
                    masks.append(torch.zeros(3 * TILE, 4 * TILE, dtype=torch.uint8))
                    masks[-1][y : y + TILE, x : x + TILE] = mask
            rows.append(torch.cat(tiles, dim=2))
        images.append(torch.cat(rows, dim=1))
        every = torch.linspace(0, len(boxes) - 1, instances).long()
        parts = {"boxes": boxes, "labels": labels, "masks": masks}
        targets.append({name: torch.stack(values)[every] for name, values in parts.items()})
    return images, targets


def make_torchvision(sizes):
    """Torchvision's default model with random weights that behave like trained ones."""
    return _make_with_frozen_trunk(TorchvisionMaskRCNN, NUM_CLASSES, sizes)


def make_torchvision_keypoints(sizes):
    """Torchvision's model with keypoints in place of masks, likewise."""
    return _make_with_frozen_trunk(TorchvisionKeypointRCNN, NUM_CLASSES_WITH_KEYPOINTS, sizes)


def make_torchvision_v2(sizes):
    """Torchvision's second version, likewise."""
    torch.manual_seed(0)
    image = make_pictures(1, 1)[0][0]
    model = maskrcnn_resnet50_fpn_v2(
        weights=None, weights_backbone=None, num_classes=NUM_CLASSES, **sizes
    )
    model.backbone.body.load_state_dict(measure_trunk(image), strict=False)
    spread_predictions(model, image)
    return model


def measure_trunk(image):
    """Random weights of a ResNet-50 whose batch norm has seen a picture."""
    measured = resnet50(weights=None)
    for module in measured.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics of the one batch that follows
    with torch.no_grad():
        measured.train()((image[None] - 0.45) / 0.225)
    return measured.state_dict()


def spread_predictions(model, image, class_spread=3.0):
    """Scale each predictor to a spread that is typical of a trained model.

    Random heads say about the same of every box: nothing would pass a threshold or be suppressed.
    """
    heads, hooks = model.roi_heads, {}
    spreads = {
        model.rpn.head.cls_logits: 2.0,
        model.rpn.head.bbox_pred: 0.3,
        heads.box_predictor.cls_score: class_spread,
        heads.box_predictor.bbox_pred: 1.0,
    }
    if heads.has_mask():
        spreads[heads.mask_predictor.mask_fcn_logits] = 2.0
    if heads.has_keypoint():
        spreads[heads.keypoint_predictor.kps_score_lowres] = 2.0
    for layer, spread in spreads.items():

        def scale(layer, inputs, output, spread=spread):
            hooks[layer].remove()  # the first call, on the finest map, decides
            axes = [axis for axis in range(output.dim()) if axis != 1]
            factor = spread / output.std(dim=axes)
            by_output = layer.weight
            if isinstance(layer, nn.ConvTranspose2d):  # whose outputs are the second axis
                by_output = by_output.transpose(0, 1)
            by_output *= factor.view(-1, *[1] * (by_output.dim() - 1))
            layer.bias -= output.mean(dim=axes)
            layer.bias *= factor
            return layer(*inputs)

        hooks[layer] = layer.register_forward_hook(scale)
    with torch.no_grad():
        model.eval()([image])


def _make_with_frozen_trunk(kind, num_classes, sizes):
    torch.manual_seed(0)
    image = make_pictures(1, 1)[0][0]
    measured = measure_trunk(image)
    trunk = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
    trunk.load_state_dict(measured, strict=False)
    layers = {f"layer{k}": str(k - 1) for k in range(1, 5)}
    backbone = BackboneWithFPN(trunk, layers, [256, 512, 1024, 2048], 256)
    model = kind(backbone, num_classes, **sizes)
    for name, parameter in model.backbone.body.named_parameters():
        parameter.requires_grad_(name.startswith(("layer2", "layer3", "layer4")))
    spread_predictions(model, image)
    return model
