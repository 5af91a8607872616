"""Files whose bits have changed: none is loaded or gone on from, each is named in one line."""

import json
import os
import random
import struct
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import save, save_file

from mrcnn_lite.cli import main
from mrcnn_lite.engine.checkpoint import (
    checkpoints_in,
    last_good_checkpoint,
    load_checkpoint,
    load_model,
    save_checkpoint,
    save_weights,
)
from mrcnn_lite.engine.sealed import DamagedFileError, load_sealed_tensors, save_sealed_tensors
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import DATA
from mrcnn_lite.models import mask_rcnn, mini_config
from tests.engine import children

CATEGORIES = {1: "circle", 2: "square"}
SHIPPED = ("mini", "fcis", "mask_rcnn_crowded")
FLIPS = [20, pytest.param(200, marks=pytest.mark.slow)]


@contextmanager
def flipped(path, bit: int):
    """Change one bit of a file, and change it back."""
    place, mask = bit // 8, 1 << bit % 8

    def flip():
        with open(path, "r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ mask]))

    flip()
    yield
    flip()


def some_bits(path, number: int) -> list[int]:
    """Bits anywhere in a file, and as many of its first and last 300 bytes: names and digests."""
    bits, draw = 8 * path.stat().st_size, random.Random(0)
    ends = [*range(2400), *range(bits - 2400, bits)]
    return [draw.randrange(bits) for _ in range(number)] + draw.sample(ends, number)


def one_line(error) -> str:
    (line,) = str(error.value).splitlines()
    return line


def save_at(folder, step: int):
    path = folder / f"checkpoint-{step:07d}.pt"
    save_checkpoint(path, children.tiny_model(), CATEGORIES, {"step": step})
    return path


@pytest.mark.parametrize("number", FLIPS)
def test_no_changed_bit_of_a_checkpoint_is_loaded_or_gone_on_from(tmp_path, number):
    older, path = save_at(tmp_path, 6), save_at(tmp_path, 7)
    for bit in some_bits(path, number):
        with flipped(path, bit):
            with pytest.raises(DamagedFileError) as error:
                load_model(tmp_path)
            assert one_line(error).startswith(f"{path} cannot be read")
            assert one_line(error).endswith(f"The one before it is {older}")
            with pytest.warns(UserWarning, match=f"{path.name}.*Going on from .*{older.name}"):
                assert last_good_checkpoint(tmp_path) == older
            path.with_suffix(".damaged").rename(path)
    assert load_checkpoint(tmp_path)["training"] == {"step": 7}


@pytest.mark.parametrize("number", FLIPS)
def test_no_changed_bit_of_weights_is_loaded(tmp_path, number):
    path = tmp_path / "weights.safetensors"
    save_weights(path, children.tiny_model(), CATEGORIES)
    for bit in some_bits(path, number):
        with flipped(path, bit):
            with pytest.raises(InputError, match=r"weights\.safetensors") as error:
                load_model(path)
            one_line(error)
    load_model(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_changed_bit_of_the_shipped_weights_is_loaded(tmp_path, name):
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes((DATA / "weights" / path.name).read_bytes())
    for bit in some_bits(path, 10):
        with flipped(path, bit), pytest.raises(InputError, match=path.name):
            load_model(path)


def test_a_digest_disturbs_no_other_reader(tmp_path):
    path = save_at(tmp_path, 7)
    assert torch.load(path, weights_only=True)["training"] == {"step": 7}
    assert torch.load(path, weights_only=True, mmap=True)["training"] == {"step": 7}


@pytest.mark.parametrize("number", FLIPS)
def test_a_checkpoint_without_a_digest_is_held_to_its_crc(tmp_path, number):
    path = save_at(tmp_path, 7)
    torch.save(torch.load(path, weights_only=True), path)  # as earlier versions have written it
    assert load_checkpoint(path)["training"] == {"step": 7}
    content = path.read_bytes()
    # All but what PyTorch pads each member with, which means nothing.
    first, padding = content.index(b"PK\3\4", 4), b"Z" * 8
    draw = random.Random(0)
    for _ in range(number):
        value = bytes(draw.randrange(256) for _ in range(8))
        place = draw.randrange(first, len(content) // 2)
        while content[place : place + 8] == padding:
            place = draw.randrange(first, len(content) // 2)
        path.write_bytes(content[:place] + value + content[place + 8 :])
        with pytest.raises(DamagedFileError, match=r"checkpoint-0000007\.pt cannot be read"):
            load_checkpoint(path)


def test_weights_without_a_digest_are_loaded(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, children.tiny_model(), CATEGORIES)
    tensors, metadata = load_sealed_tensors(path)
    save_file(tensors, path, metadata)
    assert load_model(path).categories == CATEGORIES


def test_a_copy_of_a_checkpoint_is_no_checkpoint_of_the_run(tmp_path):
    children.train_tiny(tmp_path, steps=3, keep_checkpoints=2)
    last, before = checkpoints_in(tmp_path)
    copies = ["checkpoint-best.pt", "checkpoint-3.pt", "checkpoint-0000002 (1).pt"]
    for name in copies:
        (tmp_path / name).write_bytes(before.read_bytes())
    (tmp_path / "checkpoint-0000009.pt").mkdir()
    assert checkpoints_in(tmp_path) == [last, before]
    children.train_tiny(tmp_path, steps=3, keep_checkpoints=1)
    assert checkpoints_in(tmp_path) == [last, before]  # nothing was left to do
    assert all((tmp_path / name).exists() for name in copies)
    assert load_checkpoint(tmp_path)["training"]["step"] == 3


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path):
    names = ["checkpoint-9999999.pt", "checkpoint-10000000.pt"]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in checkpoints_in(tmp_path)] == names[::-1]


def test_a_run_without_a_whole_checkpoint_does_not_begin_anew(tmp_path):
    children.train_tiny(tmp_path, steps=2)
    contents = {path: path.read_bytes() for path in checkpoints_in(tmp_path)}
    for path, content in contents.items():
        path.write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"none of the checkpoints in .*0000002\.pt") as error:
        children.train_tiny(tmp_path, steps=2)
    one_line(error)
    assert all(path.exists() for path in contents)


DAMAGED_METADATA = [
    {"model_config": "{", "categories": "{}"},
    {"model_config": "[" * 100_000, "categories": "{}"},
    {"model_config": "[]", "categories": "{}"},
    {"model_config": "7", "categories": "{}"},
    {"model_config": "{}", "categories": "[1]"},
    {"model_config": "{}", "categories": '{"a": "b"}'},
    {"model_config": '{"fpn_channels": [1]}', "categories": "{}"},
]


@pytest.mark.parametrize("metadata", DAMAGED_METADATA)
@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_metadata_are_named(tmp_path, metadata, sealed):
    path = tmp_path / "weights.safetensors"
    writer = (
        save_sealed_tensors
        if sealed
        else lambda path, *parts: save_file(*parts[:1], path, *parts[1:])
    )
    writer(path, {"x": torch.zeros(3)}, metadata)
    with pytest.raises(InputError, match=r"weights\.safetensors") as error:
        load_model(path)
    assert len(one_line(error)) < 500


def content_of(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


STRANGERS = {
    "empty": b"",
    "a byte": b"x",
    "zeros": bytes(1000),
    "text": b"hello world, this is a text",
    "a header that is longer than the file": struct.pack("<Q", 2**60) + b"{}",
    "no JSON": content_of(b"{"),
    "no UTF-8": content_of(b'{"\xff": 1}'),
    "brackets": content_of(b'{"a":' * 10_000),
    "an unknown type": content_of(b'{"x": {"dtype": "Q7", "shape": [0], "data_offsets": [0, 0]}}'),
    "a shape without an end": content_of(
        b'{"x": {"dtype": "F32", "shape": [9223372036854775807, 4], "data_offsets": [0, 0]}}'
    ),
    "a zip": b"PK\5\6" + bytes(18),
    "a zip of nothing, commented": b"PK\5\6" + bytes(16) + b"\1\0x",
    "another program's": save({"x": torch.zeros(3)}, {"format": "pt"}),
}


@pytest.mark.parametrize("content", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("name", ["weights.safetensors", "checkpoint-0000007.pt"])
def test_what_is_no_model_is_named(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        load_model(path)
    one_line(error)


@pytest.mark.parametrize(
    "change",
    [
        {"fpn_channels": 2_000_000},
        {"box_head_channels": 10**12},
        {"num_classes": 10**9},
    ],
)
def test_a_model_that_asks_for_all_memory_is_not_built(tmp_path, change):
    path = tmp_path / "weights.safetensors"
    save_weights(path, mask_rcnn(mini_config(3)), CATEGORIES)
    tensors, metadata = load_sealed_tensors(path)
    config = json.loads(metadata["model_config"]) | change
    save_sealed_tensors(path, tensors, {**metadata, "model_config": json.dumps(config)})
    with pytest.raises(InputError, match=r"weights\.safetensors") as error:
        load_model(path)
    one_line(error)


@pytest.mark.parametrize("command", [["evaluate"], ["predict", "x.png", "--checkpoint"]])
def test_changed_weights_end_a_command_in_one_line(tmp_path, capsys, command):
    path = tmp_path / "mini.safetensors"
    path.write_bytes((DATA / "weights" / "mini.safetensors").read_bytes())
    with flipped(path, 8 * 2_000_000):
        assert main([*command, str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        f"{path} cannot be read as safetensors: it has changed since it was written"
    )


def test_changed_weights_are_not_trained_from(tmp_path, capsys):
    path = save_at(tmp_path, 7)
    start = ["--weights", str(path), "--out", str(tmp_path / "run"), "--steps", "1"]
    with flipped(path, 8 * path.stat().st_size // 2):
        assert main(["train", *start]) == 1
    assert f"{path} cannot be read as a checkpoint" in capsys.readouterr().err
    assert os.listdir(tmp_path) == [path.name]
