import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

# That a machine is busy is no bug.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# How a user may call what this package offers; the first is how a fresh interpreter does.
WAYS_OF_CALLING = {
    "gradients": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
}


@pytest.fixture(params=WAYS_OF_CALLING)
def way(request):
    """A function that makes the context in which something is called; every one in turn."""
    return WAYS_OF_CALLING[request.param]


@pytest.fixture(scope="session")
def coco64() -> Path:
    """A COCO root with real photographs (splits train2017 and val2017), where there is one."""
    beside_project = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco64"
    root = Path(os.environ.get("MRCNN_LITE_COCO", beside_project))
    if not (root / "annotations" / "instances_train2017.json").is_file():
        pytest.skip(f"no COCO root at {root}; set MRCNN_LITE_COCO to one")
    return root


@pytest.fixture
def downloads(tmp_path, monkeypatch) -> Path:
    """The folder of PyTorch's downloads, of a machine without a network."""

    def offline(*_arguments, **_options):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home of torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    folder = tmp_path / "home of torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder
