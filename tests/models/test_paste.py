import torch
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_heads import crop_masks


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
