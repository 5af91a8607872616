"""Predictions of lesson 03, RoIWarp."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "value_between_the_cells",
        "The row 3, 7, 4, 8, 6: what does `bilinear` give at x = 2.25?",
        (
            Choice(
                "4",
                "That is the whole cell in which 2.25 lies. Is 2.25 that cell's centre?",
            ),
            Choice(
                "5",
                "You went a quarter of the way from 4 to 8. That would do if the value of cell j "
                "stood at j. Where does it stand?",
            ),
            Choice(
                "4.75",
                "2.25 lies between the centres 1.5 and 2.5, three quarters of the way from 7 to 4.",
                right=True,
            ),
        ),
    ),
    Question(
        "first_output_of_roi_warp",
        "What is RoIWarp's first output?",
        (
            Choice(
                "12",
                "That is RoIPool's: the largest of four whole cells. What does RoIWarp do with "
                "its samples?",
            ),
            Choice(
                "9",
                "The mean of the whole cells 6, 7, 11, 12, so of RoIPool's bin. How far does an "
                "equal part of 3 cells reach?",
            ),
            Choice(
                "7.5",
                "The bin reaches from 1 to 2.5 along both axes; in its middle the map is 7.5.",
                right=True,
            ),
        ),
    ),
    Question(
        "sum_of_the_weights",
        "What do the weights of all cells of one RoIWarp bin add up to?",
        (
            Choice(
                "to 1, for every bin on the map",
                "The four weights of a sample do, and a mean of samples keeps that.",
                right=True,
            ),
            Choice(
                "to the number of its samples",
                "Each sample brings weights that add up to one. What is done with the samples at "
                "the end?",
            ),
            Choice(
                "it depends on the features",
                "The output does. But a weight says how much of a cell is read; what does it need "
                "to know for that?",
            ),
        ),
    ),
    Question(
        "interpolated_sawtooth",
        "RoIPool's error swung between +9 and +24. What does interpolation make of the sawtooth?",
        (
            Choice(
                "it is gone: the error is 0",
                "Interpolation reads more finely. But which box does it read?",
            ),
            Choice(
                "it is smaller: the steps are rounded off",
                "Interpolation smooths the steps between cells. Is it those steps that made the "
                "teeth of lesson 02?",
            ),
            Choice(
                "it is as large as before, only lower",
                "The maximum's share is gone, since a mean is taken. The box jumps as before.",
                right=True,
            ),
            Choice(
                "it stays as it is",
                "Lesson 02 took three parts of the error apart. Go through them: does RoIWarp do "
                "what causes each?",
            ),
        ),
    ),
    Question(
        "derivative_of_roi_warp",
        "What is the derivative of RoIWarp's output with respect to the shift?",
        (
            Choice(
                "the slope of the features where the samples are",
                "It would be, if moving the box moved the samples. What stands between x1 and "
                "them?",
            ),
            Choice(
                "zero, nearly everywhere",
                "A small shift is rounded away, and nothing changes.",
                right=True,
            ),
            Choice(
                "infinite, because it jumps",
                "There are jumps. What is the derivative at all the places between two of them?",
            ),
        ),
    ),
    Question(
        "error_without_a_swing",
        "Which of them has an error that does not depend on where the box is?",
        (
            Choice(
                "RoIWarp with a mean",
                "A mean takes the maximum's share away. Which share depends on the place of the "
                "box?",
            ),
            Choice(
                "MNC's code",
                "It interpolates, and its backward pass behaves as if nothing were rounded. What "
                "does the table say of its forward pass?",
            ),
            Choice(
                "MNC's paper",
                "It is the only one that does not round the box.",
                right=True,
            ),
            Choice(
                "none: all of them read a coarse map",
                "A coarse map alone does no harm: on a ramp interpolation is exact. What else "
                "could make an error change from place to place?",
            ),
        ),
    ),
)
