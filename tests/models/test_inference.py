"""What a model made ready for inference keeps, and what half precision may change."""

import copy

import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops import FrozenBatchNorm2d, roi_align

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models.backbone import resnet_trunk
from mrcnn_lite.models.fast import few_at_once, winograd
from mrcnn_lite.models.fast.prepare import prepare_for_inference
from mrcnn_lite.models.fast.training import BasicBlock, convolve, predict_for
from mrcnn_lite.models.roi_features import crop_masks


def randomise_batch_norm(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm2d, FrozenBatchNorm2d)):
            with torch.no_grad():
                for values in (norm.weight, norm.running_var):
                    values.uniform_(0.5, 1.5)
                for values in (norm.bias, norm.running_mean):
                    values.normal_(std=0.2)


@pytest.mark.parametrize("norm_layer", [FrozenBatchNorm2d, nn.BatchNorm2d])
def test_stages_run_as_torchvisions_do(norm_layer):
    trunk = resnet_trunk("resnet50", norm_layer is FrozenBatchNorm2d).double().eval()
    randomise_batch_norm(trunk)
    theirs = torchvision.models.resnet50(norm_layer=norm_layer).double().eval()
    theirs.load_state_dict(trunk.state_dict(), strict=False)
    images = torch.rand(1, 3, 32, 64, dtype=torch.float64)
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
    with torch.no_grad():
        for number, feature in enumerate(trunk(images), start=1):
            x = theirs.get_submodule(f"layer{number}")(x)
            torch.testing.assert_close(feature, x)


def test_batch_norm_in_training_is_not_folded():
    ours = BasicBlock(8, 8)
    theirs = torchvision.models.resnet.BasicBlock(8, 8)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 8, 6, 5)
    torch.testing.assert_close(ours(x), theirs(x))
    assert torch.equal(ours.bn1.running_mean, theirs.bn1.running_mean)
    assert ours.bn1.running_mean.any()


def test_gradient_goes_through_the_folded_weight():
    convolution, norm = nn.Conv2d(3, 4, 3, stride=2, bias=False), FrozenBatchNorm2d(4)
    convolution.double(), norm.double()
    randomise_batch_norm(norm)
    x = torch.rand(2, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    inputs = (x, convolution.weight)
    folded = torch.autograd.grad(convolve(x, convolution, norm).sin().sum(), inputs)
    plain = torch.autograd.grad(norm(convolution(x)).sin().sum(), inputs)
    for ours, expected in zip(folded, plain):
        torch.testing.assert_close(ours, expected)


def test_prepared_model_detects_the_same(mini_twins, scenes):
    model = mini_twins()[0].eval()
    randomise_batch_norm(model)
    before = copy.deepcopy(model.state_dict())
    prepared = prepare_for_inference(model, torch.float64)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in prepared.modules())
    with torch.no_grad():
        for found, expected in zip(prepared(scenes[0]), model(scenes[0]), strict=True):
            assert len(found["boxes"]) > 5
            for name, value in found.items():
                torch.testing.assert_close(value, expected[name])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_prepared_model_can_be_prepared_again(mini_twins, scenes):
    once = prepare_for_inference(mini_twins()[0], torch.float64)
    twice = prepare_for_inference(once, torch.float64)
    with torch.no_grad():
        for found, expected in zip(twice(scenes[0]), once(scenes[0]), strict=True):
            for name, value in found.items():
                assert torch.equal(value, expected[name])


def test_resnet_as_built_and_prepared_detects_the_same(resnet_twins, scenes, monkeypatch):
    """More than 256 proposals, which go through the box head in parts, and Winograd's layers."""
    model = resnet_twins(True, 96, 128, rpn_post_nms_top_n_test=260, box_detections_per_img=10)
    model = model[0].double().eval()
    monkeypatch.setattr(winograd, "MIN_TILES", 10**9)
    with torch.no_grad():
        expected = model(scenes[0][:1])[0]
    prepared = prepare_for_inference(model)
    monkeypatch.setattr(winograd, "MIN_TILES", 1)
    convolved, sizes = [], []

    def record(x, weight, bias):
        convolved.append(weight.data_ptr())
        return winograd_convolve(x, weight, bias)

    winograd_convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", record)
    # Four of the pyramid, one of the RPN, four of the mask head; prepared also the trunk's of 128
    # to 512 channels and stride 1: 3 + 5 + 2.
    for one, number in ((model, 9), (prepared, 19)):
        hook = one.roi_heads.box_head.register_forward_hook(
            lambda _, __, hidden: sizes.append(len(hidden))
        )
        with torch.no_grad():
            found = one(scenes[0][:1])[0]
        hook.remove()
        assert len(set(convolved)) == number
        assert len(sizes) == 2
        assert sizes[0] == 256
        assert len(found["boxes"]) > 5
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name], atol=1e-6, rtol=1e-6)
        convolved.clear()
        sizes.clear()


