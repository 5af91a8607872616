"""Published weights: only the published file is read, and nothing that it holds is run."""

import hashlib
import os
import pickle
import sys
import time
from dataclasses import asdict

import pytest
import torch
from torchvision.models import Weights, WeightsEnum

from mrcnn_lite.engine.checkpoint import load_model, save_checkpoint
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.weights import fetch_state_dict
from tests.surprise import Surprise


def entry_of(content: bytes) -> WeightsEnum:
    """An entry for weights that were published as a file with this content."""
    name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    weights = Weights(url=f"https://example.org/models/{name}", transforms=None, meta={})
    return WeightsEnum("Published", {"V1": weights}).V1


def published(tmp_path, value) -> bytes:
    torch.save(value, tmp_path / "published.pth")
    return (tmp_path / "published.pth").read_bytes()


def test_the_published_file_is_read_from_where_the_message_says_to_put_it(downloads, tmp_path):
    content = published(tmp_path, {"weight": torch.arange(3.0)})
    entry = entry_of(content)
    with pytest.raises(InputError, match="could not download") as refused:
        fetch_state_dict(entry)
    file = str(refused.value).rpartition(" put it at ")[2]
    with open(file, "wb") as target:
        target.write(content)
    assert torch.equal(fetch_state_dict(entry)["weight"], torch.arange(3.0))


@pytest.mark.parametrize("kind", ["another", "cut off", "a bit flipped", "empty"])
def test_another_file_of_that_name_is_refused_unread(downloads, tmp_path, kind):
    content = published(tmp_path, {"weight": torch.arange(3.0)})
    entry, ran = entry_of(content), tmp_path / "ran"
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    instead = {
        "another": pickle.dumps(Surprise(ran)),
        "cut off": content[:-1],
        "a bit flipped": bytes(flipped),
        "empty": b"",
    }
    file = downloads / entry.url.rpartition("/")[2]
    file.write_bytes(instead[kind])
    with pytest.raises(InputError) as refused:
        fetch_state_dict(entry)
    message = str(refused.value)
    assert message.startswith(f"{file} is not the file of the weights Published.V1: its SHA-256 be")
    assert message.endswith(f"Delete it, and fetch {entry.url}")
    assert not ran.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_nothing_is_run_even_if_the_checksum_is_right(downloads, tmp_path, legacy):
    ran = tmp_path / "ran"
    torch.save(Surprise(ran), tmp_path / "bad.pth", _use_new_zipfile_serialization=not legacy)
    content = (tmp_path / "bad.pth").read_bytes()
    entry = entry_of(content)
    (downloads / entry.url.rpartition("/")[2]).write_bytes(content)
    with pytest.raises(InputError, match="is refused: it holds something else than weights"):
        fetch_state_dict(entry)
    assert not ran.exists()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(downloads, kind):
    entry = entry_of(b"")
    path = downloads / entry.url.rpartition("/")[2]
    if kind == "folder":
        path.mkdir()
    elif sys.platform == "win32":
        pytest.skip("Windows has no such pipes")
    else:
        os.mkfifo(path)
    with pytest.raises(InputError, match=r"should be the file of .*, but it is no file"):
        fetch_state_dict(entry)


@pytest.mark.parametrize("name", ["num_classes", "fpn_channels", "box_head_channels"])
def test_a_checkpoint_that_asks_for_millions_is_refused_before_memory_is_taken(tmp_path, name):
    model = mask_rcnn(mini_config(3))
    settings = {**asdict(model.config), name: 2_000_000}
    save_checkpoint(tmp_path / "checkpoint.pt", model, {1: "one", 2: "two"}, {})
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.save({**saved, "model_config": settings}, tmp_path / "checkpoint.pt")
    begin = time.process_time()
    with pytest.raises(InputError, match=f"describes a model that cannot be built: {name} should"):
        load_model(tmp_path / "checkpoint.pt")
    assert time.process_time() - begin < 2
