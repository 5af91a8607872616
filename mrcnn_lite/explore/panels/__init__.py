"""Panels for the lessons: controls, and pictures that follow them in the browser.

    panel = move_panel()
    panel               # the last line of a cell shows it; without widgets its picture stands there
    panel.values        # what the controls say
    panel.set(shift=5)  # and they follow
    panel.computed      # what the pictures show

Each has one function that computes, one that draws the still picture, and a twin of both in `web/`,
where `compute.js` is held to the functions here by a test.

    panel        what they share: values, the widget, and the picture alone where no widget can be
    controls     what can be set, and within which limits
    web_sources  the browser's files, joined to the one that widget and page need
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
