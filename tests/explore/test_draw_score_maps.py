"""What the pictures of score maps show."""

import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw_score_maps import draw_assembled, draw_part_maps


def test_part_maps_are_those_of_the_parts_over_the_whole_scene():
    maps = torch.arange(4 * 4 * 2 * 3, dtype=torch.float32).view(4, 4, 2, 3)
    panels = Figure().subplots(2, 2)
    draw_part_maps(panels, maps, (0, 3), torch.tensor([0.0, 0, 16, 16]), 16, limit=1)
    assert panels[0, 1].get_title() == "part (0, 3)"
    for row, of_row in zip((0, 3), panels):
        for column, panel in zip((0, 3), of_row):
            (picture,) = panel.images
            assert picture.get_array().tolist() == maps[row, column].tolist()
            assert picture.get_extent() == [0, 48, 32, 0]


def test_steps_have_titles_and_colour_bars():
    figure = Figure()
    panels = figure.subplots(1, 2)
    draw_assembled(panels, {"inside": torch.zeros(2, 2), "outside": torch.ones(2, 2)})
    assert [panel.get_title() for panel in panels] == ["inside", "outside"]
    assert len(figure.axes) == 4
