import pytest
import torch

from mrcnn_lite.ops.fast import few_outputs


def _random_rois(number: int, images: int, dtype: torch.dtype, inverted: bool) -> torch.Tensor:
    """RoIs of all kinds around a map of 9 x 11 cells of 8 pixels, from images in any order."""
    boxes = torch.rand(number, 4, dtype=dtype) * 140 - 20
    boxes[::3] = (boxes[::3] * 2).round() / 2 * 4 + 2  # halves and whole cells
    boxes[1::5] = (boxes[1::5] / 8).round() * 8 + 4  # exactly on halves of a cell
    boxes[2::7] += 200  # wholly off the map
    boxes[3::7, 2:] = boxes[3::7, :2] + 0.3  # tiny
    boxes[4::11, 2:] = boxes[4::11, :2]  # no area
    boxes[5::13] = torch.tensor([-30.0, -30.0, 130.0, 110.0], dtype=dtype)  # more than the map
    if not inverted:
        low, high = boxes[:, :2], boxes[:, 2:]
        boxes = torch.cat([torch.minimum(low, high), torch.maximum(low, high)], dim=1)
    image = torch.randint(images, (number, 1)).to(dtype)
    return torch.cat([image, boxes], dim=1)


@pytest.fixture
def random_rois():
    return _random_rois


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _products(request, monkeypatch):
    """Tests have few RoIs on small maps; so that they test the products, nothing counts as little.

    What is called in the other way has its own tests, in test_few_outputs.py, and the ways of
    calling take either.
    """
    if request.path.name not in ("test_few_outputs.py", "test_ways_of_calling.py"):
        monkeypatch.setattr(few_outputs, "reads_little", lambda *_: False)
