import os

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from mrcnn_lite.datasets import read_image
from mrcnn_lite.errors import InputError


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 128, (128, 128, 128)),
        ("RGB", (200, 100, 50), (200, 100, 50)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
    ],
)
def test_jpegs_of_every_kind_become_rgb(tmp_path, mode, colour, expected):
    path = tmp_path / "picture.jpg"
    Image.new(mode, (16, 8), colour).save(path, quality=100)
    image = read_image(path)
    assert image.dtype == torch.float32
    assert image.shape == (3, 8, 16)
    assert image.is_contiguous()
    assert np.allclose(image[:, 4, 8] * 255, expected, atol=3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_of_grey_keep_their_shades(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    pixels = np.array([[0, 300, 32768], [1, 65534, 65535]], np.uint16)
    Image.fromarray(pixels).save(path)
    image = read_image(path)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert np.allclose(image, np.broadcast_to(pixels / 65535, (3, 2, 3)))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pictures_without_a_known_white_are_named(tmp_path, kind):
    path = tmp_path / "depth.tif"
    Image.fromarray(np.full((2, 3), 70_000, kind)).save(path)
    with pytest.raises(InputError, match=r"depth\.tif has mode [IF], expected 8 or 16 bits"):
        read_image(path)


def turned_picture(path, orientation):
    """Write a picture of 16 x 8 pixels that asks to be turned; give it as stored and as turned."""
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255, 0, 0
    pixels[4:, 8:] = 0, 255, 0
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif, **({"quality": 100} if path.suffix == ".jpg" else {}))
    # Where the EXIF standard says that the stored row 0 and column 0 are seen.
    upright = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: pixels[::-1].swapaxes(0, 1),
        7: pixels[::-1, ::-1].swapaxes(0, 1),
        8: pixels[:, ::-1].swapaxes(0, 1),
    }[orientation]
    return pixels.transpose(2, 0, 1), upright.transpose(2, 0, 1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_in_a_viewer(tmp_path, orientation, suffix):
    path = tmp_path / f"turned.{suffix}"
    _, upright = turned_picture(path, orientation)
    # The middle of what has one colour, since the edges of a JPEG's colours are soft.
    inside = np.abs(read_image(path).numpy() * 255 - upright).max(axis=0) < 30
    assert inside.mean() > 0.7
    size = upright.shape[1:]
    assert torch.equal(read_image(path, size), read_image(path))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_annotated_sizes_tell_how_a_turned_picture_is_meant(tmp_path, orientation):
    path = tmp_path / "turned.png"
    stored, upright = turned_picture(path, orientation)
    # Where both have the size, the viewer's is meant.
    for size in {stored.shape[1:], upright.shape[1:]}:
        expected = upright if upright.shape[1:] == size else stored
        assert np.allclose(read_image(path, size) * 255, expected)
    with pytest.raises(InputError, match=r"turned\.png is 16 x 8 pixels.*say 9 x 8"):
        read_image(path, (8, 9))
    if orientation < 5:
        with pytest.raises(InputError, match=r"turned\.png is 16 x 8 pixels.*say 8 x 16"):
            read_image(path, (16, 8))


def test_a_square_picture_is_upright_whatever_its_annotations(tmp_path):
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "square.png", exif=exif)
    expected = np.array(picture.transpose(Image.Transpose.ROTATE_270)).transpose(2, 0, 1)
    assert np.allclose(read_image(tmp_path / "square.png", (4, 4)) * 255, expected)


def test_a_picture_of_another_size_is_refused_by_its_header(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (1300, 1300)).save(path)

    def decode(*_):
        raise AssertionError("decoded before its size was compared")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    with pytest.raises(InputError, match=r"large\.png is 1300 x 1300 pixels.*say 640 x 480"):
        read_image(path, (480, 640))


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "empty", "half"])
def test_what_is_no_picture_is_named(tmp_path, kind):
    path = tmp_path / "thing.jpg"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes with names on this system")
        os.mkfifo(path)
    elif kind == "device":
        if not os.path.exists("/dev/zero"):
            pytest.skip("no /dev/zero on this system")
        path.symlink_to("/dev/zero")
    else:
        Image.effect_noise((64, 64), 90).save(path)
        path.write_bytes(path.read_bytes()[: 0 if kind == "empty" else 600])
    with pytest.raises(InputError, match=r"cannot read the picture .*thing\.jpg"):
        read_image(path)


def test_unusable_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.jpg"):
        read_image(tmp_path / "absent.jpg")
    text = tmp_path / "text.jpg"
    text.write_text("not a picture", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.jpg"):
        read_image(text)
    truncated = tmp_path / "truncated.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"truncated\.jpg"):
        read_image(truncated)
