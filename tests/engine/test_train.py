import json
import os
import signal
import warnings
from dataclasses import replace

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine import state as state_module
from mrcnn_lite.engine import supervisor
from mrcnn_lite.engine import train as train_module
from mrcnn_lite.engine.checkpoint import checkpoints_in, load_checkpoint
from mrcnn_lite.engine.interrupt import StoppedBySignal
from mrcnn_lite.engine.lock import LOCK_NAME
from mrcnn_lite.engine.recipe import TrainConfig, learning_rate_factor, make_optimizer
from mrcnn_lite.engine.state import TrainingState
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mask_rcnn, mini_config

CONFIG = TrainConfig(steps=4, batch_size=2, warmup_steps=1, checkpoint_every=2)
SCENES = ShapesDataset(6, seed=0)


def fresh_model():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(SCENES.num_classes, rpn_post_nms_top_n_train=32))


def records_of(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]


def interrupt_after(monkeypatch, number: int, by: signal.Signals = signal.SIGINT) -> None:
    """Send this process a signal in the middle of a step."""
    real, seen = train_module.backpropagate, []

    def step(*arguments):
        seen.append(1)
        if len(seen) == number:
            signal.raise_signal(by)
        return real(*arguments)

    monkeypatch.setattr(train_module, "backpropagate", step)


def test_run_leaves_a_checkpoint_and_one_record_per_step(tmp_path):
    model = fresh_model()
    train(model, SCENES, CONFIG, tmp_path)
    assert [record["step"] for record in records_of(tmp_path)] == [1, 2, 3, 4]
    assert {"loss", "loss_mask", "learning_rate", "seconds"} <= set(records_of(tmp_path)[0])
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint["training"]["step"] == 4
    assert torch.equal(
        checkpoint["model"]["rpn.head.cls_logits.weight"], model.rpn.head.cls_logits.weight
    )
    # The lock's file may stay: where the system's own locks are used it must.
    assert sorted({*os.listdir(tmp_path)} - {LOCK_NAME}) == [
        *("checkpoint-0000002.pt", "checkpoint-0000004.pt", "config.json", "metrics.jsonl")
    ]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_resumes_bit_by_bit(tmp_path, monkeypatch, by):
    whole = fresh_model()
    train(whole, SCENES, CONFIG, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3, by)
        with pytest.raises(StoppedBySignal) as stopped:
            train(fresh_model(), SCENES, CONFIG, tmp_path / "parts")
    assert stopped.value.status == 128 + by
    assert load_checkpoint(tmp_path / "parts")["training"]["step"] == 3
    resumed = fresh_model()
    train(resumed, SCENES, CONFIG, tmp_path / "parts", resume=True)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    first, second = records_of(tmp_path / "whole"), records_of(tmp_path / "parts")
    assert [r["loss"] for r in first] == [r["loss"] for r in second]


def assert_goes_on_as_if_nothing_had_been(folder, validation=None):
    """Resume the run in `folder`, and compare it with one that nothing interrupted."""
    whole, resumed = fresh_model(), fresh_model()
    config = replace(CONFIG, checkpoint_every=100)
    train(whole, SCENES, config, folder / "whole", validation=validation)
    train(resumed, SCENES, config, folder, resume=True, validation=validation)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_step_that_fails_half_way_leaves_no_trace(tmp_path):
    model, calls = fresh_model(), []

    def fail(gradient):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("out of memory")

    model.rpn.head.cls_logits.bias.register_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(model, SCENES, replace(CONFIG, checkpoint_every=100), tmp_path)
    assert load_checkpoint(tmp_path)["training"]["step"] == 2
    assert_goes_on_as_if_nothing_had_been(tmp_path)


