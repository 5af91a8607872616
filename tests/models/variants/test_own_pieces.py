"""A reader's own pieces take the place of the model's."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.ops import roi_align, roi_pool


@pytest.fixture
def model():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(5, box_score_thresh=0.0))


def losses_and_gradients(model, batch):
    torch.manual_seed(1)
    losses = model.train()(*batch)
    model.zero_grad()
    sum(losses.values()).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return losses, gradients


def test_own_roi_align_is_read_by_both_branches(model, batch):
    expected, expected_gradients = losses_and_gradients(model, batch)
    bins = []

    def my_roi_align(input, boxes, output_size, spatial_scale):
        bins.append(output_size)
        return torchvision.ops.roi_align(
            input, boxes, output_size, spatial_scale, sampling_ratio=2, aligned=True
        )

    model.roi_heads.roi_op = my_roi_align
    losses, gradients = losses_and_gradients(model, batch)
    assert set(bins) == {7, 14}
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name])
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], rtol=1e-3, atol=1e-5)


def test_own_losses_are_trained_with(model, batch):
    expected, _ = losses_and_gradients(model, batch)

    def my_mask_loss(mask_logits, labels, mask_targets):
        of_class = mask_logits[range(len(labels)), labels]
        return 2 * F.binary_cross_entropy(of_class.sigmoid(), mask_targets)

    def my_box_losses(class_logits, deltas, labels, target_deltas):
        return 3 * F.cross_entropy(class_logits, labels), deltas.sum() * 0

    model.roi_heads.mask_loss = my_mask_loss
    model.roi_heads.box_losses = my_box_losses
    losses, _ = losses_and_gradients(model, batch)
    torch.testing.assert_close(losses["loss_mask"], 2 * expected["loss_mask"])
    torch.testing.assert_close(losses["loss_classifier"], 3 * expected["loss_classifier"])
    assert losses["loss_box_reg"] == 0


def test_own_loss_may_be_a_module_with_parameters(model, batch):
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(()))

        def forward(self, mask_logits, labels, mask_targets):
            return self.factor * mask_logits.square().mean()

    model.roi_heads.mask_loss = Weighted()
    _, gradients = losses_and_gradients(model, batch)
    assert gradients["roi_heads.mask_loss.factor"] > 0


class MyPyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.theirs = FeaturePyramidNetwork([48, 96, 160], 64, LastLevelMaxPool())

    def forward(self, features):
        return list(self.theirs({str(k): f for k, f in enumerate(features)}).values())


class MyRPNHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.both = nn.Conv2d(64, 3 * 5, kernel_size=3, padding=1)

    def forward(self, features):
        of_levels = [self.both(f).permute(0, 2, 3, 1).reshape(len(f), -1, 5) for f in features]
        return [level[..., 0] for level in of_levels], [level[..., 1:] / 9 for level in of_levels]


def test_own_modules_need_no_more_than_forward(model, batch):
    model.backbone.fpn = MyPyramid()
    model.rpn.head = MyRPNHead()
    model.roi_heads.box_head = nn.Sequential(nn.Flatten(), nn.Linear(64 * 49, 160), nn.Tanh())
    model.roi_heads.mask_head = nn.Conv2d(64, 32, kernel_size=1)
    model.roi_heads.mask_predictor = nn.ConvTranspose2d(32, 5, kernel_size=2, stride=2)
    _, gradients = losses_and_gradients(model, batch)
    for name, gradient in gradients.items():
        assert gradient.abs().sum() > 0, name
    with torch.inference_mode():
        for found in model.eval()(batch[0]):
            assert len(found["masks"]) == len(found["boxes"]) > 0


def test_roi_operation_may_be_swapped_in_a_trained_model(model, batch):
    model.eval()
    with torch.no_grad():
        (aligned,) = model(batch[0][:1])
        model.roi_heads.roi_op = roi_pool
        (pooled,) = model(batch[0][:1])
        model.roi_heads.roi_op = partial(roi_align, sampling_ratio=2, aligned=True)
        (again,) = model(batch[0][:1])
    assert not torch.equal(pooled["scores"], aligned["scores"])
    assert torch.equal(again["scores"], aligned["scores"])
