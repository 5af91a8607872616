"""The twin of torchvision's second version, as `test_twin.py` holds the first to it."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2, maskrcnn_resnet50_fpn_v2

from mrcnn_lite.models import (
    MaskRCNNConfig,
    mask_rcnn,
    mask_rcnn_resnet50_fpn_v2,
    mini_config,
    prepare_for_inference,
)
from mrcnn_lite.models.fast import winograd
from mrcnn_lite.models.published import SECOND_VERSION
from mrcnn_lite.models.to_torchvision import to_torchvision, torchvision_keywords
from tests.models.conftest import (
    have_work_for_every_stage,
    make_calibrated_resnet50,
    make_mini_twins,
    randomise_norms,
)
from tests.models.test_twin import (
    check_equal,
    check_losses_and_gradients,
    check_matched,
    detect_by_ours,
    detect_by_theirs,
)

SMALL = {"min_size": 96, "max_size": 128, "rpn_post_nms_top_n_test": 40}


@pytest.fixture(scope="module")
def small_twins():
    """Torchvision's parts of the second version at a small size, and ours, in float64."""
    ours, theirs = make_mini_twins(second=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


@pytest.fixture(scope="module")
def resnet_twins():
    """ResNet-50's second version on small images, in float32."""
    torch.manual_seed(0)
    theirs = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=7, **SMALL)
    theirs.backbone.body.load_state_dict(make_calibrated_resnet50(), strict=False)
    randomise_norms(theirs.backbone.fpn, theirs.roi_heads)
    have_work_for_every_stage(theirs)
    ours = mask_rcnn_resnet50_fpn_v2(num_classes=7, **SMALL)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def test_state_dicts_are_torchvisions_both_ways():
    with torch.device("meta"):
        for builder, settings in (
            (maskrcnn_resnet50_fpn_v2, {}),
            (fasterrcnn_resnet50_fpn_v2, {"mask_head": "none"}),
        ):
            ours = mask_rcnn_resnet50_fpn_v2(num_classes=5, **settings)
            theirs = builder(weights=None, weights_backbone=None, num_classes=5)
            assert list(ours.state_dict()) == list(theirs.state_dict())
            for model, other in ((ours, theirs), (theirs, ours)):
                model.load_state_dict(other.state_dict(), strict=True, assign=True)
            same = zip(ours.parameters(), theirs.parameters(), strict=True)
            assert all(one.requires_grad == other.requires_grad for one, other in same)


def test_detections_of_resnet50_are_torchvisions(resnet_twins, scenes):
    ours, theirs = (copy.deepcopy(model).double() for model in resnet_twins)
    # Float64 is slow.
    ours.roi_heads.config = replace(ours.config, box_detections_per_img=10)
    theirs.roi_heads.detections_per_img = 10
    check_equal((ours, theirs), scenes[0][:1])


def test_detections_losses_and_gradients_are_torchvisions(small_twins, scenes):
    check_equal(small_twins, scenes[0])
    twins = copy.deepcopy(small_twins)
    check_losses_and_gradients(twins, *(part[:2] for part in scenes))
    # What batch norm has seen in training counts afterwards.
    check_equal(twins, scenes[0])


def test_an_image_without_objects_trains_as_torchvisions(small_twins, scenes):
    twins = copy.deepcopy(small_twins)
    empty = [
        {name: target[name][:0] for name in ("boxes", "labels", "masks")} for target in scenes[1]
    ]
    check_losses_and_gradients(twins, scenes[0][:2], empty[:2])
    assert all(value.isfinite().all() for value in twins[0].state_dict().values())


def test_prepared_it_detects_the_same_without_batch_norm(resnet_twins, scenes, monkeypatch):
    ours, theirs = resnet_twins
    prepared = prepare_for_inference(ours, torch.float32)
    left = [module for module in prepared.modules() if isinstance(module, nn.BatchNorm2d)]
    assert not left
    monkeypatch.setattr(winograd, "MIN_TILES", 1)  # as for large pictures
    convolved, convolve = set(), winograd.convolve

    def record(x, weight, bias):
        convolved.add((weight.data_ptr(), winograd.best_cells(x.shape)))
        return convolve(x, weight, bias)

    monkeypatch.setattr(winograd, "convolve", record)
    images = [scenes[0][0].float()]
    check_matched(detect_by_ours(prepared, images), detect_by_theirs(theirs, images))
    heads = prepared.roi_heads
    # The pyramid's maps are of any size; 7 x 7 cells are cut into tiles of 4, 14 x 14 of 5.
    for part, number, cells in (
        (prepared.backbone.fpn, 4, {4, 5}),
        (prepared.rpn, 2, {4, 5}),
        (heads.box_head, 4, {4}),
        (heads.mask_head, 4, {5}),
    ):
        weights = {parameter.data_ptr() for parameter in part.parameters()}
        of_part = [(weight, side) for weight, side in convolved if weight in weights]
        assert len({weight for weight, _ in of_part}) == number
        assert {side for _, side in of_part} <= cells


def test_a_trained_model_goes_back_to_torchvision():
    torch.manual_seed(0)
    settings = {"num_classes": 3, **SMALL}
    ours = mask_rcnn_resnet50_fpn_v2(**settings)
    randomise_norms(ours)
    theirs = to_torchvision(ours)
    assert torchvision_keywords(ours) == settings
    assert type(theirs.roi_heads.box_head).__name__ == "FastRCNNConvFCHead"
    for (name, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values()):
        assert torch.equal(mine, other), name


@pytest.mark.parametrize("name", sorted(set(SECOND_VERSION) - {"frozen_batch_norm", "neck"}))
def test_half_of_a_second_version_is_not_torchvisions(name):
    settings = {field: value for field, value in SECOND_VERSION.items() if field != name}
    with torch.device("meta"):
        model = mask_rcnn(MaskRCNNConfig(**settings))
    with pytest.raises(ValueError, match=rf"no ready-made model with {name}="):
        torchvision_keywords(model)


def test_each_part_is_a_choice_of_its_own(unlike_images):
    for choice in ({"rpn_convolutions": 3}, {"box_head": "conv_bn"}, {"neck": "fpn_bn"}):
        torch.manual_seed(0)
        model = mask_rcnn(mini_config(4, **{"box_conv_channels": (16,), **choice})).train()
        sum(model(*unlike_images).values()).backward()
        assert all(parameter.grad is not None for parameter in model.parameters()), choice
    with pytest.raises(ValueError, match=r"box_head='conv_bn' goes with a pyramid; neck='c4'"):
        mini_config(4, neck="c4", box_head="conv_bn")
    with pytest.raises(ValueError, match=r"box_head should be one of mlp, conv_bn, got 'fc'"):
        mini_config(4, box_head="fc")
    with pytest.raises(ValueError, match=r"rpn_convolutions should be .* from 1 to 64"):
        replace(mini_config(4), rpn_convolutions=0)


def test_published_weights_have_their_own_number_of_classes():
    with pytest.raises(ValueError, match=r"COCO_V1 has 91 classes, num_classes is 3"):
        mask_rcnn_resnet50_fpn_v2(weights="COCO_V1", num_classes=3)
    with pytest.raises(TypeError, match="mask_rcnn_resnet50_fpn_v2 got unknown options: neck"):
        mask_rcnn_resnet50_fpn_v2(neck="fpn")
