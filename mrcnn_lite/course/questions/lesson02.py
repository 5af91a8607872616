"""Predictions of lesson 02, RoIPool."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "width_that_is_read",
        "The star's box reaches from x = 24 to x = 64, 40 pixels. How many pixels along x does "
        "RoIPool read?",
        (
            Choice(
                "40, the box as it is",
                "That is two cells and a half. What happens to the half in step 1?",
            ),
            Choice(
                "32, or 2 cells",
                "You took one rounded number from the other, 4 - 2. What does step 1 say of the "
                "last cell?",
            ),
            Choice(
                "48, or 3 cells",
                "Cells 2, 3 and 4: [1.5] is 2, [4] is 4, and the last cell belongs to the box.",
                right=True,
            ),
            Choice(
                "64, or 4 cells",
                "You begin at cell 1. To which side goes a half?",
            ),
        ),
    ),
    Question(
        "four_outputs",
        "What are the four outputs?",
        (
            Choice(
                "6, 7, 11, 12",
                "These are the four cells under the box, one for each bin. How many cells are "
                "read along each axis, though, and how many of them does a bin get?",
            ),
            Choice(
                "9, 10, 14, 15",
                "The mean of each bin's four cells. The bins are right; what does step 3 take?",
            ),
            Choice(
                "12, 13, 17, 18",
                "Three cells per axis, bins of two that overlap in the middle one, the largest of "
                "each.",
                right=True,
            ),
        ),
    ),
    Question(
        "boxes_that_python_moves",
        "For how many of the 300 would the rounded box be another one with Python's `round`?",
        (
            Choice(
                "for none: to round is to round",
                "Try round(2.5) and round(3.5). Halves are rare in general; how rare are they "
                "among whole numbers, divided by 16?",
            ),
            Choice(
                "for one in a hundred",
                "A coordinate is a half with a chance of 1 in 16. How many coordinates has a box?",
            ),
            Choice(
                "for one in eight",
                "Four coordinates, each a half with a chance of 1 in 16, every second of which "
                "goes the other way.",
                right=True,
            ),
        ),
    ),
    Question(
        "bins_without_cells",
        "Which of the boxes has bins without cells?",
        (
            Choice(
                "10 cells in 4 bins",
                "There is more than enough to share out: each bin touches at least two cells. "
                "Does any cell go to two bins?",
            ),
            Choice(
                "2 cells in 7 bins",
                "There are fewer cells than bins. But a bin takes every cell that its share "
                "touches; can it touch none?",
            ),
            Choice(
                "the one that reaches beyond the map",
                "Its bins are laid out first, and those whose cells are all off the map get none.",
                right=True,
            ),
        ),
    ),
    Question(
        "cells_with_a_gradient",
        "How many of the 16 cells get a gradient, at most?",
        (
            Choice(
                "16, all of them",
                "A mean would send something to each. To which of its cells does a bin's output "
                "react if it is a maximum?",
            ),
            Choice(
                "9, one for each output",
                "Each output reacts to one cell; they are fewer where bins agree on the same one.",
                right=True,
            ),
            Choice(
                "4, since the bins overlap",
                "Overlapping bins may agree on a cell, but need not. The question is how many "
                "there can be at most.",
            ),
        ),
    ),
    Question(
        "changes_of_the_read_box",
        "The box slides 32 pixels to the right, pixel by pixel, at stride 16. How often does the "
        "box that is read change?",
        (
            Choice(
                "32 times, with every pixel",
                "That would be so if the box were read where it is. Which step comes before?",
            ),
            Choice(
                "2 times",
                "Every 16 pixels, right for one edge. Is the box that is read described by one "
                "edge?",
            ),
            Choice(
                "4 times",
                "Each of the two edges jumps every 16 pixels, at a moment of its own.",
                right=True,
            ),
        ),
    ),
    Question(
        "error_as_the_box_slides",
        "Between which two values does RoIPool's error swing?",
        (
            Choice(
                "between -8 and +8 pixels",
                "That is the rounding's share. What else is done to the box in step 1, and to the "
                "cells in step 3?",
            ),
            Choice(
                "between 0 and +16 pixels",
                "That is right for the same cells read with a mean. Go through the three steps "
                "once more: is a mean what step 3 takes?",
            ),
            Choice(
                "between +9 and +24 pixels",
                "Rounding, the + 1 and the maximum add up, and on this ramp two of them push to "
                "the right wherever the box lies.",
                right=True,
            ),
        ),
    ),
)
