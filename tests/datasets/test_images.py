import numpy as np
import pytest
import torch
from PIL import Image

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


def test_exif_rotation_is_left_alone(tmp_path):
    path = tmp_path / "rotated.jpg"
    picture = Image.new("RGB", (16, 8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    assert read_image(path).shape == (3, 8, 16)


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
