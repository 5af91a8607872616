"""The twin of torchvision's Keypoint R-CNN: same weights, detections, losses and gradients."""

import copy
from dataclasses import replace
from unittest import mock

import pytest
import torch
from torchvision.models.detection import (
    KeypointRCNN_ResNet50_FPN_Weights,
    keypointrcnn_resnet50_fpn,
)
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign, box_iou

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import keypoint_rcnn_resnet50_fpn, mask_rcnn
from mrcnn_lite.models.to_torchvision import to_torchvision, torchvision_keywords

EVERYTHING = {
    "rpn_batch_size_per_image": 10**6,
    "rpn_positive_fraction": 1.0,
    "box_batch_size_per_image": 10**6,
    "box_positive_fraction": 1.0,
}
KEYPOINTS = 5


@pytest.fixture(scope="module")
def samples():
    """Three pictures of Shapes in float64, unlike in size, with keypoints; and their targets."""
    scenes = ShapesDataset(3, seed=5, keypoints=True)
    images, targets = map(list, zip(*(scenes[i] for i in range(3))))
    images[1] = torch.nn.functional.interpolate(images[1][None], size=(100, 120))[0]
    scale = torch.tensor([120 / 128, 100 / 128])
    targets[1]["boxes"] = targets[1]["boxes"] * scale.repeat(2)
    targets[1]["keypoints"][..., :2] *= scale
    masks = torch.nn.functional.interpolate(targets[1]["masks"][:, None], size=(100, 120))
    targets[1]["masks"] = masks[:, 0]
    targets[2]["keypoints"][0, :, 2] = 0  # nothing is known of the first one's
    generator = torch.Generator().manual_seed(0)
    for target in targets:
        target["boxes"] = target["boxes"].double()
        # Off the places' borders, where a hair decides: torchvision's keypoints are float32.
        target["keypoints"][..., :2] += (
            torch.rand(target["keypoints"][..., :2].shape, generator=generator) / 4
        )
    return [image.double() for image in images], targets


@pytest.fixture(scope="module")
def twins(mini_twins):
    """Small models with masks and keypoints, in float64; torchvision's is put together of parts."""
    ours, theirs = mini_twins()
    config = replace(ours.config, num_keypoints=KEYPOINTS, keypoint_head_channels=(16, 24))
    pooling = {
        "canonical_scale": config.roi_canonical_size,
        "canonical_level": config.roi_canonical_level,
    }
    torch.manual_seed(1)
    heads = theirs.roi_heads
    heads.keypoint_roi_pool = MultiScaleRoIAlign(["0", "1", "2"], 14, 2, **pooling)
    heads.keypoint_head = KeypointRCNNHeads(config.fpn_channels, config.keypoint_head_channels)
    heads.keypoint_predictor = KeypointRCNNPredictor(24, KEYPOINTS)
    theirs.double()
    ours = mask_rcnn(config).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


def detect(twins, images):
    """Detections of both; in float64 torchvision's places too, which it computes in float32."""
    zeros, dtype = torch.zeros, images[0].dtype

    def not_rounded(*size, **keywords):
        if keywords.get("dtype") == torch.float32:
            keywords["dtype"] = dtype
        return zeros(*size, **keywords)

    ours, theirs = (model.eval() for model in twins)
    with torch.no_grad():
        found = ours(images)
        with (
            mock.patch("torch.zeros", not_rounded),
            mock.patch("torch.Tensor.float", lambda tensor: tensor.to(dtype)),
        ):
            return list(zip(found, theirs(images), strict=True))


def test_detections_are_torchvisions(twins, samples):
    for found, expected in detect(twins, samples[0]):
        assert found.keys() == expected.keys()
        assert len(found["boxes"]) >= 10
        assert found["keypoints"].dtype == torch.float64
        for name, tolerance in (
            ("labels", 0),
            ("boxes", 1e-6),
            ("scores", 1e-8),
            ("keypoints", 1e-6),
            ("keypoints_scores", 1e-8),
        ):
            torch.testing.assert_close(found[name], expected[name], atol=tolerance, rtol=0)


def test_in_float32_detections_are_matched(twins, samples):
    """At least 97 % have one of the other model with the same box and places, each way."""
    twins = tuple(copy.deepcopy(model).float() for model in twins)
    for pair in detect(twins, [image.float() for image in samples[0]]):
        for found, expected in (pair, pair[::-1]):
            same = found["labels"][:, None] == expected["labels"]
            same &= box_iou(found["boxes"], expected["boxes"]) > 0.99
            off = (found["keypoints"][:, None] - expected["keypoints"]).abs().amax(dim=(2, 3))
            same &= off < 1e-2
            assert same.any(dim=1).double().mean() >= 0.97


