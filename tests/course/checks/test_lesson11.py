"""The checks of lesson 11: their references against the package and PyTorch, right and wrong."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mrcnn_lite.course.checks.lesson11 import box_loss, clip_gradients, kind_of_error
from mrcnn_lite.course.checks.lesson11_paste import paste_mask
from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore.measure.error_kinds import FOUND_IOU, KINDS, sort_errors
from mrcnn_lite.models.losses import box_head_losses
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.ops import box_iou
from mrcnn_lite.ops.masks import mask_iou


def test_clipping_is_pytorchs():
    def by_pytorch(gradients, longest):
        parameters = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, longest)
        return [parameter.grad for parameter in parameters]

    assert clip_gradients.verdict(by_pytorch).passed


def test_kinds_are_the_packages():
    """The truth, and the truth moved, cut and misnamed, judged one by one as `sort_errors` does."""
    seen = set()
    for index in range(30):
        _, target = ShapesDataset(30, seed=3)[index]
        masks, labels, boxes = target["masks"].bool(), target["labels"], target["boxes"]
        cut = masks & (torch.arange(128) < boxes[:, :1].mean(dim=1)[:, None] + 12)[:, None]
        detections = {
            "boxes": torch.cat([boxes, boxes, boxes, boxes + 9, boxes.roll(40)]),
            "labels": torch.cat([labels % 6 + 1, labels, labels, labels, labels]),
            "masks": torch.cat([masks, cut, masks, masks.roll(9, 2), masks.roll(60, 1)]),
        }
        detections["scores"] = torch.linspace(1, 0.6, len(detections["labels"]))
        ious = box_iou(detections["boxes"], boxes), mask_iou(detections["masks"], masks)
        found = torch.zeros(len(labels), dtype=torch.bool)
        detections["masks"] = detections["masks"][:, None].float()
        for k, kind in enumerate(sort_errors(detections, target).kind_of_detection):
            same = detections["labels"][k] == labels
            place = kind_of_error.reference(ious[0][k], ious[1][k], same, found)
            assert KINDS[place] == kind
            seen.add(kind)
            if kind == "correct":
                found[ious[1][k].where(same & ~found, 0).argmax()] = True
    assert seen == set(KINDS)
    assert FOUND_IOU == 0.5


def test_box_loss_is_the_packages():
    def by_package(deltas, target_deltas, labels):
        of_all_classes = deltas.repeat(1, 7)
        logits = torch.zeros(len(labels), 7)
        return box_head_losses(logits, of_all_classes, labels, target_deltas)[1]

    assert box_loss.verdict(by_package).passed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            lambda deltas, targets, labels: F.smooth_l1_loss(
                deltas[labels > 0], targets[labels > 0], beta=1 / 9
            ),
            "you take the mean over the objects' numbers",
        ),
        (
            lambda deltas, targets, labels: (
                F.smooth_l1_loss(deltas[labels > 0], targets[labels > 0], reduction="sum")
                / len(labels)
            ),
            "PyTorch's default",
        ),
    ],
)
def test_plausible_losses_are_told_apart(answer, expected):
    assert expected in box_loss.verdict(answer).message


def test_pasting_is_the_packages():
    def by_package(mask, box, image_size):
        return paste_masks(mask[None], torch.tensor([box]), image_size)[0]

    assert paste_mask.verdict(by_package).passed


def test_pasting_is_plain_interpolation():
    """By a third hand, pixel by pixel and for one pair of cells after the other."""

    def by_pixel(mask, box, image_size):
        x1, y1, x2, y2 = box
        pasted, last = torch.zeros(image_size), len(mask) - 1
        for y in range(image_size[0]):
            for x in range(image_size[1]):
                if not (x1 <= x + 0.5 < x2 and y1 <= y + 0.5 < y2):
                    continue
                row = (y + 0.5 - y1) / (y2 - y1) * len(mask) - 0.5
                column = (x + 0.5 - x1) / (x2 - x1) * len(mask) - 0.5
                row, column = (min(max(place, 0), last) for place in (row, column))
                above, left = int(row), int(column)
                below, right = min(above + 1, last), min(left + 1, last)
                dy, dx = row - above, column - left
                pasted[y, x] = (
                    (1 - dy) * ((1 - dx) * mask[above, left] + dx * mask[above, right])
                ) + dy * ((1 - dx) * mask[below, left] + dx * mask[below, right])
        return pasted

    assert paste_mask.verdict(by_pixel).passed


def test_torchvisions_pasting_is_named():
    """It rounds the box outwards, whole pixels and one more cell on each side."""
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    def by_torchvision(mask, box, image_size):
        return paste_masks_in_image(mask[None, None], torch.tensor([box]), image_size)[0, 0]

    assert not paste_mask.verdict(by_torchvision).passed
