"""The twin of torchvision's model: same weights, same detections, losses and gradients.

Masks are compared before they are pasted, since ours go into the image without rounding the box.
"""

import copy
import importlib
from dataclasses import replace
from unittest import mock

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from mrcnn_lite.datasets import CocoDataset
from mrcnn_lite.models import prepare_for_inference

# By its name: the package's attribute `mask_rcnn` is the function.
MODULE = importlib.import_module("mrcnn_lite.models.mask_rcnn")
EVERYTHING = {
    "rpn_batch_size_per_image": 10**6,
    "rpn_positive_fraction": 1.0,
    "box_batch_size_per_image": 10**6,
    "box_positive_fraction": 1.0,
}
# Float64 is slow: so that the tests stay quick, few boxes reach the heads.
FEW = {
    "rpn_post_nms_top_n_train": 150,
    "rpn_post_nms_top_n_test": 300,
    "box_detections_per_img": 10,
}


def sample_everything(twins) -> None:
    """Let every anchor and every proposal into the losses, so that nothing is left to chance."""
    ours, theirs = twins
    ours.rpn.config = ours.roi_heads.config = replace(ours.config, **EVERYTHING)
    for part in (theirs.rpn, theirs.roi_heads):
        part.fg_bg_sampler.batch_size_per_image = 10**6
        part.fg_bg_sampler.positive_fraction = 1.0


def detect_by_ours(model, images: list[Tensor]) -> list[dict]:
    """Our detections in each image, with masks `Tensor[D, m, m]`."""
    masks = []

    def keep(of_image, boxes, size):
        masks.append(of_image)
        return of_image.new_zeros(len(of_image), 1, 1)

    with torch.no_grad(), mock.patch.object(MODULE, "paste_masks", keep):
        detections = model.eval()(images)
    return [dict(found, masks=mask) for found, mask in zip(detections, masks, strict=True)]


def detect_by_theirs(model, images: list[Tensor]) -> list[dict]:
    """Torchvision's, in the same form."""
    masks = []

    def keep(of_image, boxes, size):
        masks.append(of_image[:, 0])
        return of_image

    target = "torchvision.models.detection.transform.paste_masks_in_image"
    with torch.no_grad(), mock.patch(target, keep):
        detections = model.eval()(images)
    return [dict(found, masks=mask) for found, mask in zip(detections, masks, strict=True)]


def check_equal(twins, images: list[Tensor], at_least: int = 10) -> list[dict]:
    """In float64 detections are equal, and in the same order; ours are handed on."""
    ours, theirs = twins
    both = detect_by_ours(ours, images), detect_by_theirs(theirs, images)
    for found, expected in zip(*both, strict=True):
        assert len(expected["boxes"]) >= at_least
        assert torch.equal(found["labels"], expected["labels"])
        torch.testing.assert_close(found["boxes"], expected["boxes"], atol=1e-6, rtol=0)
        torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-8, rtol=0)
        torch.testing.assert_close(found["masks"], expected["masks"], atol=1e-8, rtol=0)
    return both[0]


def check_matched(ours: list[dict], theirs: list[dict]) -> None:
    """In float32 rounding may turn a close decision (what is suppressed, what is 100th) around.

    A detection is matched if the other model has one of the same class with an IoU above 0.99 and
    a score and mask probabilities no more than 1e-3 apart. Of those that score at least 0.01 more
    than the threshold or than the last one kept, 97 % should be matched, each way.
    """
    for pair in zip(ours, theirs, strict=True):
        for found, expected in (pair, pair[::-1]):
            border = max(0.05, found["scores"][-1].item() if len(found["scores"]) == 100 else 0)
            chosen = found["scores"] > border + 0.01
            assert chosen.sum() >= 20
            same = found["labels"][:, None] == expected["labels"]
            same &= box_iou(found["boxes"], expected["boxes"]) > 0.99
            same &= (found["scores"][:, None] - expected["scores"]).abs() < 1e-3
            apart = (found["masks"][:, None] - expected["masks"]).abs().amax(dim=(2, 3))
            same &= apart < 1e-3
            assert same[chosen].any(dim=1).double().mean() >= 0.97


def train(twins, images: list[Tensor], targets: list[dict]) -> tuple[dict, dict]:
    """The losses of both on the same batch, with the same random draws after the resizing."""

    def reseed(*_) -> None:
        torch.manual_seed(2)

    def assign_in_float64(*arguments):
        # Torchvision's labels are float32, which would make its loss and gradient float32 too.
        labels, boxes = assign(*arguments)
        return [image_labels.double() for image_labels in labels], boxes

    assign = twins[1].rpn.assign_targets_to_anchors
    losses = []
    for model in twins:
        hook = model.rpn.register_forward_pre_hook(reseed)
        with mock.patch.object(twins[1].rpn, "assign_targets_to_anchors", assign_in_float64):
            losses.append(model.train()(images, copy.deepcopy(targets)))
        hook.remove()
    return tuple(losses)


