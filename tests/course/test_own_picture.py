"""Lesson 00 runs on a picture of the reader's own, with the one line changed that says so."""

import matplotlib.pyplot as plt
import pytest
import torch
from torchvision.utils import save_image

from mrcnn_lite.datasets import ShapesDataset
from tests.course.lesson import LESSONS

LINE = "PICTURE = None "
# Where the lesson is done with the one scene.
AFTER_IT = "find-in-crowded-scenes"


@pytest.fixture
def picture(tmp_path):
    """A wide one, of another size than the lesson's scenes."""
    image, _ = ShapesDataset(1, seed=7, image_size=256)[0]
    path = tmp_path / "mine.png"
    save_image(image[:, 20:220], path)
    return path


def test_with_one_line_changed(picture, monkeypatch, capsys):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    cells = LESSONS[0].code_cells
    sources = [cell.source for cell in cells[: [c.id for c in cells].index(AFTER_IT)]]
    assert sum(LINE in source for source in sources) == 1
    namespace = {}
    with torch.no_grad():  # the lesson turns gradients off; afterwards they are on again
        for source in sources:
            exec(source.replace(LINE, f"PICTURE = {str(picture)!r} "), namespace)
    assert namespace["image"].shape == (3, 128, 128)
    assert len(namespace["target"]["boxes"]) >= 1
    assert "the same, " in capsys.readouterr().out
