"""The references of lesson 13's checks against the package and PyTorch; right and wrong answers."""

import copy
import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson13 import learning_rate_at, next_loss_scale, positions_of
from mrcnn_lite.course.checks.lesson13_step import TwoLosses, parallel_gradients, train_in_amp
from mrcnn_lite.engine.precision import autocast, make_scaler
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


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_training_in_amp_is_the_engines(precision):
    """The package's own autocast and scaler, on every case of that precision."""
    device = torch.device("cpu")

    def by_package(model, optimizer, scaler, batches, dtype):
        losses, own = [], make_scaler(device, precision)
        for images, targets in batches:
            optimizer.zero_grad()
            with autocast(device, precision):
                loss = sum(model(images, targets).values())
            own.scale(loss).backward()
            own.step(optimizer)
            own.update()
            losses.append(loss.item())
        return losses

    for arguments in train_in_amp.cases.values():
        if arguments[-1] == {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]:
            expected = by_package(*copy.deepcopy(arguments))
            assert train_in_amp.reference(*copy.deepcopy(arguments)) == pytest.approx(expected)


def test_processes_share_the_gradient_of_the_whole_batch():
    """Where losses are means over images and shares are equal, there is no other."""
    for model, images, targets, dtype, process, number, parallel in copy.deepcopy(
        list(parallel_gradients.cases.values())
    ):
        alone = copy.deepcopy(model)
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            loss = sum(alone(images, targets).values())
        loss.backward()
        found = parallel_gradients.reference(
            *(model, images, targets, dtype, process, number, parallel)
        )
        tolerance = 1e-6 if dtype is None else 1e-2
        for gradient, parameter in zip(found, alone.parameters(), strict=True):
            assert torch.allclose(gradient, parameter.grad, rtol=tolerance, atol=tolerance)


def test_the_packages_step_works_in_a_script_that_imports_pytorch_alone():
    """The lesson writes its source into one where a student's is not right (yet)."""
    namespace = {}
    source = inspect.getsource(parallel_gradients.reference)
    exec(f"from __future__ import annotations\nimport torch\n\n{source}", namespace)
    step = namespace[parallel_gradients.reference.__name__]
    model, *arguments = next(iter(parallel_gradients.cases.values()))
    expected = parallel_gradients.reference(copy.deepcopy(model), *arguments)
    for found, right in zip(step(copy.deepcopy(model), *arguments), expected, strict=True):
        assert torch.equal(found, right)


def test_the_stand_in_averages_only_what_went_through_it():
    *_, parallel = next(iter(parallel_gradients.cases.values()))
    model = TwoLosses()
    wrapped = parallel(model)
    images, targets = [torch.ones(3)], [torch.ones(2)]
    sum(model(images, targets).values()).backward()
    inner = model.layer.weight.grad.clone()
    model.zero_grad()
    sum(wrapped(images, targets).values()).backward()
    assert not torch.allclose(inner, model.layer.weight.grad)


def test_a_step_is_told_what_it_lacks():
    def without_scaler(model, optimizer, scaler, batches, dtype):
        losses = []
        for images, targets in batches:
            optimizer.zero_grad(set_to_none=False)
            with torch.autocast("cpu", dtype=dtype):
                loss = torch.stack(list(model(images, targets).values())).sum()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    assert "the scaler is left out" in train_in_amp.verdict(without_scaler).message

    def in_blocks(model, images, targets, dtype, process, num_processes, parallel):
        model = parallel(model)
        own = [list(part)[process * 2 : process * 2 + 2] for part in (images, targets)]
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            loss = sum(model(*own).values())
        loss.backward()
        return [parameter.grad for parameter in model.parameters()]

    assert "each process takes a block" in parallel_gradients.verdict(in_blocks).message
