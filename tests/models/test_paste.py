import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.models.fast import zeros
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_features import crop_masks


def paste_slowly(mask: torch.Tensor, box: list[float], size: tuple[int, int]) -> torch.Tensor:
    """One pixel at a time, from the definition."""
    m = len(mask)
    x1, y1, x2, y2 = box
    pasted = torch.zeros(size, dtype=mask.dtype)
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = row + 0.5, column + 0.5
            if not (y1 <= y < y2 and x1 <= x < x2):
                continue
            v = min(max((y - y1) / (y2 - y1) * m - 0.5, 0), m - 1)
            u = min(max((x - x1) / (x2 - x1) * m - 0.5, 0), m - 1)
            i, j = min(int(v), m - 2), min(int(u), m - 2)
            a, b = v - i, u - j
            upper = (1 - b) * mask[i, j] + b * mask[i, j + 1]
            lower = (1 - b) * mask[i + 1, j] + b * mask[i + 1, j + 1]
            pasted[row, column] = (1 - a) * upper + a * lower
    return pasted


coordinate = st.floats(-10, 30, allow_nan=False)


@given(coordinate, coordinate, st.floats(0.1, 30), st.floats(0.1, 30))
def test_pasting_is_the_slow_definition(x, y, width, height):
    mask = torch.rand(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    box = [x, y, x + width, y + height]
    pasted = paste_masks(mask[None], torch.tensor([box], dtype=torch.float64), (14, 19))
    torch.testing.assert_close(pasted[0], paste_slowly(mask, box, (14, 19)))


def test_box_without_area_and_box_off_the_image_give_empty_masks():
    boxes = torch.tensor([[5.0, 5, 5, 9], [50, 50, 60, 60], [-9, -9, -1, -1]])
    assert paste_masks(torch.ones(3, 7, 7), boxes, (20, 20)).sum() == 0


def test_no_detections_give_no_masks():
    assert paste_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), (9, 8)).shape == (0, 9, 8)


def test_pasting_undoes_cropping_to_a_fraction_of_a_pixel():
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    disk = (((x - 30.5) ** 2 + (y - 33.5) ** 2) < 20**2).to(torch.uint8)[None]
    box = torch.tensor([[10.3, 13.6, 51.2, 54.1]])
    cropped = crop_masks(disk, box, torch.tensor([0]), 28, aligned=True)
    pasted = paste_masks(cropped, box, (64, 64)) > 0.5
    wrong = (pasted[0] != disk[0].bool()).sum()
    assert wrong <= 0.01 * disk.sum()


def test_masks_are_pasted_in_full_precision_under_autocast():
    masks, boxes = torch.rand(2, 28, 28), torch.tensor([[3.2, 4.1, 40.7, 50.3], [0, 0, 9, 7.5]])
    expected = paste_masks(masks, boxes, (60, 64))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(paste_masks(masks, boxes, (60, 64)), expected)


def random_masks(number: int, **options) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks of 5 x 5, and boxes in, partly off and wholly off an image of 11 x 13."""
    generator = torch.Generator().manual_seed(0)
    corner, size = torch.rand(2, number, 2, generator=generator, dtype=torch.float64) * 12 - 2
    boxes = torch.cat([corner, corner + size.abs()], dim=1)
    return torch.rand(number, 5, 5, generator=generator, dtype=torch.float64, **options), boxes


def test_gradient_to_the_masks_is_the_slope():
    masks, boxes = random_masks(6, requires_grad=True)

    def pasted(of_masks):
        return paste_masks(of_masks, boxes.requires_grad_(), (6, 8)).sin()

    assert torch.autograd.gradcheck(pasted, masks)
    assert torch.autograd.gradgradcheck(pasted, masks)


def test_gradient_to_no_masks_is_empty():
    masks, boxes = random_masks(0, requires_grad=True)
    paste_masks(masks, boxes, (11, 13)).sum().backward()
    assert masks.grad.shape == (0, 5, 5)


def test_gradient_is_as_precise_under_autocast():
    masks, boxes = random_masks(6)
    gradients = []
    for half in (False, True):
        leaf = masks.float().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            paste_masks(leaf, boxes, (11, 13)).sin().sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)


def no_map(*_, **__):
    raise OSError("this system has no anonymous copy-on-write map")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_masks_are_pasted_the_same_without_a_copy_on_write_map(monkeypatch, dtype):
    masks, boxes = random_masks(6)
    masks = masks.to(dtype)
    expected = paste_masks(masks, boxes, (11, 13))
    monkeypatch.setattr(zeros, "mmap", no_map)
    found = paste_masks(masks, boxes, (11, 13))
    assert found.dtype == dtype
    assert torch.equal(found, expected)
    found += 1  # it is the caller's own, to be written to


MEASURE_100_DETECTIONS = """
import sys
from pathlib import Path
import torch
from mrcnn_lite.models import paste

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 2**10

corner = torch.rand(100, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([540, 380])
boxes = torch.cat([corner, corner + 40], dim=1)
paste.paste_masks(torch.ones(2, 28, 28), boxes[:2], (48, 64))
before = resident()
masks = paste.paste_masks(torch.ones(100, 28, 28), boxes, (480, 640))
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_pixels_outside_the_boxes_take_no_memory():
    """100 masks of 480 x 640 are 117 MiB of float32; boxes of 40 x 40 touch a tenth of the rows."""
    command = [sys.executable, "-c", MEASURE_100_DETECTIONS]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert float(output) < 40
