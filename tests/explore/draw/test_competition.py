import pytest
import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.competition import draw_class_maps, mask_sizes_under_a_rival


@pytest.fixture
def mask_logits():
    return torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_only_the_softmax_feels_a_rival(mask_logits):
    raised_by = (0, 1, 2, 50)
    alone = mask_sizes_under_a_rival(mask_logits, 1, 3, raised_by, softmax=False)
    assert alone.tolist() == [(mask_logits[1] > 0).sum()] * 4
    shared = mask_sizes_under_a_rival(mask_logits, 1, 3, raised_by, softmax=True).tolist()
    assert shared == sorted(shared, reverse=True)
    assert shared[0] > shared[-1] == 0


def test_every_class_has_its_map_on_one_scale(mask_logits):
    panels = Figure().subplots(1, 4)
    outline = torch.zeros(5, 5)
    outline[1:4, 1:4] = 1
    picture = draw_class_maps(panels, mask_logits, ["background", "a", "b", "c"], (-2, 2), outline)
    assert [panel.get_title() for panel in panels] == ["background", "a", "b", "c"]
    for panel, values in zip(panels, mask_logits):
        (image,) = panel.images
        assert torch.equal(torch.tensor(image.get_array().data), values)
        assert image.get_clim() == (-2, 2)
    assert picture is panels[-1].images[0]
