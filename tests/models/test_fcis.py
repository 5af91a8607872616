"""FCIS against its parts put together pixel by pixel, and torchvision's position-sensitive ops."""

import copy

import pytest
import torch
import torchvision

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config
from mrcnn_lite.models.backbone import mini_trunk, residual_stage
from mrcnn_lite.models.build import fcis
from mrcnn_lite.models.dilation import remove_stride
from mrcnn_lite.models.fcis import (
    MASK_SIDE,
    PARTS,
    PIXELS_PER_PART,
    detection_logits,
    mask_logits,
    repeat_parts,
)
from mrcnn_lite.models.weights import load_trunk

CLASSES = 5
BOXES = [[[3.0, 5, 70, 90], [0, 0, 128, 128]], [[9.5, 9, 40, 20]]]


def make_fcis(**overrides):
    torch.manual_seed(0)
    return fcis(mini_config(CLASSES, **{"neck": "c4"} | overrides))


def batch_of(number, seed=4):
    images, targets = zip(*(ShapesDataset(number, seed, crowded=True)[i] for i in range(number)))
    for target in targets:
        target["labels"] = (target["labels"] - 1) % (CLASSES - 1) + 1
    return list(images), list(targets)


@pytest.mark.parametrize("backbone", ["mini", "mini_resnext", "resnet50"])
def test_dilated_stage_is_the_strided_one_at_every_second_pixel(backbone):
    torch.manual_seed(0)
    strided = residual_stage(backbone, 8, 256, 3).eval().double()
    dilated = remove_stride(copy.deepcopy(strided))
    assert dilated.state_dict().keys() == strided.state_dict().keys()
    maps = torch.randn(2, 8, 12, 14, dtype=torch.float64)
    with torch.no_grad():
        full = dilated(maps)
        assert full.shape == (2, 256, 12, 14)
        torch.testing.assert_close(full[..., ::2, ::2], strided(maps))


@pytest.mark.parametrize("roi_op", ["align", "pool"])
def test_scores_are_torchvisions_bins_put_together_part_by_part(roi_op):
    model = make_fcis(roi_op=roi_op).eval().double()
    heads = model.roi_heads
    images, _ = model.transform([image.double() for image in batch_of(2)[0]])
    boxes = [torch.tensor(of_image, dtype=torch.float64) for of_image in BOXES]
    with torch.no_grad():
        score_maps, box_maps = heads.compute_maps(model.backbone(images.tensors))
        inside, outside = heads.read_scores(images, score_maps, boxes)
        deltas = heads.read_deltas(images, box_maps, boxes)
    assert score_maps.shape[-2:] == (8, 8)
    assert inside.shape == outside.shape == (3, CLASSES, MASK_SIDE, MASK_SIDE)

    def read(maps, side):
        if roi_op == "pool":
            return torchvision.ops.ps_roi_pool(maps, boxes, side, 1 / 16)
        return torchvision.ops.ps_roi_align(maps, boxes, side, 1 / 16, 2)

    # One side and class at a time: every output pixel gets a copy of its own part's map.
    for side, found in enumerate((inside, outside)):
        for label in range(CLASSES):
            first = (side * CLASSES + label) * PARTS**2
            copies = [
                score_maps[:, first + (row // PIXELS_PER_PART) * PARTS + column // PIXELS_PER_PART]
                for row in range(MASK_SIDE)
                for column in range(MASK_SIDE)
            ]
            expected = read(torch.stack(copies, dim=1), MASK_SIDE)[:, 0]
            torch.testing.assert_close(found[:, label], expected)
    torch.testing.assert_close(deltas, read(box_maps, PARTS).mean(dim=(2, 3)))


def test_repeated_parts():
    maps = torch.arange(2 * 4.0).view(1, 8, 1, 1)
    repeated = repeat_parts(maps, parts=2, pixels=2).view(2, 4, 4)
    first = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert repeated[0].tolist() == first
    assert (repeated[1] - 4).tolist() == first


def test_class_is_the_mean_of_the_larger_and_mask_the_softmax_of_the_two():
    inside = torch.tensor([[[[4.0, -2.0]]]])
    outside = torch.tensor([[[[1.0, 5.0]]]])
    assert detection_logits(inside, outside).item() == 4.5
    probability = torch.stack([inside, outside]).softmax(dim=0)[0]
    torch.testing.assert_close(mask_logits(inside, outside).sigmoid(), probability)


def test_losses_have_mask_rcnns_names_and_reach_every_parameter():
    model = make_fcis().train()
    images, targets = batch_of(3)
    losses = model(images, targets)
    expected = mask_rcnn(mini_config(CLASSES, neck="c4")).train()(images, targets)
    assert losses.keys() == expected.keys()
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_images_without_objects_still_train_every_parameter():
    model = make_fcis().train()
    target = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, 128, 128, dtype=torch.uint8),
    }
    losses = model([torch.rand(3, 128, 128)], [target])
    assert losses["loss_mask"] == 0
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    # The extreme: no RoI either.
    losses = model([torch.rand(3, 128, 128)], [target], proposals=[torch.zeros(0, 4)])
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_mask"}
    assert sum(losses.values()) == 0


