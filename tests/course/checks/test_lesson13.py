"""The references of lesson 13's checks against the package and PyTorch; right and wrong answers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson13 import learning_rate_at, next_loss_scale, positions_of
from mrcnn_lite.engine.recipe import RECIPES, learning_rate_factor, scale_recipe
from mrcnn_lite.engine.sampler import BatchSampler


@pytest.mark.parametrize("batch_size", [2, 16, 64])
def test_learning_rate_is_the_recipes(batch_size):
    config = scale_recipe(RECIPES["resnet50"], batch_size)
    for step in (0, 7, 999, 1000, 50_000, config.steps - 1):
        expected = config.learning_rate * learning_rate_factor(step, config)
        found = learning_rate_at.reference(step, config.steps, batch_size)
        assert found == pytest.approx(expected)


def test_loss_scale_is_pytorchs():
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scale, count = 1024.0, 0
    for step in range(4010):
        finite = step not in (5, 1500)
        before = parameter.item()
        optimizer.zero_grad()
        scaler.scale(parameter * (1.0 if finite else float("inf"))).backward()
        scaler.step(optimizer)
        scaler.update()
        taken, scale, count = next_loss_scale.reference(scale, count, finite)
        assert taken == (parameter.item() != before)
        assert scale == scaler.get_scale()


@settings(deadline=None)
@given(
    num_processes=st.integers(1, 4),
    passes=st.integers(1, 3),
    images_per_pass=st.integers(1, 3),
    step=st.integers(0, 4),
)
def test_positions_are_the_samplers(num_processes, passes, images_per_pass, step):
    batch_size = num_processes * passes * images_per_pass
    order = [
        image
        for images in BatchSampler(5 * batch_size, batch_size, steps=5, seed=3)
        for image in images
    ]
    for process in range(num_processes):
        sampler = BatchSampler(
            *(5 * batch_size, batch_size, step + 1, 3, step),
            micro_batch_size=images_per_pass,
            process=process,
            num_processes=num_processes,
        )
        positions = positions_of.reference(
            process, num_processes, step, batch_size, images_per_pass
        )
        assert [[order[position] for position in part] for part in positions] == list(sampler)


def square_root_after_warmup(step, steps, batch_size):
    rate = 0.02 * (batch_size / 16) ** 0.5
    return (
        rate
        * min((step + 1) / 1001, 1)
        * 0.1 ** ((step >= 8 / 13 * steps) + (step >= 11 / 13 * steps))
    )


def forgets_the_count(scale, good_steps, gradient_is_finite):
    return gradient_is_finite, scale * (1 if gradient_is_finite else 0.5), good_steps


def cards(process, num_processes, step, batch_size, images_per_pass):
    """Another right answer."""
    deck = torch.arange(step * batch_size, (step + 1) * batch_size).view(-1, images_per_pass)
    return deck[process::num_processes]


def test_other_answers():
    assert "square root" in learning_rate_at.verdict(square_root_after_warmup).message
    assert "wrong on 5 of 6" in next_loss_scale.verdict(forgets_the_count).message
    assert positions_of.verdict(cards).passed
