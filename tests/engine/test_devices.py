"""Which device a command takes, and a run from start to end on one that is not there."""

import json
import warnings

import pytest
import torch
from torchvision.transforms.v2.functional import to_pil_image

from mrcnn_lite.cli import main
from mrcnn_lite.cli.options import MPS_SINCE, find_device
from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.transforms import random_horizontal_flip
from mrcnn_lite.engine.precision import autocast
from mrcnn_lite.engine.random_state import get_random_state, set_random_state
from mrcnn_lite.errors import InputError
from tests.fake_device import FakeDevice

OLD = pytest.mark.skipif(torch.__version__ < MPS_SINCE, reason="its loss scaler wants float64")


@pytest.fixture
def gpus(monkeypatch):
    """A function that says which GPUs there are: how many of CUDA's, and whether Apple's."""

    def be_there(cuda=0, mps=False):
        monkeypatch.setattr("torch.cuda.is_available", lambda: cuda > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: cuda)
        monkeypatch.setattr("torch.cuda.set_device", lambda device: None)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
        # All that needs a newer version is taken from the fake device's list.
        monkeypatch.setattr("mrcnn_lite.cli.options.MPS_SINCE", "2.0")

    return be_there


def to_device(images, targets, device):
    return [image.to(device) for image in images], [
        {key: value.to(device) if torch.is_tensor(value) else value for key, value in one.items()}
        for one in targets
    ]


@pytest.fixture
def mps(gpus, monkeypatch):
    gpus(mps=True)

    def flip(images, targets):
        # Torchvision's class of boxes cannot be put on top of that of fake tensors.
        images, targets = random_horizontal_flip(*to_device(images, targets, "cpu"))
        return to_device(images, targets, "mps:0")

    monkeypatch.setattr("mrcnn_lite.engine.train.random_horizontal_flip", flip)
    drawn = [torch.arange(4, dtype=torch.uint8)]
    monkeypatch.setattr("torch.mps.get_rng_state", lambda: drawn[-1])
    monkeypatch.setattr("torch.mps.set_rng_state", drawn.append)
    with FakeDevice("mps"):
        yield drawn


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        ("auto", {"cuda": 2, "mps": True}, "cuda:0"),
        ("auto", {"cuda": 1}, "cuda:0"),
        ("auto", {"mps": True}, "mps:0"),
        ("mps", {"mps": True}, "mps:0"),
        ("cpu", {"mps": True}, "cpu"),
        ("auto", {}, "cpu"),
    ],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(name, there, expected, gpus):
    gpus(**there)
    with FakeDevice("cuda" if there.get("cuda") else "mps"):
        assert str(find_device(name)) == expected


@pytest.mark.parametrize(("name", "expected"), [("auto", 3), ("cuda", 3), ("cuda:1", 1)])
def test_each_process_of_a_job_takes_its_own_gpu(name, expected, gpus, monkeypatch):
    gpus(cuda=4)
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("mrcnn_lite.cli.options._open_device", torch.device)
    assert find_device(name) == torch.device("cuda", expected)


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "meta", "abacus"])
@pytest.mark.parametrize(
    ("there", "named"),
    [({}, "cpu"), ({"mps": True}, "mps, cpu"), ({"cuda": 2}, "cuda:0, cuda:1, cpu")],
)
def test_a_device_that_is_not_there_gives_one_line_with_those_that_are(name, there, named, gpus):
    gpus(**there)
    if name.partition(":")[0] in there:
        name = "abacus"
    with pytest.raises(InputError) as error:
        find_device(name)
    message = str(error.value)
    assert message.startswith(f"--device {name}")
    assert message.endswith(f"this machine has {named}")
    assert "\n" not in message


def test_an_old_version_says_what_mps_needs(gpus, monkeypatch):
    gpus(mps=True)
    monkeypatch.setattr("mrcnn_lite.cli.options.MPS_SINCE", "99.1")
    assert str(find_device("auto")) == "cpu"
    with pytest.raises(InputError, match=r"need PyTorch 99[.]1 or newer, not 2[.].*has cpu$"):
        find_device("mps")


def test_a_job_of_several_processes_does_without_mps(gpus, monkeypatch):
    gpus(mps=True)
    monkeypatch.setattr("mrcnn_lite.engine.distributed.is_parallel", lambda: True)
    assert str(find_device("auto")) == "cpu"
    with pytest.raises(InputError, match="cannot share the Apple GPU"):
        find_device("mps")


@pytest.mark.parametrize("precision", ["float32", pytest.param("fp16", marks=OLD)])
def test_a_run_on_mps_from_start_to_end_is_that_on_the_cpu(precision, tmp_path, request):
    command = ["train", "--scenes", "8", "--steps", "3", "--batch-size", "2", "--min-size", "64"]
    command += ["--set", "checkpoint_every=1", "--set", "keep_checkpoints=3"]
    command += ["--precision", precision]
    on_cpu, on_mps = tmp_path / "cpu", tmp_path / "mps"
    # The fake device does not know autocast.
    assert main([*command[:-1], "float32", "--out", str(on_cpu), "--device", "cpu"]) == 0
    request.getfixturevalue("mps")
    command += ["--out", str(on_mps), "--device", "mps"]
    assert main(command) == 0
    assert json.loads((on_mps / "config.json").read_text("utf-8"))["device"] == "mps"
    assert_same_losses(on_mps, on_cpu)
    (on_mps / "checkpoint-0000003.pt").unlink()
    assert main([*command, "--resume"]) == 0
    assert_same_losses(on_mps, on_cpu)
    picture = tmp_path / "picture.png"
    to_pil_image(ShapesDataset(1, seed=5)[0][0]).save(picture)
    for rest in (
        ["evaluate", str(on_mps), "--scenes", "2", "--precision", precision],
        ["predict", str(picture), "--checkpoint", str(on_mps), "--out", str(tmp_path)],
    ):
        assert main([*rest, "--device", "mps"]) == 0


def assert_same_losses(folder, other):
    losses = [
        [
            json.loads(line)["loss"]
            for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()
        ]
        for run in (folder, other)
    ]
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_the_devices_random_numbers_are_taken_down_and_put_back(mps):
    device = torch.device("mps", 0)
    state = get_random_state(device)
    set_random_state(state, device)
    assert len(mps) == 2
    assert torch.equal(mps[1], torch.arange(4, dtype=torch.uint8))
    # A run goes on elsewhere, and without a state on a device that it was not on before.
    set_random_state(state, torch.device("cpu"))
    del state["mps"]
    set_random_state(state, device)
    assert len(mps) == 2


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_autocast_is_off_without_a_word_in_float32(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with autocast(torch.device(kind), "float32"):
            assert not torch.is_autocast_enabled(kind)