def test_failing_evaluation_costs_no_step(tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise OSError("the disk is gone")

    config = replace(CONFIG, checkpoint_every=100, evaluate_every=3)
    with monkeypatch.context() as patch:
        patch.setattr(supervisor, "evaluate", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            train(fresh_model(), SCENES, config, tmp_path, validation=SCENES)
    assert load_checkpoint(tmp_path)["training"]["step"] == 3
    assert_goes_on_as_if_nothing_had_been(tmp_path, validation=SCENES)


def test_records_after_the_checkpoint_are_made_again(tmp_path):
    train(fresh_model(), SCENES, replace(CONFIG), tmp_path)
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 5, "loss": 0.1}\n{"step": 6, "lo')
    train(fresh_model(), SCENES, CONFIG, tmp_path, resume=True)
    assert [record["step"] for record in records_of(tmp_path)] == [1, 2, 3, 4]


def test_run_is_not_overwritten(tmp_path):
    train(fresh_model(), SCENES, replace(CONFIG, steps=1), tmp_path)
    with pytest.raises(InputError, match="already holds a run"):
        train(fresh_model(), SCENES, CONFIG, tmp_path)
    with pytest.raises(InputError, match="training setting steps is 1, this run's is 4"):
        train(fresh_model(), SCENES, CONFIG, tmp_path, resume=True)


def test_loss_that_is_not_finite_stops_the_run(tmp_path, monkeypatch):
    model = fresh_model()
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.bias.fill_(float("nan"))
    before = model.rpn.head.cls_logits.weight.clone()
    with pytest.raises(InputError, match=r"step 1.*loss_classifier.*images \["):
        train(model, SCENES, CONFIG, tmp_path)
    assert torch.equal(before, model.rpn.head.cls_logits.weight)


def test_gradient_that_is_not_finite_stops_the_run_before_it_spoils_the_weights(tmp_path):
    model = fresh_model()
    bias = model.rpn.head.cls_logits.bias
    bias.register_hook(lambda gradient: gradient * float("inf"))
    before = bias.detach().clone()
    with pytest.raises(InputError, match=r"step 1.*gradient_norm"):
        train(model, SCENES, CONFIG, tmp_path)
    assert torch.equal(bias, before)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_records_of_another_program_are_not_touched(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n', encoding="utf-8")
    with pytest.raises(InputError, match="no run has written it"):
        train(fresh_model(), SCENES, CONFIG, tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text("utf-8") == '{"step": 1}\n'


def test_resuming_needs_the_same_data_but_not_the_same_number_of_workers(tmp_path):
    first = train(fresh_model(), SCENES, CONFIG, tmp_path)
    with pytest.raises(InputError, match="data setting images is 6, this run's is 7"):
        train(fresh_model(), ShapesDataset(7, seed=0), CONFIG, tmp_path, resume=True)
    again = train(fresh_model(), SCENES, replace(CONFIG, checkpoint_every=1), tmp_path, resume=True)
    assert again >= 0.5 * first  # the seconds before count too


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_a_setting_that_an_earlier_version_lacked_had_its_default(weight, tmp_path, monkeypatch):
    train(fresh_model(), SCENES, CONFIG, tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    del checkpoint["training"]["config"]["mask_loss_weight"]
    monkeypatch.setattr(state_module, "load_checkpoint", lambda file: checkpoint)
    state = TrainingState(fresh_model(), SCENES, replace(CONFIG, mask_loss_weight=weight))
    if weight == 1.0:
        state.restore(tmp_path)
        assert state.step == checkpoint["training"]["step"]
    else:
        with pytest.raises(InputError, match=r"mask_loss_weight is 1\.0, this run's is 4\.0"):
            state.restore(tmp_path)


def test_the_mask_loss_has_its_weight():
    batch = tuple(zip(*[SCENES[0], SCENES[1]]))
    losses, gradients = [], []
    for weight in (1.0, 3.0):
        model = fresh_model().train()
        state = TrainingState(model, SCENES, replace(CONFIG, mask_loss_weight=weight))
        losses.append(train_module.backpropagate(model, state, [batch]))
        gradients.append(model.roi_heads.mask_predictor.mask_fcn_logits.bias.grad)
    once, thrice = losses
    assert once["loss_mask"] == thrice["loss_mask"]
    assert thrice["loss"] - once["loss"] == pytest.approx(2 * once["loss_mask"], rel=1e-4)
    torch.testing.assert_close(gradients[1], 3 * gradients[0])


@pytest.mark.parametrize(
    "setting", [{"optimizer": "SGD"}, {"schedule": "linear"}, {"steps": 0}, {"checkpoint_every": 0}]
)
def test_configuration_refuses_what_it_does_not_know(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        TrainConfig(**setting)


def test_empty_data_set_is_named(tmp_path):
    with pytest.raises(InputError, match="none of the 0 images has an object"):
        train(fresh_model(), ShapesDataset(0, seed=0), CONFIG, tmp_path)


def test_training_lowers_the_loss(tmp_path):
    config = TrainConfig(steps=25, batch_size=2, warmup_steps=2)
    train(fresh_model(), ShapesDataset(2, seed=0), config, tmp_path)
    losses = [record["loss"] for record in records_of(tmp_path)]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_learning_rate_warms_up_and_falls():
    config = TrainConfig(steps=260, warmup_steps=10)
    cosine = [learning_rate_factor(step, config) for step in range(260)]
    assert cosine[0] == pytest.approx(1 / 11)
    assert max(cosine) == cosine[10] == 1
    assert cosine[-1] < 1e-3
    steps = [learning_rate_factor(s, replace(config, schedule="steps")) for s in range(260)]
    assert steps[159] == 1
    assert steps[160] == pytest.approx(0.1)
    assert steps[220] == pytest.approx(0.01)


def test_biases_and_normalisation_do_not_decay():
    model = fresh_model()
    decaying, others = make_optimizer(model, TrainConfig(weight_decay=0.3)).param_groups
    assert decaying["weight_decay"] == 0.3
    assert others["weight_decay"] == 0
    assert all(parameter.dim() > 1 for parameter in decaying["params"])
    number = len(decaying["params"]) + len(others["params"])
    assert number == len(list(model.parameters()))


def test_no_warnings_in_a_step(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(fresh_model(), SCENES, replace(CONFIG, steps=1), tmp_path)


def test_a_step_that_did_not_end_is_not_saved(tmp_path, monkeypatch):
    """A worker that is killed raises wherever the run is, be it among the optimiser's moves."""
    real, seen = train_module.move_weights, []

    def move_in_part(state, losses):
        seen.append(1)
        if len(seen) == 2:
            next(state.model.parameters()).data += 1
            raise RuntimeError("DataLoader worker (pid 1) is killed by signal: Killed.")
        return real(state, losses)

    config = replace(CONFIG, checkpoint_every=100)
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "move_weights", move_in_part)
        with pytest.raises(InputError, match="fewer --workers"):
            train(fresh_model(), SCENES, config, tmp_path / "run")
    assert not checkpoints_in(tmp_path / "run")
    model, whole = fresh_model(), fresh_model()
    train(model, SCENES, config, tmp_path / "run", resume=True)
    train(whole, SCENES, config, tmp_path / "whole")
    assert all(map(torch.equal, model.parameters(), whole.parameters()))