def test_boxes_in_parts_are_those_predicted_at_once(mini_twins, scenes, monkeypatch):
    model = mini_twins()[0].eval()
    images, _ = model.transform(scenes[0])
    boxes = [torch.rand(n, 4, dtype=torch.float64) * 60 for n in (7, 0, 5)]
    boxes = [torch.cat([box[:, :2], box[:, :2] + box[:, 2:]], dim=1) for box in boxes]
    with torch.no_grad():
        features = model.backbone(images.tensors)[:-1]
        expected = model.roi_heads.predict_boxes(images, features, boxes)
        monkeypatch.setattr(few_at_once, "BOXES_AT_ONCE", 3)
        for part, whole in zip(model.roi_heads.predict_boxes(images, features, boxes), expected):
            torch.testing.assert_close(part, whole)


def test_anchors_predicted_alone_are_those_predicted_with_all(mini_twins):
    head = mini_twins()[0].rpn.head
    channels = head.cls_logits.in_channels
    features = [torch.randn(2, channels, *size, dtype=torch.float64) for size in ((5, 7), (3, 4))]
    objectness, deltas = (torch.cat(parts, dim=1).flatten(0, 1) for parts in head(features))
    anchors = torch.randperm(len(objectness))
    alone = predict_for(head, features, anchors)
    torch.testing.assert_close(alone[0], objectness[anchors])
    torch.testing.assert_close(alone[1], deltas[anchors])


@pytest.fixture(scope="module")
def twin_in_float32(mini_twins):
    return mini_twins()[0].float()


def test_autocast_keeps_losses_and_the_direction_of_the_gradient(mini_twins):
    # All anchors and proposals count: which ones a draw takes hangs on the last bit.
    everything = {"rpn_batch_size_per_image": 10**6, "box_batch_size_per_image": 10**6}
    images, targets = zip(*(ShapesDataset(2, seed=5)[i] for i in range(2)))
    model = mini_twins(**everything)[0].float().train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()  # as measured: the statistics of two pictures would be noise
    results = []
    for half in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            losses = model(list(images), list(targets))
        assert all(loss.dtype == torch.float32 for loss in losses.values())
        model.zero_grad()
        sum(losses.values()).backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])
        results.append((torch.stack(list(losses.values())).detach(), gradient))
    (losses, gradient), (half_losses, half_gradient) = results
    torch.testing.assert_close(half_losses, losses, rtol=0.03, atol=0.01)
    assert torch.cosine_similarity(half_gradient, gradient, dim=0) > 0.99


@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_autocast_keeps_detections_in_float32(twin_in_float32, weights):
    images = [ShapesDataset(1, seed=5)[0][0]]
    model = prepare_for_inference(twin_in_float32, weights)
    seen = []
    model.rpn.register_forward_hook(lambda _, __, output: seen.append(output[0][0]))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        detections = model(images)[0]
    assert seen[0].dtype == torch.float32
    assert all(detections[name].dtype == torch.float32 for name in ("boxes", "scores", "masks"))
    # Finer than half precision: neighbouring bfloat16 numbers near 100 are 0.5 apart.
    assert (detections["boxes"] * 2 != (detections["boxes"] * 2).round()).any()
    assert 0 <= detections["masks"].min() <= detections["masks"].max() <= 1


def test_masks_reach_beyond_the_border_and_off_the_image():
    mask = torch.zeros(1, 20, 30, dtype=torch.uint8)
    mask[0, 5:20, 10:30] = 1
    boxes = torch.tensor(
        [[8.3, 4.2, 31, 22], [-6, -5, 12, 9], [40, 3, 50, 9], [-9, -9, -5, -4], [3, 3, 3.1, 3.2]],
        dtype=torch.float64,
    )
    for aligned in (False, True):
        rois = torch.cat([torch.zeros(5, 1), boxes], dim=1)
        expected = roi_align(mask[:, None].double(), rois, 28, aligned=aligned)[:, 0]
        cropped = crop_masks(mask, boxes, torch.zeros(5, dtype=torch.int64), 28, aligned)
        torch.testing.assert_close(cropped, expected)
