"""Without a mask branch the model is Faster R-CNN; with proposals from outside, Fast R-CNN."""

import copy
from dataclasses import replace

import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from mrcnn_lite.models import mask_rcnn, mask_rcnn_resnet50_fpn, mini_config
from mrcnn_lite.models.images import resize_boxes


@pytest.fixture(scope="module")
def mini():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(5, box_score_thresh=0.0))


def test_without_a_mask_branch_it_is_torchvisions_faster_rcnn(batch):
    torch.manual_seed(0)
    options = {"num_classes": 5, "min_size": 96, "max_size": 128, "rpn_post_nms_top_n_train": 200}
    theirs = fasterrcnn_resnet50_fpn(weights_backbone=None, **options).double()
    with torch.no_grad():
        for module in theirs.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_var.fill_(3)
        # Spread the predictions out, so that thresholds and suppression have work to do.
        theirs.rpn.head.cls_logits.weight *= 30
        theirs.rpn.head.bbox_pred.weight *= 10
        theirs.roi_heads.box_predictor.cls_score.weight *= 20
        theirs.roi_heads.box_predictor.bbox_pred.weight *= 3
    ours = mask_rcnn_resnet50_fpn(mask_head="none", **options).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = [image[:, :96].double() for image in batch[0]]
    with torch.no_grad():
        for found, expected in zip(ours.eval()(images), theirs.eval()(images), strict=True):
            assert found.keys() == expected.keys() == {"boxes", "labels", "scores"}
            assert len(found["boxes"]) > 20
            assert torch.equal(found["labels"], expected["labels"])
            torch.testing.assert_close(found["boxes"], expected["boxes"], atol=1e-6, rtol=0)
            torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-8, rtol=0)

    # With every anchor and proposal in the sample, nothing is left to chance.
    config = replace(
        ours.config,
        rpn_batch_size_per_image=10**6,
        rpn_positive_fraction=1.0,
        box_batch_size_per_image=10**6,
        box_positive_fraction=1.0,
    )
    ours.rpn.config = ours.roi_heads.config = config
    for part in (theirs.rpn, theirs.roi_heads):
        part.fg_bg_sampler.batch_size_per_image = 10**6
        part.fg_bg_sampler.positive_fraction = 1.0
    assign = theirs.rpn.assign_targets_to_anchors

    def assign_in_float64(anchors, targets):
        labels, boxes = assign(anchors, targets)
        return [of_image.double() for of_image in labels], boxes

    # Torchvision keeps these labels in float32, which would round the loss.
    theirs.rpn.assign_targets_to_anchors = assign_in_float64
    targets = [
        {"boxes": target["boxes"].double().clamp(max=96), "labels": target["labels"]}
        for target in batch[1]
    ]
    losses = ours.train()(images, targets)
    expected = theirs.train()(images, copy.deepcopy(targets))
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(expected[name].item(), rel=1e-8), name


def test_without_a_mask_branch_masks_are_neither_needed_nor_resized(batch):
    images, targets = batch
    model = mask_rcnn(mini_config(5, mask_head="none", min_size=64)).train()
    seen = []
    model.rpn.register_forward_hook(lambda module, inputs, output: seen.extend(inputs[2]))
    losses = model(images, targets)
    assert losses.keys() == {
        *("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg")
    }
    assert all("masks" not in target for target in seen)


def proposals_of_its_own(model, images):
    """What the model's RPN proposes, in pixels of the images as they came."""
    with torch.no_grad():
        batch, _ = model.transform(images)
        proposals, _ = model.rpn(batch, model.backbone(batch.tensors))
    return [
        resize_boxes(boxes, size, original)
        for boxes, size, original in zip(proposals, batch.sizes, batch.original_sizes)
    ]


def test_given_its_own_proposals_it_detects_the_same(mini, batch):
    images, _ = batch
    mini.eval()
    with torch.no_grad():
        expected = mini(images)
        mini.rpn.head.requires_grad_(False)
        found = mini(images, proposals=proposals_of_its_own(mini, images))
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours["boxes"]) == 20
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_given_proposals_are_resized_with_their_image(mini):
    image = [torch.rand(3, 200, 160, generator=torch.Generator().manual_seed(0))]
    mini.eval()
    with torch.no_grad():
        (expected,) = mini(image)
        (found,) = mini(image, proposals=proposals_of_its_own(mini, image))
    torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-4, rtol=0)
    torch.testing.assert_close(found["boxes"], expected["boxes"], atol=1e-2, rtol=0)


def test_given_proposals_train_all_but_the_rpn(batch):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(5)).train()
    proposals = [target["boxes"] + 3 for target in batch[1]]
    losses = model(*batch, proposals=proposals)
    assert losses.keys() == {"loss_classifier", "loss_box_reg", "loss_mask"}
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        # The pyramid's coarsest map may be nobody's: few boxes, all of one size.
        if not name.startswith(("rpn.", "backbone.fpn.")):
            assert parameter.grad.abs().sum() > 0, name
        elif name.startswith("rpn."):
            assert parameter.grad is None, name


@pytest.mark.parametrize("neck", ["fpn", "c4"])
def test_neither_objects_nor_proposals_are_legal(neck, batch):
    model = mask_rcnn(mini_config(5, neck=neck))
    images = batch[0]
    targets = [{name: value[:0] for name, value in target.items()} for target in batch[1]]
    nothing = [torch.zeros(0, 4)] * 2
    losses = model.train()(images, targets, proposals=nothing)
    assert all(loss == 0 for loss in losses.values())
    sum(losses.values()).backward()
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    with torch.no_grad():
        found = model.eval()(images, proposals=nothing)
    assert [found["masks"].shape for found in found] == [(0, 1, 128, 128)] * 2


@pytest.mark.parametrize(
    ("proposals", "error", "message"),
    [
        (torch.rand(1, 3, 4), TypeError, "proposals should be a list"),
        ([], ValueError, "1 images but proposals for 0"),
        ([torch.tensor([[1, 2, 3, 4]])], TypeError, r"proposals\[0\].*int64"),
        ([torch.rand(2, 5)], ValueError, r"proposals\[0\].*\[P, 4\].*\[2, 5\]"),
        ([torch.tensor([[1.0, 2, 3, float("nan")]])], ValueError, "not finite"),
        ([torch.tensor([[5.0, 5, 5, 9]])], ValueError, "without area"),
    ],
)
def test_malformed_proposals_are_named(mini, proposals, error, message):
    with pytest.raises(error, match=message):
        mini.eval()([torch.rand(3, 64, 64)], proposals=proposals)
