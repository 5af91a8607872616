"""Panels of sliders for the lessons: each computes, draws what it computed, and shows that.

    panel = move_panel()
    panel               # the last line of a cell shows it; without widgets its picture stands there
    panel.values        # what the sliders say
    panel.computed      # what the picture shows

Each has one function that computes and one that draws.

    panel        what they share: sliders, picture, and the picture alone where no widget can be
    move         an object moves by a pixel, and what each RoI operation reads of it
    levels       which level of a pyramid a box is read from
    anchors      anchors of one level, and what suppression leaves of their proposals
    competition  sigmoid against softmax inside one RoI
    paste        from a small mask to the image's pixels
"""

from mrcnn_lite.explore.panels.anchors import anchors_panel
from mrcnn_lite.explore.panels.competition import competition_panel
from mrcnn_lite.explore.panels.levels import levels_panel
from mrcnn_lite.explore.panels.move import move_panel
from mrcnn_lite.explore.panels.panel import Panel
from mrcnn_lite.explore.panels.paste import paste_panel

__all__ = [
    "Panel",
    "anchors_panel",
    "competition_panel",
    "levels_panel",
    "move_panel",
    "paste_panel",
]
