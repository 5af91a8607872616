"""Every variant that the configuration can name is built, trains and infers."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config

MINI_VARIANTS = {
    "mini": {},
    "mini_resnext": {"backbone": "mini_resnext"},
    "c4": {"neck": "c4"},
    "c5": {"neck": "c5"},
    "resnext_c4": {"backbone": "mini_resnext", "neck": "c4"},
    "resnext_c5": {"backbone": "mini_resnext", "neck": "c5"},
    "pool": {"roi_op": "pool"},
    "warp": {"roi_op": "warp"},
    "warp_max": {"roi_op": "warp", "roi_reduce": "max"},
    "align_max": {"roi_op": "align", "roi_reduce": "max"},
    "mlp": {"mask_head": "mlp"},
    "c4_mlp": {"neck": "c4", "mask_head": "mlp"},
    "none": {"mask_head": "none"},
    "c4_none": {"neck": "c4", "mask_head": "none"},
    "softmax": {"mask_loss": "softmax"},
    "c4_softmax": {"neck": "c4", "mask_loss": "softmax"},
    "agnostic": {"class_agnostic_masks": True},
    "c4_agnostic": {"neck": "c4", "class_agnostic_masks": True},
}

LARGE_VARIANTS = {
    "resnet50_c4": {"neck": "c4"},
    "resnet50_c5": {"neck": "c5"},
    "resnet101": {"backbone": "resnet101"},
    "resnext50": {"backbone": "resnext50_32x4d"},
    "resnext101": {"backbone": "resnext101_64x4d"},
}


def check_one_step(model, images, targets):
    """One training step and one inference; every parameter must have got a gradient."""
    with_masks = model.config.mask_head != "none"
    losses = model.train()(images, targets)
    assert ("loss_mask" in losses) == with_masks
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    with torch.inference_mode():
        for image, found in zip(images, model.eval()(images), strict=True):
            assert ("masks" in found) == with_masks
            assert len(found["boxes"]) == len(found["labels"]) == len(found["scores"])
            if with_masks:
                assert found["masks"].shape == (len(found["boxes"]), 1, *image.shape[1:])
                assert 0 <= found["masks"].min() <= found["masks"].max() <= 1


@pytest.mark.parametrize("variant", MINI_VARIANTS.values(), ids=MINI_VARIANTS)
def test_mini_variants_train_and_infer(variant, batch):
    torch.manual_seed(0)
    check_one_step(mask_rcnn(mini_config(5, **variant)), *batch)


@pytest.mark.parametrize("variant", LARGE_VARIANTS.values(), ids=LARGE_VARIANTS)
def test_large_variants_train_and_infer(variant, batch):
    torch.manual_seed(0)
    config = MaskRCNNConfig(
        num_classes=5,
        frozen_batch_norm=False,
        trainable_backbone_layers=5,
        fpn_channels=32,
        box_head_channels=32,
        mask_head_channels=(16, 16),
        min_size=64,
        rpn_post_nms_top_n_test=20,
        box_batch_size_per_image=8,
        box_detections_per_img=2,
        **variant,
    )
    check_one_step(mask_rcnn(config), *batch)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"neck": "c3"}, "neck should be one of fpn, fpn_bn, c4, c5, got 'c3'"),
        ({"roi_reduce": "sum"}, "roi_reduce should be one of mean, max"),
        ({"mask_head": "rnn"}, "mask_head should be one of fcn, fcn_bn, mlp, none"),
        ({"mask_loss": "dice"}, "mask_loss should be one of sigmoid, softmax"),
        ({"mask_loss": "softmax", "class_agnostic_masks": True}, "only one mask"),
        ({"mask_head": "none", "mask_loss": "softmax"}, "predicts no masks"),
        ({"mask_head": "none", "class_agnostic_masks": True}, "predicts no masks"),
        ({"mask_head_channels": ()}, "mask_head_channels should be a tuple of one or more"),
        ({"mask_head": "mlp", "mask_mlp_channels": ()}, "mask_mlp_channels should be a tuple"),
        ({"anchor_sizes": ((32,), (64,))}, "one entry for each of the 5 levels.*got 2"),
        ({"backbone": "mini"}, "one entry for each of the 4 levels.*got 5"),
    ],
)
def test_impossible_choices_are_named(choices, message):
    with pytest.raises(ValueError, match=message):
        MaskRCNNConfig(**choices)


def test_with_one_class_shared_masks_are_the_class_s(batch):
    images, targets = batch
    targets = [dict(target, labels=torch.ones_like(target["labels"])) for target in targets]
    torch.manual_seed(0)
    specific = mask_rcnn(mini_config(2))
    shared = mask_rcnn(mini_config(2, class_agnostic_masks=True))
    state = specific.state_dict()
    for name in ("weight", "bias"):
        name = f"roi_heads.mask_predictor.mask_fcn_logits.{name}"
        state[name] = state[name][1:]
    shared.load_state_dict(state)
    losses, detections = [], []
    for model in (specific, shared):
        torch.manual_seed(1)
        losses.append(model.train()(images, targets)["loss_mask"])
        with torch.no_grad():
            detections.append(model.eval()(images))
    torch.testing.assert_close(losses[0], losses[1])
    for ours, other in zip(*detections, strict=True):
        assert len(ours["boxes"]) > 0
        torch.testing.assert_close(ours["masks"], other["masks"])


def test_published_weights_of_a_mini_backbone_are_refused():
    with pytest.raises(ValueError, match="mini_resnext has no published weights"):
        mask_rcnn(mini_config(5, backbone="mini_resnext"), weights_backbone="DEFAULT")


def test_mini_resnext_takes_about_as_many_operations_as_mini():
    images = torch.rand(1, 3, 128, 128)
    totals = []
    for backbone in ("mini", "mini_resnext"):
        with FlopCounterMode(display=False) as counter:
            mask_rcnn(mini_config(5, backbone=backbone)).backbone(images)
        totals.append(counter.get_total_flops())
    assert totals[1] == pytest.approx(totals[0], rel=0.1)


def test_operations_are_counted_stage_by_stage(batch):
    model = mask_rcnn(mini_config(5)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(batch[0][:1])
    counts = {name: sum(of_kind.values()) for name, of_kind in counter.get_flop_counts().items()}
    # Two for each multiplication and addition: 64 x 64 outputs, 32 channels of 3 x 3 x 3 each.
    stem = 2 * 64**2 * 32 * 27
    stages = sum(counts[f"MaskRCNN.backbone.body.layer{number}"] for number in (1, 2, 3))
    assert counts["MaskRCNN.backbone.body"] == stem + stages
    parts = [counts[f"MaskRCNN.{part}"] for part in ("backbone", "rpn", "roi_heads")]
    pieces = ("box_head", "box_predictor", "mask_head", "mask_predictor")
    assert sum(counts[f"MaskRCNN.roi_heads.{piece}"] for piece in pieces) == parts[2]
    assert counts["MaskRCNN"] >= sum(parts) > 0.99 * counts["MaskRCNN"]
