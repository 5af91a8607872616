"""Looking at the network: what is measured of it, and every picture of the course.

Pictures are drawn from what the package computes, so that none can show anything else.

    palette   what each colour means, in every figure and widget
    measure   what figures show, as numbers
    draw      figures, on the caller's axes
    explorer  the misalignment explorer
    panels    sliders above pictures, for the lessons
    browser   what widgets send to the browser, and what they have in common there
    still     a widget's picture, for where no kernel is there to draw the widget
"""
