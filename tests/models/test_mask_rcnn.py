import copy
import weakref

import pytest
import torch
from torchvision.models.detection import maskrcnn_resnet50_fpn

from mrcnn_lite.errors import InputError
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mask_rcnn_resnet50_fpn, mini_config


def make_target(height: int, width: int, dtype=torch.float32) -> dict:
    masks = torch.zeros(2, height, width, dtype=torch.uint8)
    masks[0, 20:80, 30:90] = 1
    masks[1, 50:95, 10:70] = 1
    boxes = torch.tensor([[30, 20, 90, 80], [10, 50, 70, 95]], dtype=dtype)
    return {"boxes": boxes, "labels": torch.tensor([1, 3]), "masks": masks}


def empty_target(height: int, width: int) -> dict:
    return {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, height, width, dtype=torch.uint8),
    }


@pytest.fixture(scope="module")
def mini():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(5))


def images_of(*sizes, dtype=torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(3, *size, generator=generator, dtype=dtype) for size in sizes]


def test_parameters_have_torchvisions_names_in_its_order():
    with torch.device("meta"):
        ours, theirs = mask_rcnn_resnet50_fpn(), maskrcnn_resnet50_fpn(weights_backbone=None)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_mini_is_small(mini):
    assert sum(parameter.numel() for parameter in mini.parameters()) < 3.5e6


def test_images_of_any_size_give_detections_in_their_own_pixels(mini):
    images = images_of((90, 128), (200, 64))
    with torch.no_grad():
        found = mini.eval()(images)
    for image, detections in zip(images, found, strict=True):
        assert detections["masks"].shape[1:] == (1, *image.shape[1:])
        assert (detections["boxes"][:, 2] <= image.shape[2]).all()
        assert (detections["boxes"][:, 3] <= image.shape[1]).all()
        assert (detections["scores"].diff() <= 0).all()


def test_images_without_objects_train(mini):
    images = images_of((128, 128), (128, 128))
    losses = mini.train()(images, [empty_target(128, 128), empty_target(128, 128)])
    assert losses["loss_mask"] == losses["loss_box_reg"] == losses["loss_rpn_box_reg"] == 0
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)


def test_box_features_are_let_go_before_the_mask_branch_runs(mini):
    heads = mini.train().roi_heads
    read, held = [], []
    hooks = [
        heads.box_head.register_forward_pre_hook(lambda _, args: read.append(weakref.ref(args[0]))),
        heads.mask_head.register_forward_pre_hook(lambda _, args: held.append(read[0]())),
    ]
    mini(images_of((128, 128)), [make_target(128, 128)])
    for hook in hooks:
        hook.remove()
    assert held == [None]


def test_targets_are_not_changed(mini):
    target = make_target(150, 200)
    before = copy.deepcopy(target)
    mini.train()(images_of((150, 200)), [target])
    assert all(torch.equal(target[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.rand(3, 64, 64), TypeError, "images should be a list"),
        ([], ValueError, "images is empty"),
        ([torch.zeros(3, 64, 64, dtype=torch.uint8)], TypeError, r"images\[0\].*uint8"),
        ([torch.rand(1, 64, 64)], ValueError, r"images\[0\].*\[1, 64, 64\]"),
        ([torch.rand(3, 0, 64)], ValueError, r"images\[0\]"),
    ],
)
def test_malformed_images_are_named(mini, images, error, message):
    with pytest.raises(error, match=message):
        mini.eval()(images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("masks"), "lacks masks"),
        (lambda t: t.update(boxes=torch.rand(2, 5)), r"'boxes'.*\[2, 4\].*\[2, 5\]"),
        (lambda t: t.update(labels=torch.tensor([1])), "'labels'"),
        (lambda t: t.update(masks=t["masks"][:, :50]), "'masks'"),
        (lambda t: t["boxes"][1].copy_(torch.tensor([5.0, 5, 5, 9])), "without area"),
        (lambda t: t["boxes"][1].copy_(torch.tensor([5.0, 5, torch.nan, 9])), "not finite"),
        (lambda t: t["boxes"][0].copy_(torch.tensor([5.0, 5, torch.inf, 9])), "not finite"),
        (lambda t: t.update(labels=torch.tensor([1.0, 2.5])), "integers, got torch.float32"),
        (lambda t: t.update(labels=torch.tensor([1, 5])), r"1\.\.4, got 1\.\.5"),
        (lambda t: t.update(labels=torch.tensor([0, 1])), r"1\.\.4, got 0\.\.1"),
    ],
)
def test_malformed_targets_are_named(mini, change, message):
    target = make_target(128, 128)
    change(target)
    with pytest.raises((TypeError, ValueError), match=message):
        mini.train()(images_of((128, 128)), [target])


def test_training_needs_one_target_per_image(mini):
    mini.train()
    with pytest.raises(ValueError, match="needs targets"):
        mini(images_of((64, 64)))
    with pytest.raises(ValueError, match="1 images but 2 targets"):
        mini(images_of((64, 64)), [empty_target(64, 64)] * 2)


def test_configuration_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="backbone should be one of mini, mini_resnext, "):
        MaskRCNNConfig(backbone="vgg")
    with pytest.raises(ValueError, match="at least 2"):
        MaskRCNNConfig(num_classes=1)
    with pytest.raises(TypeError, match="anchors_per_cell"):
        mask_rcnn_resnet50_fpn(anchors_per_cell=3)
    with pytest.raises(ValueError, match="not a field"):
        MaskRCNNConfig.from_dict({"throat": "x"})


def test_without_a_network_the_message_says_which_file_to_put_where(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_network)
    with pytest.raises(InputError, match=r"maskrcnn_resnet50_fpn_coco.*pth.*checkpoints"):
        mask_rcnn_resnet50_fpn(weights="COCO_V1")


def _no_network(*_args, **_kwargs):
    raise OSError("Network is unreachable")


@pytest.mark.parametrize("roi_op", ["align", "warp", "pool"])
def test_every_roi_operation_trains(roi_op):
    model = mask_rcnn(mini_config(5, roi_op=roi_op)).train()
    losses = model(images_of((128, 128)), [make_target(128, 128)])
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_epsilon_of_frozen_batch_norm_is_part_of_the_configuration():
    model = mask_rcnn(MaskRCNNConfig(num_classes=2, frozen_batch_norm_eps=0.0))
    assert model.backbone.body.bn1.eps == 0
    assert mask_rcnn(MaskRCNNConfig(num_classes=2)).backbone.body.bn1.eps == 1e-5
