"""What drawing a large picture takes: no more for a detection than the pixels under its box."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore.draw.scene import draw_image, draw_instances

HEIGHT, WIDTH = 1800, 2400
# What is imported takes 0.68 GiB with Python 3.11 and 0.84 with 3.13, most of it PyTorch.
PEAK_GIB = """
import resource, sys
import matplotlib.figure, torchvision
import mrcnn_lite.models
from mrcnn_lite.cli import main

def peak():
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

imported = peak()
assert main(sys.argv[1:]) == 0
print("peak", peak() - imported)
"""


def drawn(instances):
    axes = Figure().subplots()
    draw_image(axes, torch.zeros(3, HEIGHT, WIDTH))
    draw_instances(axes, instances, {1: "dark"})
    return axes


def instances_of(*boxes):
    masks = torch.zeros(len(boxes), 1, HEIGHT, WIDTH)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[0, y1:y2, x1:x2] = 1
    labels = torch.ones(len(boxes), dtype=torch.int64)
    return {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": labels, "masks": masks}


@pytest.mark.parametrize(
    "box", [(10, 20, 40, 80), (0, 0, 100, 50), (2300, 1700, 2400, 1800), (0, 0, 2400, 1800)]
)
def test_a_mask_is_drawn_where_it_is_and_costs_its_crop(box):
    axes = drawn(instances_of(box))
    image, layer = axes.images
    x1, y1, x2, y2 = box
    left, right, bottom, top = layer.get_extent()
    assert (left, top) == (x1, y1)
    assert 0 <= right - x2 <= 1
    assert 0 <= bottom - y2 <= 1
    assert layer.get_array().nbytes <= (x2 - x1) * (y2 - y1)
    assert image.get_array().nbytes < 3 * HEIGHT * WIDTH
    assert axes.axis() == (0, WIDTH, HEIGHT, 0)


def test_an_outline_runs_around_the_mask():
    [outline] = drawn(instances_of((10, 20, 40, 80))).collections
    corners = outline.get_paths()[0].get_extents().get_points()
    assert np.array_equal(corners, [[10, 20], [40, 80]])
    assert not drawn(instances_of((0, 0, WIDTH, HEIGHT))).collections


def test_an_empty_mask_is_a_box_alone():
    instances = instances_of((10, 20, 40, 80))
    axes = drawn({**instances, "masks": torch.zeros_like(instances["masks"])})
    assert len(axes.images) == len(axes.patches) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells peaks in another way")
def test_predict_on_12_megapixels_takes_little_beside_what_is_imported(tmp_path):
    image = ShapesDataset(1, seed=0)[0][0].permute(1, 2, 0).mul(255).byte().numpy()
    Image.fromarray(image).resize((4000, 3000)).save(tmp_path / "large.png")
    options = ["predict", tmp_path / "large.png", "--out", tmp_path, "--score", "0"]
    output = subprocess.run(
        [sys.executable, "-c", PEAK_GIB, *map(str, options)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "20 objects" in output
    # With Python 3.11, a gibibyte and a half in all.
    assert float(output.split("peak")[1]) < 0.82