@pytest.mark.parametrize("roi_op", ["align", "pool"])
def test_detections(roi_op):
    model = make_fcis(roi_op=roi_op, box_score_thresh=0.0).eval()
    images = [torch.rand(3, 128, 128), torch.rand(3, 100, 90)]
    with torch.no_grad():
        found = model(images)
    for image, detections in zip(images, found, strict=True):
        height, width = image.shape[1:]
        number = len(detections["boxes"])
        assert number == model.config.box_detections_per_img
        assert detections["masks"].shape == (number, 1, height, width)
        assert 0 <= detections["masks"].min() <= detections["masks"].max() <= 1
        assert detections["boxes"].max() <= 128
        assert detections["scores"].diff().max() <= 0
        assert set(detections["labels"].tolist()) <= set(range(1, CLASSES))


def test_no_proposals_no_detections():
    model = make_fcis().eval()
    with torch.no_grad():
        (found,) = model([torch.rand(3, 128, 128)], proposals=[torch.zeros(0, 4)])
    assert found["boxes"].shape == (0, 4)
    assert found["masks"].shape == (0, 1, 128, 128)


def test_masks_are_read_in_the_refined_boxes():
    model = make_fcis(box_score_thresh=0.0, box_nms_thresh=1.0, box_detections_per_img=1000).eval()
    heads = model.roi_heads
    heads.box_maps.weight.data.zero_()
    # dx = 10 / 10: a whole width to the right.
    heads.box_maps.bias.data = torch.tensor([10.0, 0, 0, 0]).repeat_interleave(PARTS**2)
    proposal, refined = torch.tensor([[10.0, 20, 40, 50]]), torch.tensor([[40.0, 20, 70, 50]])
    image = torch.rand(3, 128, 128)
    with torch.no_grad():
        batch, _ = model.transform([image])
        features = model.backbone(batch.tensors)
        found = heads(batch, features, [proposal])[0][0]
        score_maps, _ = heads.compute_maps(features)
        logits = mask_logits(*heads.read_scores(batch, score_maps, [refined]))[0]
        scored = detection_logits(*heads.read_scores(batch, score_maps, [proposal])).softmax(dim=1)
    torch.testing.assert_close(found["boxes"].unique(dim=0), refined)
    for label, score, mask in zip(found["labels"], found["scores"], found["masks"]):
        torch.testing.assert_close(score, scored[0, label])
        torch.testing.assert_close(mask, logits[label].sigmoid())


@pytest.mark.parametrize(
    ("name", "value"),
    [("neck", "fpn"), ("roi_op", "warp"), ("mask_head", "none")],
)
def test_settings_that_fcis_has_no_place_for(name, value):
    with pytest.raises(ValueError, match=name):
        make_fcis(**{name: value})


def test_large_trunks_have_the_last_stage_on_the_whole_map():
    with torch.device("meta"):
        model = fcis(MaskRCNNConfig(num_classes=3, neck="c4"))
        maps, _ = model.roi_heads.compute_maps([torch.empty(1, 1024, 20, 30)])
    assert maps.shape == (1, 2 * 3 * PARTS**2, 20, 30)


def test_fcis_starts_from_a_classifiers_trunk():
    trunk = mini_trunk(4)
    model = make_fcis()
    load_trunk(model, trunk.state_dict())
    stage = model.roi_heads.shared_head
    assert torch.equal(stage[0].conv1.weight, trunk.layer4[0].conv1.weight)
