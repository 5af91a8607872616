"""A model handed back to torchvision detects there what it detects here."""

import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn, maskrcnn_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config
from mrcnn_lite.models.build import fcis
from mrcnn_lite.models.to_torchvision import to_torchvision, torchvision_keywords, torchvision_state

SMALL = {"num_classes": 3, "min_size": 64, "max_size": 96, "rpn_post_nms_top_n_test": 30}
FEW = {"box_score_thresh": 0.0, "box_detections_per_img": 8}


def make(**settings):
    torch.manual_seed(0)
    model = mask_rcnn(MaskRCNNConfig(**{**SMALL, **FEW, **settings})).eval()
    for layer in model.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            # Down to what the epsilon is: there it decides.
            layer.running_var.uniform_(0.0, 4.0).pow_(8).add_(1e-6)
            layer.weight.mul_(layer.running_var.sqrt())
    return model


@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_torchvision_detects_the_same_whatever_was_added_to_the_variance(eps):
    ours = make(frozen_batch_norm_eps=eps)
    theirs = to_torchvision(ours)
    images = [torch.rand(3, 70, 90), torch.rand(3, 64, 50)]
    with torch.no_grad():
        for mine, other in zip(ours(images), theirs(images)):
            assert len(mine["boxes"]) == 8
            torch.testing.assert_close(mine["boxes"], other["boxes"], rtol=1e-3, atol=1e-2)
            torch.testing.assert_close(mine["scores"], other["scores"], rtol=1e-3, atol=1e-4)
            assert torch.equal(mine["labels"], other["labels"])


def test_weights_load_strictly_into_torchvisions_builder():
    how_trained = {"trainable_backbone_layers": 5, "mask_logits_std": 0.001}
    ours = make(frozen_batch_norm=False, **how_trained)
    state = torchvision_state(ours)
    assert type(state) is dict
    keywords = torchvision_keywords(ours)
    assert keywords == {**SMALL, **FEW}
    theirs = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, **keywords)
    theirs.load_state_dict(state, strict=True)


def test_a_model_without_masks_is_torchvisions_faster_rcnn():
    ours = make(mask_head="none")
    theirs = fasterrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, **torchvision_keywords(ours)
    )
    theirs.load_state_dict(torchvision_state(ours), strict=True)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: mask_rcnn(mini_config(3)), "backbone='mini'"),
        (lambda: mask_rcnn(MaskRCNNConfig(fpn_channels=32)), "fpn_channels=32"),
        (lambda: mask_rcnn(MaskRCNNConfig(neck="c4", aligned=True)), "neck='c4', aligned=True"),
        (lambda: mask_rcnn(MaskRCNNConfig(mask_head="mlp")), "mask_head='mlp'"),
        (lambda: mask_rcnn(MaskRCNNConfig(anchor_ratios=(1.0,))), "anchor_ratios"),
        (lambda: fcis(mini_config(3, neck="c4")), "fcis"),
    ],
)
def test_what_torchvision_has_no_model_for_is_named(model, words):
    with torch.device("meta"):
        built = model()
    with pytest.raises(ValueError, match="torchvision has no") as raised:
        to_torchvision(built)
    assert words in str(raised.value)
