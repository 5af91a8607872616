"""The checks of lesson 09: their references against PyTorch, right answers, wrong ones."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson09 import (
    decoupled_mask_loss,
    mask_gradient,
    share_under_a_rival,
)
from mrcnn_lite.models.losses import mask_loss, softmax_mask_loss


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.floats(-5, 5))
def test_share_is_that_of_a_softmax(logits, raised_by):
    logits = torch.tensor(logits, dtype=torch.float64)
    raised = logits.clone()
    raised[1] += raised_by
    share, rival_share = logits.softmax(dim=0)[:2].tolist()
    expected = raised.softmax(dim=0)[0].item()
    assert share_under_a_rival.reference(share, rival_share, raised_by) == pytest.approx(expected)


def test_decoupled_mask_loss_is_the_packages():
    assert decoupled_mask_loss.verdict(mask_loss).passed


def test_mask_gradient_is_autograds():
    def by_autograd(mask_logits, labels, mask_targets):
        mask_logits.requires_grad_()
        return torch.autograd.grad(mask_loss(mask_logits, labels, mask_targets), mask_logits)[0]

    assert mask_gradient.verdict(by_autograd).passed


def by_hand(mask_logits, labels, mask_targets):
    p = mask_logits[torch.arange(len(labels)), labels].sigmoid()
    losses = mask_targets * p.log() + (1 - mask_targets) * (1 - p).log()
    return -losses.mean() if len(labels) else mask_logits.sum() * 0


def without_a_word_on_no_rois(mask_logits, labels, mask_targets):
    of_true_class = mask_logits[torch.arange(len(labels)), labels]
    return F.binary_cross_entropy_with_logits(of_true_class, mask_targets)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (by_hand, "log(0)"),
        (without_a_word_on_no_rois, "the mean of no RoIs is not a number"),
        (softmax_mask_loss, "in which classes compete"),
    ],
)
def test_plausible_losses_are_told_apart(answer, expected):
    assert expected in decoupled_mask_loss.verdict(answer).message
