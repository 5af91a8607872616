"""Predictions of lesson 02, RoIPool."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
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
                "Every 16 pixels, right for one edge. But a box has a left and a right edge; do "
                "they have to jump together?",
            ),
            Choice(
                "4 times",
                "Each of the two edges jumps every 16 pixels, at a moment of its own.",
                right=True,
            ),
        ),
    ),
)
