"""Several processes are one: the same gradients, the same metrics, and the same fate."""

import os
import time
from pathlib import Path

import pytest
import torch

from mrcnn_lite.engine.checkpoint import checkpoints_in, load_checkpoint
from tests.engine import children

WEIGHTS = Path(__file__).parents[2] / "data" / "weights" / "mini.safetensors"


def finish(processes) -> None:
    for process in processes:
        process.join(60)
        assert process.exitcode == 0, children.log_of(process)


def gradients_of(run_job, out, number: int, images: list[int], micro_batches: int = 1):
    finish(run_job(number, children.save_gradients, out, images, micro_batches))
    return [torch.load(f"{out}-{k}") for k in range(number)]


def assert_same(found, expected) -> None:
    (values, gradients), (expected_values, expected_gradients) = found, expected
    assert values == pytest.approx(expected_values, rel=1e-12)
    assert values["loss_mask"] > 0
    for name, gradient in expected_gradients.items():
        scale = gradient.abs().max()
        assert scale > 0, name
        torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=1e-11 * scale.item())


def test_gradients_of_two_processes_are_those_of_one_with_the_whole_batch(run_job, tmp_path):
    # A process takes the mean over its own RoIs with a mask: equal numbers make the means' mean
    # the whole batch's.
    images = [1, 3]
    assert len({len(children.SCENES[index][1]["labels"]) for index in images}) == 1
    (whole,) = gradients_of(run_job, tmp_path / "one", 1, images)
    parts = gradients_of(run_job, tmp_path / "two", 2, images)
    assert_same(parts[0], whole)
    assert_same(parts[1], parts[0])


def test_a_micro_batch_weighs_the_same_whichever_process_runs_it(run_job, tmp_path):
    """Also where images have unequal numbers of objects: the mean is over micro-batches."""
    images = [0, 1, 2, 3]
    (alone,) = gradients_of(run_job, tmp_path / "one", 1, images, micro_batches=4)
    (first, second) = gradients_of(run_job, tmp_path / "two", 2, images, micro_batches=2)
    assert_same(first, alone)
    assert_same(second, alone)


def test_every_image_is_evaluated_once_and_all_processes_know_the_result(run_job, tmp_path):
    finish(run_job(1, children.save_evaluation, tmp_path / "one", WEIGHTS))
    finish(run_job(2, children.save_evaluation, tmp_path / "two", WEIGHTS))
    alone, seen_alone = torch.load(tmp_path / "one-0")
    (first, seen), (second, others) = (torch.load(tmp_path / f"two-{k}") for k in range(2))
    assert seen_alone == [0, 1, 2, 3, 4]
    assert (seen, others) == ([0, 2, 4], [1, 3])
    assert first == second == alone
    assert alone["segm"]["AP"] > 0.3


def test_a_killed_process_ends_the_job_with_a_word_and_the_rerun_resumes(run_job, tmp_path):
    finish(run_job(2, children.train_tiny, tmp_path / "whole"))
    broken = tmp_path / "broken"
    survivor, victim = run_job(2, children.train_tiny, broken)
    while len(checkpoints_in(broken)) < 2:
        time.sleep(0.002)
        assert survivor.is_alive()
    os.kill(victim.pid, children.KILL)
    survivor.join(60)
    victim.join(60)
    assert children.was_killed(victim)
    assert survivor.exitcode == 1
    word = children.log_of(survivor)
    assert "lost another one of this job" in word
    assert "--resume" in word
    assert "Traceback" not in word
    finish(run_job(2, children.train_tiny, broken))
    whole, resumed = load_checkpoint(tmp_path / "whole"), load_checkpoint(broken)
    assert whole["training"]["step"] == resumed["training"]["step"] == children.CONFIG.steps
    for name, value in whole["model"].items():
        assert torch.equal(value, resumed["model"][name]), name
