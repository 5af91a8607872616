"""The misalignment explorer: drag a box over a scene, and see what each RoI operation reads.

Begin with `widget`, which says what there is to be seen; `web/` is the browser's side, in which
`arithmetic.js` is the twin of `mrcnn_lite.ops`.

    widget       the explorer in a notebook
    page         the same as one file that needs no kernel
    masks        what a trained network draws in the box as it slides, for the page
    figure       the same as a still picture
    web_sources  the browser's files, joined to the one that widget and page need
"""
