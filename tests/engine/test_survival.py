"""Runs that are killed, cut off, tampered with: each resumes exactly, or says what is wrong."""

import io
import json
import multiprocessing
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from mrcnn_lite.datasets import CocoDataset, ShapesDataset, export
from mrcnn_lite.engine.checkpoint import checkpoints_in, load_checkpoint, load_model
from mrcnn_lite.engine.not_finite import LossNotFiniteError
from mrcnn_lite.engine.random_state import get_random_state, set_random_state
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from tests.engine import children

# After which steps a run is killed. Where processes are spawned each takes seconds to start.
NUM_KILLS = 20 if "forkserver" in multiprocessing.get_all_start_methods() else 8
FEW_KILLS = [1, 4]
MANY_KILLS = [kill % children.CONFIG.steps for kill in range(NUM_KILLS)]


def finish(process) -> None:
    process.join(60)
    assert process.exitcode == 0, children.log_of(process)


def last_step(folder) -> int:
    checkpoints = checkpoints_in(folder)
    return int(checkpoints[0].stem.removeprefix("checkpoint-")) if checkpoints else 0


def wait_for_step(process, folder, step: int) -> None:
    while process.is_alive() and last_step(folder) < step:
        time.sleep(0.001)


@pytest.fixture
def uninterrupted(run_job, tmp_path):
    """The run that all others must equal, and the seconds that its steps take."""
    finish(*run_job(1, children.train_tiny, tmp_path / "warm-up", steps=1))
    finish(*run_job(1, children.train_tiny, tmp_path / "uninterrupted"))
    # Not the process's: where it is spawned, starting takes longer than all of its steps.
    training = load_checkpoint(tmp_path / "uninterrupted")["training"]
    return tmp_path / "uninterrupted", training["seconds"]


def assert_same_run(folder, other) -> None:
    first, second = load_checkpoint(folder), load_checkpoint(other)
    assert first["training"]["step"] == second["training"]["step"] == children.CONFIG.steps
    for name, value in first["model"].items():
        assert torch.equal(value, second["model"][name]), name
    moments = [checkpoint["training"]["optimizer"]["state"] for checkpoint in (first, second)]
    for number, state in moments[0].items():
        for name, value in state.items():
            assert torch.equal(value, moments[1][number][name])
    assert not list(other.glob("*.tmp*"))


@pytest.mark.parametrize(
    ("kills", "different"),
    [
        pytest.param(FEW_KILLS, 2, id="few"),
        pytest.param(MANY_KILLS, 4, id="many", marks=pytest.mark.slow),
    ],
)
def test_kill_9_at_random_moments(run_job, uninterrupted, tmp_path, kills, different):
    whole, seconds = uninterrupted
    draw, last_steps = random.Random(0), []
    for kill, step in enumerate(kills):
        out = tmp_path / str(kill)
        (process,) = run_job(1, children.train_tiny, out)
        wait_for_step(process, out, step)
        process.join(draw.random() * seconds / children.CONFIG.steps)
        process.kill()
        process.join()
        last_steps.append(last_step(out))
        finish(*run_job(1, children.train_tiny, out))
        assert_same_run(whole, out)
    print("steps done when killed:", sorted(last_steps))
    assert len(set(last_steps)) >= different


@pytest.mark.parametrize(
    "moment",
    [
        "before renaming",
        pytest.param("while writing", marks=pytest.mark.slow),
        pytest.param("after renaming", marks=pytest.mark.slow),
    ],
)
def test_kill_9_during_a_checkpoint_write(run_job, uninterrupted, tmp_path, moment):
    (process,) = run_job(1, children.train_and_die, tmp_path / "run", moment, 3)
    process.join(60)
    assert children.was_killed(process)
    last = 3 if moment == "after renaming" else 2
    assert load_checkpoint(tmp_path / "run")["training"]["step"] == last
    finish(*run_job(1, children.train_tiny, tmp_path / "run"))
    assert_same_run(uninterrupted[0], tmp_path / "run")


@pytest.mark.slow
def test_kill_9_of_a_job_that_accumulates_in_bf16(run_job, tmp_path):
    """Two processes, both killed: random states, micro-batches and precision of each come back."""
    changes = {"precision": "bf16", "batch_size": 4, "accumulate": 2}
    for process in run_job(2, children.train_tiny, tmp_path / "whole", **changes):
        finish(process)
    processes = run_job(2, children.train_tiny, tmp_path / "run", **changes)
    wait_for_step(processes[0], tmp_path / "run", 2)
    for process in processes:
        process.kill()
        process.join()
    for process in run_job(2, children.train_tiny, tmp_path / "run", **changes):
        finish(process)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


class CutOff(Dataset):
    """A data set whose disk goes away after some images."""

    def __init__(self, dataset, images: int):
        self.dataset, self.left = dataset, images

    def __len__(self):
        return len(self.dataset)

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def __getitem__(self, index):
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")
        return self.dataset[index]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_16_bit_runs_resume_bit_by_bit(tmp_path, precision):
    config = replace(children.CONFIG, precision=precision)
    train(children.tiny_model(), children.SCENES, config, tmp_path / "whole")
    parts = tmp_path / "parts"
    with pytest.raises(OSError, match="disk"):
        train(children.tiny_model(), CutOff(children.SCENES, 5), config, parts)
    assert load_checkpoint(parts)["training"]["step"] == 2
    train(children.tiny_model(), children.SCENES, config, parts, resume=True)
    assert_same_run(tmp_path / "whole", parts)
    if precision == "fp16":
        assert load_checkpoint(parts)["training"]["scaler"]["scale"] > 0


