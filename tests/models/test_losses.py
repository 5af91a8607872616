import pytest
import torch
import torch.nn.functional as F

from mrcnn_lite.models.losses import (
    box_head_losses,
    mask_loss,
    mask_probabilities,
    rpn_losses,
    softmax_mask_loss,
)


def smooth_l1(difference: float, beta: float = 1 / 9) -> float:
    size = abs(difference)
    return 0.5 * size**2 / beta if size < beta else size - 0.5 * beta


def test_mask_loss_is_binary_cross_entropy_of_the_true_class():
    logits = torch.randn(3, 5, 4, 4, dtype=torch.float64)
    labels = torch.tensor([2, 1, 4])
    targets = torch.rand(3, 4, 4, dtype=torch.float64)
    total = 0.0
    for r in range(3):
        for y in range(4):
            for x in range(4):
                p = 1 / (1 + torch.exp(-logits[r, labels[r], y, x]))
                t = targets[r, y, x]
                total -= t * torch.log(p) + (1 - t) * torch.log(1 - p)
    assert mask_loss(logits, labels, targets).item() == pytest.approx(total.item() / 48)


def test_mask_loss_leaves_other_classes_alone():
    logits = torch.randn(2, 5, 4, 4, requires_grad=True)
    mask_loss(logits, torch.tensor([2, 3]), torch.rand(2, 4, 4)).backward()
    touched = logits.grad.abs().sum(dim=(2, 3)) > 0
    assert touched.nonzero().tolist() == [[0, 2], [1, 3]]


def test_mask_loss_without_rois_is_zero_and_reaches_the_parameters():
    logits = torch.zeros(0, 5, 4, 4, requires_grad=True)
    loss = mask_loss(logits, torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4, 4))
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None


def test_softmax_mask_loss_is_cross_entropy_pixel_by_pixel():
    logits = torch.randn(3, 5, 4, 4, dtype=torch.float64)
    labels = torch.tensor([2, 1, 4])
    targets = torch.rand(3, 4, 4, dtype=torch.float64)
    targets[0] = targets[0].round()
    total = 0.0
    for r in range(3):
        for y in range(4):
            for x in range(4):
                of_pixel = logits[r, :, y, x]
                t = targets[r, y, x]
                total += t * F.cross_entropy(of_pixel, labels[r])
                total += (1 - t) * F.cross_entropy(of_pixel, torch.tensor(0))
    loss = softmax_mask_loss(logits, labels, targets)
    assert loss.item() == pytest.approx(total.item() / 48)


def test_softmax_mask_loss_trains_every_class():
    logits = torch.randn(2, 5, 4, 4, requires_grad=True)
    softmax_mask_loss(logits, torch.tensor([2, 3]), torch.rand(2, 4, 4)).backward()
    assert (logits.grad.abs().sum(dim=(2, 3)) > 0).all()


@pytest.mark.parametrize("loss", [mask_loss, softmax_mask_loss])
def test_masks_that_the_loss_cannot_improve_are_the_targets(loss):
    labels = torch.tensor([2, 3])
    targets = torch.rand(2, 4, 4, dtype=torch.float64) * 0.8 + 0.1
    logits = torch.full((2, 5, 4, 4), -30.0, dtype=torch.float64)
    logits[:, 0] = (1 - targets).log()
    logits[range(2), labels] = targets.log() if loss is softmax_mask_loss else targets.logit()
    logits.requires_grad_()
    loss(logits, labels, targets).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-12, rtol=0)
    probabilities = mask_probabilities(logits, labels, softmax=loss is softmax_mask_loss)
    torch.testing.assert_close(probabilities, targets, atol=1e-12, rtol=0)


def test_box_losses_without_rois_are_zero():
    logits = torch.zeros(0, 3, requires_grad=True)
    deltas = torch.zeros(0, 12, requires_grad=True)
    labels = torch.zeros(0, dtype=torch.int64)
    assert sum(box_head_losses(logits, deltas, labels, torch.zeros(0, 4))) == 0


def test_box_losses_by_hand():
    logits = torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]])
    deltas = torch.zeros(2, 12)
    deltas[0, 8:] = torch.tensor([0.05, -0.5, 0.0, 2.0])  # class 2
    labels = torch.tensor([2, 0])
    class_loss, box_loss = box_head_losses(logits, deltas, labels, torch.zeros(2, 4))
    assert class_loss.item() == pytest.approx(F.cross_entropy(logits, labels).item())
    expected = sum(map(smooth_l1, (0.05, 0.5, 0.0, 2.0))) / 2
    assert box_loss.item() == pytest.approx(expected)


def test_rpn_losses_by_hand():
    objectness = torch.tensor([0.3, -1.0, 5.0, 2.0])
    labels = torch.tensor([1.0, 0.0, 1.0, -1.0])
    deltas = torch.tensor([[0.01, 0, 0, 1.0], [9, 9, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9]])
    positives, negatives = torch.tensor([0]), torch.tensor([1])
    objectness_loss, box_loss = rpn_losses(
        objectness, deltas, labels, torch.zeros(1, 4), positives, negatives
    )
    logistic = torch.log1p(torch.exp(torch.tensor([-0.3, -1.0])))
    assert objectness_loss.item() == pytest.approx(logistic.mean().item())
    assert box_loss.item() == pytest.approx((smooth_l1(0.01) + smooth_l1(1.0)) / 2)
