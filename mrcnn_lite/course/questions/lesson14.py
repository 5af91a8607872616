"""Predictions of lesson 14, the misalignment lab."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "half_pixel_alone",
        "One of the four will show nothing but the half pixel, at all six edges. Which?",
        (
            Choice(
                "RoIPool",
                "It rounds the edges, and a bin of it takes the largest of its cells.",
            ),
            Choice(
                "RoIWarp",
                "There is no maximum in it, right. But which box does it interpolate in?",
            ),
            Choice(
                "RoIAlign, aligned=False",
                "It rounds nothing and takes no maximum; only where a value stands is wrong.",
                right=True,
            ),
            Choice(
                "RoIAlign, aligned=True",
                "This one lets a cell's value stand at the cell's centre. What is left to show?",
            ),
        ),
    ),
    Question(
        "most_shifted_left_edge",
        "RoIWarp, a box of 112 pixels, stride 16: at which left edges is its error largest?",
        (
            Choice(
                "0, 16, 32, ...",
                "Nothing is rounded there, so the half pixel stands alone. Can rounding add to it?",
            ),
            Choice(
                "8, 24, 40, ...",
                "x1 / 16 is a half there, and is rounded up by as much as is possible.",
                right=True,
            ),
            Choice(
                "7.5, 23.5, 39.5, ...",
                "Much is rounded there, but in which direction? And where does the half pixel go?",
            ),
            Choice(
                "it is the same everywhere",
                "A part of it is. Which cause depends on where the edge stands in its cell?",
            ),
        ),
    ),
    Question(
        "box_without_error",
        "For which of these boxes is RoIPool's error in the middle bin (almost) zero?",
        (
            Choice(
                "112 pixels from x1 = 64: whole cells, and a bin is as large as a cell",
                "RoIPool reads one cell more than the box has. How many cells do 7 bins share?",
            ),
            Choice(
                "96 pixels from x1 = 64: whole cells, and a bin takes a single one",
                "The maximum has no choice, and nothing is rounded. Which cause is still there?",
            ),
            Choice(
                "96 pixels from x1 = 71.9: a bin takes a single cell, and much is rounded",
                "What is rounded down cancels the half pixel, in this bin. What of the others?",
                right=True,
            ),
            Choice(
                "for none: three causes add up",
                "They do, with their signs. Has each of them always the same one?",
            ),
        ),
    ),
    Question(
        "cause_that_stays",
        "RoIPool, a box of 112 pixels, 7 bins. From stride 16 to 8 to 4 two causes halve each "
        "time. Which one stays?",
        (
            Choice(
                "the half pixel",
                "It is half a cell. How large is a cell in pixels of the image?",
            ),
            Choice(
                "the rounding",
                "An edge goes to the nearest cell border. How far is that at most, at each stride?",
            ),
            Choice(
                "the maximum",
                "The largest cell stands at the bin's far side, and a bin is 16 pixels at any "
                "stride.",
                right=True,
            ),
        ),
    ),
    Question(
        "object_moves_with_its_box",
        "Object and box move together by 8 pixels, half a cell. Does RoIAlign's feature change?",
        (
            Choice(
                "no: it rounds nothing",
                "So it reads the right place. Are the cells there what they were before?",
            ),
            Choice(
                "yes, but less than RoIPool's",
                "The cells themselves change; the place that is read does not jump.",
                right=True,
            ),
            Choice(
                "yes, as much as RoIPool's",
                "Both read the same changed cells, right. What comes on top for one of them?",
            ),
        ),
    ),
    Question(
        "side_of_the_mask",
        "Features are read 2 pixels too far right. Where will the mask be drawn?",
        (
            Choice(
                "2 pixels to the right of the object",
                "The head sees a view that has moved right. Where in it does the object stand?",
            ),
            Choice(
                "2 pixels to the left of the object",
                "What moves right sees the object further left, and draws it there.",
                right=True,
            ),
            Choice(
                "where the object is",
                "The mask is pasted into the true box. Does the head know that it saw another one?",
            ),
        ),
    ),
    Question(
        "curves_that_jump",
        "The box slides in steps of a quarter pixel. Which curves of the mask's IoU jump?",
        (
            Choice(
                "none: a quarter of a pixel is too little",
                "Section 2 had a step of half a pixel. What did it do to the box that was read?",
            ),
            Choice(
                "RoIPool's and RoIWarp's",
                "They round: a small step can move what is read by a whole cell.",
                right=True,
            ),
            Choice(
                "all but that of RoIAlign with aligned=True",
                "One of these three is off by the same at every place. Does such an error jump?",
            ),
        ),
    ),
    Question(
        "moved_back",
        "We move the masks back by 2 pixels along x and y. Which get (nearly) RoIAlign's IoU?",
        (
            Choice(
                "those of all three",
                "It would be so if each were off by the same at every box. Is it?",
            ),
            Choice(
                "those of aligned=False alone",
                "Its offset is the same for each box, so one move undoes it.",
                right=True,
            ),
            Choice(
                "none: what was read wrongly is lost",
                "What if exactly the right thing was read, but at a place 2 pixels off?",
            ),
        ),
    ),
)
