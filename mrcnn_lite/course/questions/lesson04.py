"""Predictions of lesson 04, RoIAlign."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "edge_that_is_off_most",
        "Which edge of the box that RoIPool reads is off by the most pixels?",
        (
            Choice(
                "the left one, x = 122",
                "122/16 = 7.6 becomes 8: off by 6. Which edges are moved by the + 1 as well?",
            ),
            Choice(
                "the upper one, y = 19",
                "19/16 = 1.2 becomes 1: off by 3 only.",
            ),
            Choice(
                "the right one, x = 211",
                "211/16 = 13.2 becomes 13, and that cell is counted in: off by 13. Compute the "
                "last of the four.",
            ),
            Choice(
                "the lower one, y = 107",
                "107/16 = 6.7 becomes 7, that cell is counted in, and it ends at 128: off by 21.",
                right=True,
            ),
        ),
    ),
    Question(
        "reading_without_aligned",
        "With `aligned=True` the bins should read 6, 7, 11, 12. What do they read with "
        "`aligned=False`?",
        (
            Choice(
                "the same: the box lies on whole cells",
                "It does. But the middle of the first bin is (1.5, 1.5). If values stood at whole "
                "numbers, which cells would be around it?",
            ),
            Choice(
                "9, 10, 14, 15",
                "The middle of the bin is taken for the corner where four cells meet: the mean of "
                "6, 7, 11 and 12 is 9.",
                right=True,
            ),
            Choice(
                "12, 13, 17, 18",
                "That is RoIPool's answer in lesson 02, which takes the largest. Here the cells "
                "around a point are averaged.",
            ),
        ),
    ),
    Question(
        "cells_of_one_sample",
        "A bin of 4 x 4 cells with a single sample, in its middle: how many of the 16 cells have "
        "any weight?",
        (
            Choice(
                "one",
                "That would be so if a sample took the nearest cell. What does it do instead?",
            ),
            Choice(
                "four",
                "A sample reads the cells around it, and the bin's other twelve are not looked at.",
                right=True,
            ),
            Choice(
                "all sixteen: the sample stands for the bin",
                "It stands for it, but does it look at it? How far does interpolation reach?",
            ),
        ),
    ),
    Question(
        "largest_column",
        "Each column of A belongs to a cell of the map. Where are the sums of the columns largest?",
        (
            Choice(
                "at cells inside the box",
                "Such a cell is read in full, by one bin or shared by several.",
                right=True,
            ),
            Choice(
                "at the corners of the box",
                "A corner's cell lies partly outside, and only one bin comes near it.",
            ),
            Choice(
                "everywhere the same, since each row adds up to 1",
                "The rows are the bins. Does any bin read a cell at the other end of the map?",
            ),
        ),
    ),
    Question(
        "who_finds_the_star",
        "Will the box find the star with RoIAlign? With RoIWarp?",
        (
            Choice(
                "with both: both interpolate",
                "Both do. But remember lesson 03's derivative of RoIWarp with respect to the box.",
            ),
            Choice(
                "with RoIAlign only",
                "Its features change with every small step of the box, so there is a slope.",
                right=True,
            ),
            Choice(
                "with neither: 24 pixels are too far",
                "The two boxes overlap for the most part, so the samples see the star. What else "
                "does gradient descent need?",
            ),
        ),
    ),
    Question(
        "ramp_without_aligned",
        "The centre of the middle bin is at 120, and RoIPool reads 136. What does RoIAlign read "
        "with `aligned=False`?",
        (
            Choice(
                "120",
                "With `aligned=True` it reads 120. How much is half a cell, in pixels of the "
                "image?",
            ),
            Choice(
                "128",
                "Half a cell too far, 8 pixels; nothing is rounded, and there is no maximum.",
                right=True,
            ),
            Choice(
                "136, like RoIPool",
                "RoIPool takes the largest of its cells. Which part of its error comes from that?",
            ),
        ),
    ),
    Question(
        "cause_that_grows",
        "Which of RoIPool's causes grows at every step from stride 8 to 16 to 32?",
        (
            Choice(
                "the rounding",
                "A box is more and more changed by whole cells, the fewer cells it has.",
                right=True,
            ),
            Choice(
                "the maximum",
                "How many cells does a bin hold at stride 8, and how many at stride 32? The "
                "maximum of a single number is that number.",
            ),
            Choice(
                "none: in cells all three are the same",
                "Count how many cells an object has at each stride. Is a whole cell more or less "
                "still the same to it?",
            ),
        ),
    ),
    Question(
        "apparent_shift_of_roi_pool",
        "On the ramp RoIPool read 8 pixels further than its box lies, because of the maximum. "
        "Does it seem to do so on pictures, too?",
        (
            Choice(
                "yes: a maximum is a maximum",
                "On the ramp the largest cell of a bin is always the right one. Which one is it "
                "in a picture?",
            ),
            Choice(
                "no: it seems to read where its box lies, more or less",
                "Bright cells are as often left as right of the middle.",
                right=True,
            ),
            Choice(
                "no: it seems to read nearer to the true box",
                "Something would have to undo the half pixel and the rounding. What could?",
            ),
        ),
    ),
    Question(
        "back_where_it_started",
        "The image moves by one pixel at a time, stride 16. When are the features of the object "
        "exactly as at the start, with every operation?",
        (
            Choice(
                "never: the picture has moved",
                "The box has moved with it. When do the cells lie on the object as they did at "
                "first?",
            ),
            Choice(
                "after 8 steps",
                "That is half a cell. Which pixels does a cell average then, compared with the "
                "start?",
            ),
            Choice(
                "after 16 steps",
                "Then each cell has exactly the pixels that its left neighbour had.",
                right=True,
            ),
        ),
    ),
    Question(
        "crop_and_resize",
        "Which of these three is NOT the same as RoIAlign with the same samples?",
        (
            Choice(
                "F.interpolate of a slice, the box on whole cells, a bin of a cell or more",
                "Nothing needs rounding here. Do any of RoIAlign's samples come so near the edge "
                "of the box that they read a cell beyond it?",
            ),
            Choice(
                "F.interpolate of a slice, the box on whole cells, a bin smaller than a cell",
                "The outermost samples are nearer to the edge than half a cell: RoIAlign reads "
                "the neighbours there, and the slice has none.",
                right=True,
            ),
            Choice(
                "F.grid_sample at RoIAlign's sample points, averaged, the box between the cells",
                "It reads the map itself, wherever it is told to. What else does RoIAlign do?",
            ),
        ),
    ),
    Question(
        "where_it_gains_most",
        "Where is the gain of RoIAlign over RoIPool largest?",
        (
            Choice(
                "at stride 16, in AP50",
                "By how many pixels does rounding move an edge at most, at either stride? And "
                "which of the two thresholds notices a few pixels?",
            ),
            Choice(
                "at stride 16, in AP75",
                "The threshold is well chosen. By how many pixels does rounding move an edge at "
                "either stride?",
            ),
            Choice(
                "at stride 32, in AP50",
                "The stride is well chosen. Which of the two thresholds notices a shift by a few "
                "pixels?",
            ),
            Choice(
                "at stride 32, in AP75",
                "Rounding costs up to 16 pixels there, and only a close fit counts.",
                right=True,
            ),
        ),
    ),
)
