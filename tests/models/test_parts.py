"""Anchors, levels, pyramid, image transform and first weights against torchvision's."""

import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator as TorchvisionAnchors
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.ops.poolers import LevelMapper

from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.backbone import mini_trunk, resnet_trunk
from mrcnn_lite.models.fpn import FeaturePyramid
from mrcnn_lite.models.heads import MaskPredictor
from mrcnn_lite.models.images import ImageTransform
from mrcnn_lite.models.roi_features import assign_levels
from mrcnn_lite.models.rpn import AnchorGenerator

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def test_anchors_are_torchvisions():
    sizes, ratios = ((32, 48), (64, 96)), (0.5, 1.0, 2.0)
    features = [torch.zeros(2, 8, 16, 24), torch.zeros(2, 8, 8, 12)]
    images = ImageList(torch.zeros(2, 3, 128, 192), [(128, 192), (100, 180)])
    expected = TorchvisionAnchors(sizes, (ratios, ratios))(images, features)[0]
    anchors = AnchorGenerator(sizes, ratios)(features, (128, 192))
    assert torch.equal(torch.cat(anchors), expected)


def test_levels_are_torchvisions():
    sides = torch.tensor([1.0, 55, 56, 111.9, 112, 223.9, 224, 448, 5000])
    boxes = torch.stack([torch.zeros(9), torch.zeros(9), sides, sides], dim=1)
    expected = LevelMapper(2, 5, canonical_scale=224, canonical_level=4)([boxes]) + 2
    levels = assign_levels(boxes, 224, 4, 2, 5)
    assert torch.equal(levels, expected)
    assert levels.tolist() == [2, 2, 2, 2, 3, 3, 4, 5, 5]


def test_pyramid_is_torchvisions():
    channels = (8, 16, 32)
    expected = FeaturePyramidNetwork(list(channels), 12, LastLevelMaxPool())
    pyramid = FeaturePyramid(channels, 12)
    pyramid.load_state_dict(expected.state_dict())
    # Odd sizes: the coarser map is not exactly half the finer.
    features = [torch.randn(2, 8, 25, 31), torch.randn(2, 16, 13, 16), torch.randn(2, 32, 7, 8)]
    named = {str(k): feature for k, feature in enumerate(features)}
    for ours, theirs in zip(pyramid(features), expected(named).values(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("sizes", [[(100, 150), (130, 90)], [(37, 41)]])
def test_image_transform_is_torchvisions(sizes):
    images = [torch.rand(3, *size) for size in sizes]
    targets = [
        {
            "boxes": torch.tensor([[3.0, 4.0, 20.0, 30.0]]),
            "labels": torch.tensor([1]),
            "masks": torch.randint(0, 2, (1, *size), dtype=torch.uint8),
        }
        for size in sizes
    ]
    theirs = GeneralizedRCNNTransform(120, 160, list(MEAN), list(STD))
    expected, expected_targets = theirs(images, targets)
    batch, resized = ImageTransform((120,), 160, MEAN, STD)(images, targets)
    torch.testing.assert_close(batch.tensors, expected.tensors)
    assert batch.sizes == expected.image_sizes
    assert batch.original_sizes == sizes
    for ours, other in zip(resized, expected_targets, strict=True):
        torch.testing.assert_close(ours["boxes"], other["boxes"])
        assert torch.equal(ours["masks"], other["masks"])
    assert targets[0]["boxes"].tolist() == [[3, 4, 20, 30]]


def test_image_without_objects_is_resized_too():
    target = {"boxes": torch.zeros(0, 4), "masks": torch.zeros(0, 50, 60, dtype=torch.uint8)}
    batch, targets = ImageTransform((100,), 200, MEAN, STD)([torch.rand(3, 50, 60)], [target])
    assert targets[0]["masks"].shape == (0, *batch.sizes[0])


def test_training_draws_among_several_sizes_and_evaluation_takes_the_last():
    transform = ImageTransform((64, 96), 200, MEAN, STD)
    image = torch.rand(3, 50, 50)
    assert {transform([image])[0].sizes[0] for _ in range(20)} == {(64, 64), (96, 96)}
    transform.eval()
    assert {transform([image])[0].sizes[0] for _ in range(20)} == {(96, 96)}


def test_trunks_halve_the_resolution_stage_by_stage():
    images = torch.rand(1, 3, 128, 96)
    sides = [tuple(feature.shape[1:]) for feature in resnet_trunk("resnet50", True)(images)]
    assert sides == [(256, 32, 24), (512, 16, 12), (1024, 8, 6), (2048, 4, 3)]
    trunk = mini_trunk()
    for channels, stride, feature in zip(trunk.channels, (4, 8, 16), trunk(images), strict=True):
        assert feature.shape == (1, channels, 128 // stride, 96 // stride)


def test_freezing_keeps_the_last_layers():
    trunk = resnet_trunk("resnet50", True)
    trunk.freeze_all_but(2)
    trained = {name.split(".")[0] for name, p in trunk.named_parameters() if p.requires_grad}
    assert trained == {"layer3", "layer4"}
    with pytest.raises(ValueError, match="trainable_backbone_layers"):
        trunk.freeze_all_but(6)


def test_mask_logits_start_as_torchvisions_or_as_asked():
    torch.manual_seed(0)
    expected = MaskRCNNPredictor(256, 256, 91).mask_fcn_logits.weight.std()
    logits = MaskPredictor(256, 256, 91).mask_fcn_logits
    torch.testing.assert_close(logits.weight.std(), expected, rtol=0.05, atol=0)
    model = mask_rcnn(mini_config(num_classes=7, mask_logits_std=0.02))
    weight = model.roi_heads.mask_predictor.mask_fcn_logits.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.2)
