"""Predictions of lesson 01, instances and how they are measured."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "regions_of_two_rings",
        "In the semantic map, a class per pixel: how many connected regions of ring are there?",
        (
            Choice(
                "two, one for each ring",
                "That would be so if they stood apart. What does the map say where one lies over "
                "the other?",
            ),
            Choice(
                "three or more, since the ring in front cuts the other into pieces",
                "It does cut it. But of which class are the pixels that lie in the cut?",
            ),
            Choice(
                "a single one",
                "Ring beside ring is ring: nothing in the map says where one ends.",
                right=True,
            ),
        ),
    ),
    Question(
        "stricter_judge",
        "A ring and its prediction are the same, but for a shift of 5 pixels to the right. Which "
        "IoU falls more, that of the boxes or that of the masks?",
        (
            Choice(
                "that of the boxes",
                "A box counts the ring's hole and the corners around it as inside, and they still "
                "overlap after the shift. What about the ring's own band?",
            ),
            Choice(
                "that of the masks",
                "A band of 12 pixels that moves by 5 loses two fifths of its width.",
                right=True,
            ),
            Choice(
                "both fall alike, since the formula is the same",
                "The formula is, the areas are not. Compare what the shift takes away with what "
                "was there.",
            ),
        ),
    ),
    Question(
        "hole_of_a_ring",
        "Both outlines are handed over as the two polygons of one instance. What becomes of the "
        "hole?",
        (
            Choice(
                "it is cut out: the inner polygon counts as a hole",
                "Drawing programs do so. Why might COCO allow several polygons for one object? "
                "Think of a car behind a lamp post.",
            ),
            Choice(
                "it is filled",
                "The mask is the union of an instance's polygons, and the inner one lies in the "
                "outer.",
                right=True,
            ),
            Choice(
                "COCO refuses the annotation",
                "Both are proper polygons, and many instances have several. What are they for?",
            ),
        ),
    ),
    Question(
        "counts_of_two_bars",
        "Which of the two needs more counts?",
        (
            Choice(
                "neither: they have equally many pixels",
                "Pixels are not what makes counts; changes on the way are. Which way is it?",
            ),
            Choice(
                "the standing one, which is higher",
                "Go down the columns, as in the figure, and say how often you enter the bar.",
            ),
            Choice(
                "the lying one",
                "Each of its 20 columns enters and leaves the bar anew.",
                right=True,
            ),
        ),
    ),
    Question(
        "verdict_on_number_8",
        "Number 8 covers the big circle and the triangle together. What is it at IoU 0.5?",
        (
            Choice(
                "right: it covers most of the circle",
                "Its IoU with the circle does reach 0.5. Is that circle still free? Look who came "
                "before.",
            ),
            Choice(
                "a mistake",
                "It fits the circle well enough, but that was taken by number 1.",
                right=True,
            ),
            Choice(
                "ignored, since it is two objects at once",
                "Only one thing excuses a detection from counting. Is it in this picture?",
            ),
        ),
    ),
    Question(
        "judge_that_falls_faster",
        "The detections stay the same while the threshold rises from 0.5 to 0.95. Whose AP falls "
        "earlier, that of the boxes or that of the masks?",
        (
            Choice(
                "that of the boxes, which are the coarser judge",
                "Coarser is right. Which IoU is lower, then, for the same small shift?",
            ),
            Choice(
                "both alike, since they are the same detections",
                "The same detections, but each threshold asks for an IoU. Are the two IoUs of a "
                "detection the same?",
            ),
            Choice(
                "that of the masks",
                "A shift that a box hardly notices takes a mask below the threshold.",
                right=True,
            ),
        ),
    ),
    Question(
        "scores_divided",
        "Every score is divided by 100. What happens to AP?",
        (
            Choice(
                "it falls to a hundredth",
                "Look at the two formulas of precision and recall: where do scores stand in them?",
            ),
            Choice(
                "it stays as it is",
                "Only the order is read, and that is the same.",
                right=True,
            ),
            Choice(
                "it falls a little: low scores count less",
                "Nowhere was a score multiplied by anything. What was it used for?",
            ),
        ),
    ),
    Question(
        "without_the_last",
        "Number 12 has a score of 0.21, and the detector throws it away. What happens to AP?",
        (
            Choice(
                "it falls",
                "Number 12 was right, and with it goes the highest recall that was reached.",
                right=True,
            ),
            Choice(
                "it rises: the list is purer without unsure guesses",
                "The verdict on number 12 stands in the table above. What would you lose at the "
                "right end of the curve?",
            ),
            Choice(
                "it stays as it is",
                "It would if number 12 were wrong and last: no recall was read behind it. Was it "
                "wrong?",
            ),
        ),
    ),
    Question(
        "where_segments_fail",
        "On which shapes will segment-first fail?",
        (
            Choice(
                "on small ones",
                "A small shape of one colour is a clean segment. What makes an edge where an "
                "object does not end, or none where it does?",
            ),
            Choice(
                "on striped or checked ones, and where shapes touch",
                "Edges and objects are not the same there: a segment may be a piece, or a lump. "
                "Where the stripes hardly differ in colour, it may still be whole.",
                right=True,
            ),
            Choice(
                "on rings, because of their holes",
                "A hole is no trouble to a segment: it is a set of pixels of any form. What does "
                "the method look at when it merges?",
            ),
        ),
    ),
    Question(
        "runs_of_the_network",
        "The three partitions of segment-first have 40 + 11 + 4 = 55 segments. How much arithmetic "
        "does it need, compared with one run of Mask R-CNN?",
        (
            Choice(
                "about as much: small segments are cheap",
                "Every segment is enlarged to 128 x 128 pixels first, and goes through the whole "
                "backbone.",
            ),
            Choice(
                "55 times as much",
                "55 runs against one is true. Does the one run do only what each of the "
                "others does?",
            ),
            Choice(
                "some twenty times as much",
                "55 runs against one; but that one also proposes boxes, classifies a hundred "
                "of them and makes masks.",
                right=True,
            ),
        ),
    ),
)
