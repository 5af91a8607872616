"""What the pictures of score maps show."""

import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.score_maps import draw_assembled, draw_part_maps


def test_part_maps_are_those_of_the_parts_over_the_whole_scene():
    maps = torch.arange(4 * 4 * 2 * 3, dtype=torch.float32).view(4, 4, 2, 3)
    panels = Figure().subplots(2, 2)
    draw_part_maps(panels, maps, (0, 3), torch.tensor([0.0, 0, 16, 16]), 16)
    assert panels[0, 1].get_title() == "part (0, 3)"
    for row, of_row in zip((0, 3), panels):
        for column, panel in zip((0, 3), of_row):
            (picture,) = panel.images
            assert picture.get_array().tolist() == maps[row, column].tolist()
            assert picture.get_extent() == [0, 48, 32, 0]


def test_each_map_marks_the_part_of_the_roi_that_it_is_read_for():
    panels = Figure().subplots(2, 2)
    box = torch.tensor([10.0, 20, 50, 36])
    draw_part_maps(panels, torch.zeros(4, 4, 2, 3), (1, 3), box, 16)
    roi, part = panels[0, 1].patches  # row 1, column 3
    assert (*roi.get_xy(), roi.get_width(), roi.get_height()) == (10, 20, 40, 16)
    assert (*part.get_xy(), part.get_width(), part.get_height()) == (40, 24, 10, 4)


def test_scores_share_a_scale_and_the_mask_has_its_own():
    figure = Figure()
    panels = figure.subplots(1, 3)
    scores = {"inside": torch.full((2, 2), -3.0), "outside": torch.full((2, 2), 5.0)}
    draw_assembled(panels, scores, torch.full((2, 2), 0.3))
    assert [panel.get_title() for panel in panels] == ["inside", "outside", "mask"]
    assert [panel.images[0].get_clim() for panel in panels] == [(-3, 5), (-3, 5), (0, 1)]
    bars = figure.axes[len(panels) :]
    assert [bar.get_ylabel() for bar in bars] == ["score", "probability"]
