import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.keypoints import draw_keypoints
from mrcnn_lite.explore.draw.scene import draw_instances

KEYPOINTS = torch.tensor([[3.0, 4, 2], [5, 6, 1], [0, 0, 0], [7, 8, 2]])


def drawn(axes):
    """Places of the filled and of the hollow dots."""
    filled, hollow = axes.collections
    assert same_color(filled.get_facecolor()[0], "red")
    assert len(hollow.get_facecolor()) == 0
    return filled.get_offsets().tolist(), hollow.get_offsets().tolist()


def test_seen_ones_are_filled_hidden_ones_hollow_and_unknown_ones_left_out():
    axes = Figure().subplots()
    draw_keypoints(axes, KEYPOINTS, "red", found=False)
    assert drawn(axes) == ([[3, 4], [7, 8]], [[5, 6]])


def test_a_hollow_dot_stands_out_from_its_own_colour():
    """A hidden keypoint lies on another object, which may look like its own."""
    figure = Figure(figsize=(1, 1))
    axes = figure.add_axes((0, 0, 1, 1), facecolor="red", xlim=(4, 6), ylim=(5, 7))
    draw_keypoints(axes, KEYPOINTS, "red", found=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    white = (np.asarray(canvas.buffer_rgba())[20:-20, 20:-20, :3] > 200).all(axis=-1)
    assert white.sum() > 20


def test_of_a_detection_all_are_filled():
    axes = Figure().subplots()
    found = KEYPOINTS.clone()
    found[:, 2] = 1
    draw_keypoints(axes, found, "red", found=True)
    assert drawn(axes) == ([[3, 4], [5, 6], [0, 0], [7, 8]], [])


def test_instances_are_drawn_with_their_keypoints():
    axes = Figure().subplots()
    boxes = torch.tensor([[1.0, 1, 9, 9]])
    instances = {"boxes": boxes, "labels": torch.tensor([1]), "keypoints": KEYPOINTS[None]}
    draw_instances(axes, instances, {1: "star"})
    assert [len(dots.get_offsets()) for dots in axes.collections] == [2, 1]
