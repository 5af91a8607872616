"""Pictures in rows: what is the same object has the same colour in each."""

import torch

from mrcnn_lite.explore.draw.scene import figure_of_rows


def instances(*boxes):
    return {"boxes": torch.tensor(boxes), "labels": torch.ones(len(boxes), dtype=torch.int64)}


def test_rows_have_their_names_and_share_the_first_rows_colours():
    image = torch.zeros(3, 40, 60)
    left, right = [2.0, 2, 20, 38], [30.0, 4, 58, 36]
    rows = {
        "truth": [(image, instances(left, right))] * 2,
        "after": [(image, instances(right)), (image, instances(right, left))],
    }
    figure = figure_of_rows(rows, {1: "person"})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["truth", "truth", "after", "after"]
    colours = [[patch.get_edgecolor() for patch in axes.patches[:2]] for axes in figure.axes]
    of_left, of_right = colours[0]
    assert of_left != of_right
    assert colours[2][0] == of_right
    assert colours[3] == [of_right, of_left]