def check_losses_and_gradients(twins, images: list[Tensor], targets: list[dict]) -> None:
    losses, expected = train(twins, images, targets)
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(
            loss,
            expected[name],
            atol=1e-8,
            rtol=1e-8,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    ours, theirs = twins
    for model, of_model in zip(twins, (losses, expected)):
        model.zero_grad()
        sum(of_model.values()).backward()
    theirs_by_name = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        other = theirs_by_name[name].grad
        assert parameter.requires_grad == theirs_by_name[name].requires_grad, name
        assert (parameter.grad is None) == (other is None), name
        if other is not None:
            assert (parameter.grad - other).norm() <= 1e-7 * other.norm() + 1e-14, name


@pytest.fixture(scope="module", params=["frozen", "ordinary"])
def twins(request, resnet_twins):
    """ResNet-50, with frozen or ordinary batch norm, on small images, in float64."""
    ours, theirs = resnet_twins(request.param == "frozen", 96, 128, **FEW)
    return ours.double(), theirs.double()


def test_detections_are_torchvisions(twins, scenes):
    check_equal(twins, scenes[0])


def test_losses_and_gradients_are_torchvisions(twins, scenes):
    twins = copy.deepcopy(twins)
    sample_everything(twins)
    check_losses_and_gradients(twins, *(part[:2] for part in scenes))


def test_an_image_without_objects_trains_as_torchvisions(mini_twins, scenes):
    twins = mini_twins()
    images, targets = copy.deepcopy(scenes)
    for name in ("boxes", "labels", "masks"):
        targets[1][name] = targets[1][name][:0]
    check_losses_and_gradients(twins, images, targets)
    empty = [
        {name: target[name][:0] for name in ("boxes", "labels", "masks")} for target in targets
    ]
    check_losses_and_gradients(twins, images, empty)


@pytest.fixture(scope="module")
def detections_before(mini_twins, scenes) -> list[dict]:
    """What our model detects if no keyword is given."""
    return detect_by_ours(mini_twins()[0], scenes[0])


@pytest.fixture(scope="module")
def losses_before(mini_twins, scenes) -> dict:
    """The losses if no keyword is given."""
    return train(mini_twins(), *scenes)[0]


@pytest.mark.parametrize(
    "keyword",
    [
        {"min_size": 96},
        {"min_size": (160, 112)},
        {"max_size": 130},
        {"rpn_pre_nms_top_n_test": 40},
        {"rpn_post_nms_top_n_test": 30},
        {"rpn_nms_thresh": 0.4},
        {"rpn_score_thresh": 0.999},
        {"box_score_thresh": 0.98},
        {"box_nms_thresh": 0.2},
        {"box_detections_per_img": 7},
    ],
    ids=lambda keyword: next(iter(keyword)),
)
def test_keyword_means_for_detections_what_it_means_in_torchvision(
    mini_twins, scenes, keyword, detections_before
):
    after = check_equal(mini_twins(**keyword), scenes[0], at_least=3)
    both = [[found["boxes"] for found in detections] for detections in (detections_before, after)]
    assert any(a.shape != b.shape or not a.equal(b) for a, b in zip(*both, strict=True))


@pytest.mark.parametrize(
    "keyword",
    [
        {"rpn_pre_nms_top_n_train": 40},
        {"rpn_post_nms_top_n_train": 30},
        {"rpn_nms_thresh": 0.4},
        {"rpn_fg_iou_thresh": 0.8},
        {"rpn_bg_iou_thresh": 0.1},
        {"rpn_batch_size_per_image": 20},
        {"rpn_positive_fraction": 0.1},
        {"rpn_score_thresh": 0.999},
        {"box_fg_iou_thresh": 0.7},
        {"box_bg_iou_thresh": 0.2},
        {"box_batch_size_per_image": 16},
        {"box_positive_fraction": 0.1},
        {"max_size": 130},
    ],
    ids=lambda keyword: next(iter(keyword)),
)
def test_keyword_means_for_training_what_it_means_in_torchvision(
    mini_twins, scenes, keyword, losses_before
):
    # The same seed draws the same sample in both.
    after, expected = train(mini_twins(**keyword), *scenes)
    assert any(losses_before[name] != after[name] for name in losses_before)
    for name, loss in after.items():
        torch.testing.assert_close(
            loss,
            expected[name],
            atol=1e-8,
            rtol=1e-8,
            msg=lambda text, name=name: f"{name}: {text}",
        )


def photographs(root, number: int) -> list[Tensor]:
    data = CocoDataset(root, "val2017")
    return [data[i][0] for i in range(number)]


# Of versions of PyTorch the smallest pictures say what larger ones say, in a fifth of the time.
SIZES = pytest.mark.parametrize(
    "size",
    [
        (240, 400),
        pytest.param((480, 640), marks=pytest.mark.slow),
        pytest.param((800, 1333), marks=pytest.mark.once),
    ],
)


@SIZES
def test_photographs_give_the_same_detections_in_float64(resnet_twins, coco64, size):
    twins = tuple(model.double() for model in resnet_twins(True, *size))
    check_equal(twins, [image.double() for image in photographs(coco64, 1)])


@SIZES
def test_photographs_give_matched_detections_in_float32(resnet_twins, coco64, size):
    """By the model as it is built, and prepared for inference."""
    images = photographs(coco64, 1)
    ours, theirs = resnet_twins(True, *size)
    expected = detect_by_theirs(theirs, images)
    check_matched(detect_by_ours(ours, images), expected)
    check_matched(detect_by_ours(prepare_for_inference(ours, torch.float32), images), expected)
