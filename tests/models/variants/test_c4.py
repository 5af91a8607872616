"""Detection on a single map against its parts put together by hand, and torchvision's trunks."""

import pytest
import torch
import torch.nn.functional as F
import torchvision

from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config
from mrcnn_lite.models.backbone import resnet_trunk
from mrcnn_lite.models.weights import load_trunk

BACKBONES = ("resnet50", "resnet101", "resnext50_32x4d", "resnext101_64x4d")


def without_classifier(resnet) -> dict[str, torch.Tensor]:
    return {name: v for name, v in resnet.state_dict().items() if not name.startswith("fc.")}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_trunks_have_torchvisions_names_and_shapes(backbone, frozen):
    with torch.device("meta"):
        ours = resnet_trunk(backbone, frozen).state_dict()
        theirs = without_classifier(torchvision.models.get_model(backbone))
    # Frozen batch norm counts no batches; torchvision's own drops that number when it loads.
    theirs = {n: v for n, v in theirs.items() if not (frozen and n.endswith("num_batches_tracked"))}
    assert [(n, v.shape) for n, v in ours.items()] == [(n, v.shape) for n, v in theirs.items()]


@pytest.mark.parametrize("neck", ["fpn", "c4", "c5"])
def test_classification_weights_reach_every_stage(neck):
    torch.manual_seed(0)
    resnet = torchvision.models.resnet50().eval()
    model = mask_rcnn(MaskRCNNConfig(num_classes=2, neck=neck)).eval()
    load_trunk(model, without_classifier(resnet))
    # Batch norm that is part of a convolution rounds differently.
    resnet, model = resnet.double(), model.double()
    images = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    stem = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(images))))
    c4 = resnet.layer3(resnet.layer2(resnet.layer1(stem)))
    with torch.no_grad():
        if neck == "c4":
            found = model.backbone(images)
            assert len(found) == 1
            torch.testing.assert_close(found[0], c4)
            found = [model.roi_heads.shared_head(found[0])]
        else:
            found = model.backbone.body(images)
        torch.testing.assert_close(found[-1], resnet.layer4(c4))


@pytest.mark.parametrize(("neck", "stride"), [("c4", 16), ("c5", 32)])
def test_branches_are_their_parts_put_together_by_hand(neck, stride, batch):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(5, neck=neck)).eval().double()
    images, _ = model.transform([image.double() for image in batch[0]])
    features = model.backbone(images.tensors)
    assert len(features) == 1
    assert features[0].shape[-2:] == (128 // stride, 128 // stride)
    boxes = [[[3.0, 5, 70, 90], [0, 0, 128, 128]], [[9.5, 9, 40, 20]]]
    boxes = [torch.tensor(of_image, dtype=torch.float64) for of_image in boxes]

    heads = model.roi_heads
    read = torchvision.ops.roi_align(features[0], boxes, 14, 1 / stride, 2, aligned=True)
    shared = heads.shared_head(read)
    assert shared.shape[-2:] == (7, 7)
    averaged = shared.flatten(2).sum(dim=2) / 49
    logits, deltas = heads.predict_boxes(images, features, boxes)
    score, box = heads.box_predictor.cls_score, heads.box_predictor.bbox_pred
    torch.testing.assert_close(logits, F.linear(averaged, score.weight, score.bias))
    torch.testing.assert_close(deltas, F.linear(averaged, box.weight, box.bias))

    upsample, last = heads.mask_predictor.conv5_mask, heads.mask_predictor.mask_fcn_logits
    raised = F.conv_transpose2d(shared, upsample.weight, upsample.bias, stride=2).clamp(min=0)
    expected = torch.einsum("kc,rcyx->rkyx", last.weight[:, :, 0, 0], raised)
    expected = expected + last.bias[:, None, None]
    masks = heads.predict_masks(images, features, boxes)
    assert masks.shape == (3, 5, 14, 14)
    torch.testing.assert_close(masks, expected)


def test_shared_head_runs_once_in_training(batch):
    model = mask_rcnn(mini_config(5, neck="c4")).train()
    calls = []
    model.roi_heads.shared_head.register_forward_hook(lambda *_: calls.append(1))
    model(*batch)
    assert len(calls) == 1


def test_all_anchors_stand_on_the_one_map(batch):
    model = mask_rcnn(mini_config(5, neck="c4"))
    batch, _ = model.transform(batch[0])
    features = model.backbone(batch.tensors)
    (anchors,) = model.rpn.anchor_generator(features, batch.padded_size)
    assert len(anchors) == 8 * 8 * 12
    sizes = (anchors[:, 2:] - anchors[:, :2]).prod(dim=1).sqrt()
    assert {round(size / 16) * 16 for size in sizes.tolist()} == {16, 32, 64, 128}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_new_stage_after_c5_is_like_the_last_but_trains_its_batch_norm(backbone):
    with torch.device("meta"):
        model = mask_rcnn(MaskRCNNConfig(num_classes=2, backbone=backbone, neck="c5"))
    last, new = model.backbone.body.layer4, model.roi_heads.shared_head
    # Each block's 3x3 convolution, in which ResNets and ResNeXts differ.
    assert [repr(block.conv2) for block in new] == [repr(block.conv2) for block in last]
    norms = [module for module in new.modules() if "Norm" in type(module).__name__]
    assert norms
    assert all(isinstance(norm, torch.nn.BatchNorm2d) for norm in norms)