def test_losses_and_gradients_are_torchvisions(twins, samples):
    ours, theirs = copy.deepcopy(twins)
    ours.rpn.config = ours.roi_heads.config = replace(ours.config, **EVERYTHING)
    for part in (theirs.rpn, theirs.roi_heads):
        part.fg_bg_sampler.batch_size_per_image = 10**6
        part.fg_bg_sampler.positive_fraction = 1.0
    assign = theirs.rpn.assign_targets_to_anchors

    def assign_in_float64(*arguments):
        # Torchvision's labels are float32, which would make its loss and gradient float32 too.
        labels, boxes = assign(*arguments)
        return [image_labels.double() for image_labels in labels], boxes

    theirs.rpn.assign_targets_to_anchors = assign_in_float64
    images, targets = samples
    losses = ours.train()(images, targets)
    expected = theirs.train()(images, copy.deepcopy(targets))
    assert losses.keys() == expected.keys()
    assert losses["loss_keypoint"] > 1
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name], atol=1e-8, rtol=1e-8)
    sum(losses.values()).backward()
    sum(expected.values()).backward()
    others = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        other = others[name].grad
        assert (parameter.grad - other).norm() <= 1e-7 * other.norm() + 1e-14, name


@pytest.mark.slow
def test_the_published_model_detects_the_same(resnet_twins, samples):
    few = {"box_detections_per_img": 2, "rpn_post_nms_top_n_test": 50}
    size = {"min_size": 96, "max_size": 128}
    trunk = resnet_twins(False, 96, 128)[1].state_dict()
    theirs = keypointrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=7, num_keypoints=KEYPOINTS, **size, **few
    )
    own = theirs.state_dict()
    theirs.load_state_dict(own | {name: value for name, value in trunk.items() if name in own})
    ours = keypoint_rcnn_resnet50_fpn(num_classes=7, num_keypoints=KEYPOINTS, **size, **few)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    (found, expected), *_ = detect((ours.double(), theirs.double()), samples[0][:1])
    assert found.keys() == expected.keys()
    assert len(found["boxes"]) == 2
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], atol=1e-6, rtol=0)


def test_a_trained_model_becomes_torchvisions():
    with torch.device("meta"):
        usual, other = keypoint_rcnn_resnet50_fpn(), keypoint_rcnn_resnet50_fpn(num_keypoints=3)
        theirs = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        usual.load_state_dict(theirs.state_dict(), strict=True, assign=True)
        theirs.load_state_dict(usual.state_dict(), strict=True, assign=True)
        assert usual.transform.min_size == theirs.transform.min_size
        both = keypoint_rcnn_resnet50_fpn(mask_head="fcn")
        narrow = keypoint_rcnn_resnet50_fpn(keypoint_head_channels=(8,))
    assert torchvision_keywords(usual) == {"num_classes": 2}
    assert torchvision_keywords(other) == {"num_classes": 2, "num_keypoints": 3}
    for model, name in ((both, "mask_head"), (narrow, "keypoint_head_channels")):
        with pytest.raises(ValueError, match=f"no ready-made model with {name}="):
            to_torchvision(model)


@pytest.mark.parametrize("name", ["COCO_V1", "COCO_LEGACY"])
def test_published_weights_want_their_own_epsilon_and_numbers(monkeypatch, name):
    built = []

    def note(config, weights_backbone=None):
        built.append(config)
        return mock.Mock()

    monkeypatch.setattr("mrcnn_lite.models.keypoint_rcnn.mask_rcnn", note)
    monkeypatch.setattr("mrcnn_lite.models.keypoint_rcnn.fetch_state_dict", lambda weights: weights)
    model = keypoint_rcnn_resnet50_fpn(weights=name)
    weights = KeypointRCNN_ResNet50_FPN_Weights[name]
    model.load_state_dict.assert_called_once_with(weights)
    assert built[0].frozen_batch_norm_eps == (0.0 if name == "COCO_V1" else 1e-5)
    assert built[0].frozen_batch_norm
    with pytest.raises(ValueError, match="2 classes and 17 keypoints, num_classes is 3"):
        keypoint_rcnn_resnet50_fpn(weights=name, num_classes=3)
    with pytest.raises(TypeError, match="keypoint_rcnn_resnet50_fpn got unknown options: backbone"):
        keypoint_rcnn_resnet50_fpn(backbone="resnet101")