def test_all_random_states_come_back():
    device = torch.device("cpu")
    state = get_random_state(device)
    torch.save(state, file := io.BytesIO())
    drawn = [torch.rand(3).tolist(), random.random(), np.random.rand(), random.gauss(0, 1)]  # noqa: NPY002
    file.seek(0)
    set_random_state(torch.load(file, weights_only=True), device)
    again = [torch.rand(3).tolist(), random.random(), np.random.rand(), random.gauss(0, 1)]  # noqa: NPY002
    assert again == drawn


def test_truncated_checkpoint_is_named_and_the_previous_one_taken(tmp_path):
    children.train_tiny(tmp_path / "whole")
    children.train_tiny(tmp_path / "run")
    last, previous = checkpoints_in(tmp_path / "run")
    last.write_bytes(last.read_bytes()[:-1000])
    last.with_suffix(".damaged").touch()  # from an earlier time
    with pytest.raises(InputError, match=f"{last.name} cannot be read.*cut off.*{previous.name}"):
        load_model(tmp_path / "run")
    with pytest.warns(UserWarning, match=f"{last.name} cannot be read.*{previous.name}.*damaged"):
        children.train_tiny(tmp_path / "run")
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    assert last.with_suffix(".damaged").exists()


def test_only_the_last_checkpoints_stay(tmp_path):
    children.train_tiny(tmp_path, keep_checkpoints=3)
    assert [path.name[-4:-3] for path in checkpoints_in(tmp_path)] == ["6", "5", "4"]


class Bomb:
    """Unpickled without care, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_hostile_checkpoint_stops_the_run_that_would_resume_from_it(tmp_path):
    children.train_tiny(tmp_path / "run")
    torch.save(
        {"training": Bomb(tmp_path / "exploded")}, tmp_path / "run" / "checkpoint-0000099.pt"
    )
    with pytest.raises(InputError, match=r"checkpoint-0000099\.pt is refused.*could run code"):
        children.train_tiny(tmp_path / "run")
    assert not (tmp_path / "exploded").exists()
    assert (tmp_path / "run" / "checkpoint-0000099.pt").exists()


def test_changed_annotation_is_noticed(tmp_path):
    root = export(children.SCENES, tmp_path / "coco", "train")
    train(children.tiny_model(), CocoDataset(root, "train"), children.CONFIG, tmp_path / "run")
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text("utf-8"))
    content["annotations"][0]["bbox"][0] += 0.5
    file.write_text(json.dumps(content), encoding="utf-8")
    changed = CocoDataset(root, "train")
    with pytest.raises(InputError, match="data setting fingerprint"):
        train(children.tiny_model(), changed, children.CONFIG, tmp_path / "run", resume=True)
    others = ShapesDataset(len(children.SCENES), seed=1, image_size=64)
    train(children.tiny_model(), children.SCENES, children.CONFIG, tmp_path / "shapes")
    with pytest.raises(InputError, match="fingerprint is seed 0, 64 px, this run's is seed 1"):
        train(children.tiny_model(), others, children.CONFIG, tmp_path / "shapes", resume=True)


def test_loss_that_is_not_finite_leaves_evidence(tmp_path):
    model = children.tiny_model()
    weight = model.rpn.head.conv[0][0].weight.detach().clone()
    spoil = model.roi_heads.box_predictor.register_forward_hook(
        lambda _module, _inputs, output: (output[0] * float("nan"), output[1])
    )
    with pytest.raises(LossNotFiniteError, match=r"Usual causes: .*learning rate.*bf16") as stopped:
        train(model, children.SCENES, children.CONFIG, tmp_path)
    spoil.remove()
    (report,) = json.loads((tmp_path / "not-finite-0000001.json").read_text("utf-8"))
    assert report["process"] == 0
    assert str(report["image_ids"]) in str(stopped.value)
    kept = load_checkpoint(tmp_path / "not-finite-0000001.pt")
    assert kept["training"]["step"] == 0
    assert torch.equal(kept["model"]["rpn.head.conv.0.0.weight"], weight)
    children.train_tiny(tmp_path)  # the evidence is not resumed from
    assert load_checkpoint(tmp_path)["training"]["step"] == 6


def test_fp16_skips_a_step_whose_gradient_overflows(tmp_path):
    model = children.tiny_model()
    seen = []

    def overflow(gradient):
        seen.append(1)
        return gradient * float("inf") if len(seen) == 5 else gradient

    model.rpn.head.cls_logits.bias.register_hook(overflow)
    config = replace(children.CONFIG, precision="fp16")
    train(model, children.SCENES, config, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 6
    scale = 2.0**16  # where PyTorch begins
    for record in records:
        was_skipped = "gradient_norm" not in record
        assert record["loss_scale"] == (scale / 2 if was_skipped else scale)
        scale = record["loss_scale"]
    assert "gradient_norm" not in records[4]
    assert "gradient_norm" in records[5]
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
