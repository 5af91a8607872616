import pytest
import torch
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

from mrcnn_lite.explore.measure.step_cost import (
    Cluster,
    PartCost,
    StepCost,
    count_step,
    predict_step,
    ring_volume,
)
from mrcnn_lite.models import mini_config
from mrcnn_lite.models.config import MaskRCNNConfig


@pytest.fixture(scope="module")
def resnet50():
    return count_step(MaskRCNNConfig(), 320, 448, num_rois=512, num_mask_rois=100)


def test_parameters_are_as_many_as_torchvision_publishes(resnet50):
    assert resnet50.parameters == MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["num_params"]
    assert resnet50.gradient_bytes == 4 * resnet50.trainable
    assert resnet50.trainable < resnet50.parameters  # stem and first stage are frozen


def test_branches_are_counted_as_by_hand(resnet50):
    box = resnet50.parts["box branch"]
    products = 256 * 49 * 1024 + 1024 * 1024 + 1024 * (91 + 4 * 91)
    assert box.forward == 2 * 512 * products
    assert box.backward == 2 * box.forward  # gradients of inputs and of weights
    mask = resnet50.parts["mask branch"]
    convolutions = 4 * 14 * 14 * 9 * 256 * 256
    upsampling = 14 * 14 * 4 * 256 * 256
    logits = 28 * 28 * 256 * 91
    assert mask.forward == 2 * 100 * (convolutions + upsampling + logits)


def test_backbone_grows_with_the_picture_and_keeps_what_backward_needs():
    small, large = (count_step(mini_config(7), side, side) for side in (128, 256))
    for name in ("backbone", "FPN"):
        assert large.parts[name].forward == pytest.approx(4 * small.parts[name].forward)
        assert large.parts[name].saved_bytes == pytest.approx(
            4 * small.parts[name].saved_bytes, rel=0.02
        )
    assert large.parts["box branch"] == small.parts["box branch"]


def test_frozen_layers_cost_no_backward_pass(resnet50):
    all_trained = count_step(MaskRCNNConfig(trainable_backbone_layers=5), 320, 448)
    backbone, trained = resnet50.parts["backbone"], all_trained.parts["backbone"]
    assert backbone.forward == trained.forward
    assert backbone.backward < 0.9 * trained.backward


def test_all_reduce_hides_behind_the_backward_pass_until_it_is_too_long():
    cost = StepCost({"all": PartCost(10**12, 2 * 10**12, 0)}, 50 * 10**6, 50 * 10**6)
    cluster = Cluster(64, peak_flops=1e13, utilisation=0.5, between=1e10, inside=1e11, overlap=0.5)
    time = predict_step(cost, cluster, images_per_gpu=2)
    assert time.compute == pytest.approx(2 * 3e12 / 5e12)
    expected = 2e8 * (2 * 7 / 8 / 1e11 + 2 * 7 / 8 / 1e10)
    assert time.all_reduce == pytest.approx(expected)
    assert time.waiting == 0
    slow = predict_step(cost, Cluster(64, peak_flops=1e13, utilisation=0.5, between=1e8), 2)
    assert slow.waiting > 0
    assert slow.total == slow.compute + slow.waiting
    assert predict_step(cost, Cluster(1), 2).all_reduce == 0
    assert ring_volume(1) == 0


def test_nothing_is_computed():
    before = torch.get_rng_state()
    count_step(mini_config(7), 128, 128)
    assert torch.equal(before, torch.get_rng_state())
