"""Predictions of lesson 15, keypoints and what came next."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "hidden_or_unknown",
        "The square at the lower left: the picture ends before its lowest corner, and the cross "
        "lies over its right one. Which keypoints do the annotations call hidden (visibility 1)?",
        (
            Choice(
                "Both of them",
                "Neither can be seen. But of one of them you could point to a pixel of this "
                "picture; could you, of the other?",
            ),
            Choice(
                "The right one alone",
                "It has a pixel, the cross's. The lowest one has none: nothing is known of it, "
                "visibility 0.",
                right=True,
            ),
            Choice(
                "None: a mask holds only what can be seen, and so does an annotation",
                "Of masks that is so. A keypoint has a place of its own to be annotated at, "
                "whatever lies over it.",
            ),
        ),
    ),
    Question(
        "loss_of_knowing_nothing",
        "A branch has learnt one thing only: that a keypoint is rare. At every place it says "
        "1/3136. Its loss under one sigmoid for each place, compared with that of a branch that "
        "says 1/2 everywhere?",
        (
            Choice(
                "As large: it does not know where the keypoint is, either",
                "That is how it ought to be. But count: at how many of the 3,136 places is "
                '"almost surely not" the right answer?',
            ),
            Choice(
                "About half",
                "Half of what? Write down the loss of one place where the keypoint is not, for 1/2 "
                "and for 1/3136.",
            ),
            Choice(
                "Less than a hundredth",
                "Nearly all of the places ask for a no, and they get it. So hardly any loss is "
                "left to learn from, and the keypoint has not been found.",
                right=True,
            ),
        ),
    ),
    Question(
        "which_way_it_is_off",
        "Keypoints anywhere in a box of 112 pixels, 56 x 56 places. Each is put at x1 + column * 2 "
        "pixels, and the same down. How far off is that, on average over many keypoints?",
        (
            Choice(
                "Nothing on average: the errors cancel",
                "They would if they went both ways. Where in its place can a keypoint be, seen "
                "from the place's left edge?",
            ),
            Choice(
                "1 pixel to the left and 1 up",
                "A place is 2 pixels wide, and its keypoints lie 1 pixel beyond its left edge on "
                "average: half a place, the same for all.",
                right=True,
            ),
            Choice(
                "2 pixels to the left and 2 up",
                "Only a keypoint at its place's other edge is that far off.",
            ),
        ),
    ),
    Question(
        "two_maxima",
        "A square stands upright, so its two upper corners are equally high, and either may be "
        'called "top". A branch that answers with two numbers x and y, trained with the squared '
        "error, would say ...",
        (
            Choice(
                "one of the two corners",
                "It is paid by how far off it is, squared, and does not know which of the two it "
                "will be judged by. What number keeps that smallest on average?",
            ),
            Choice(
                "the middle of the upper edge",
                "The mean of both answers has the least squared error, and is neither. A map over "
                "places can hold both.",
                right=True,
            ),
            Choice(
                "somewhere outside the box",
                "No: both of its examples lie inside, and it learns something between them.",
            ),
        ),
    ),
    Question(
        "what_a_keypoint_loses",
        "mini learns masks and keypoints together, once read by RoIAlign and once by RoIPool. "
        "Which loses more with RoIPool, as a part of what it has with RoIAlign: mask AP or "
        "keypoint AP?",
        (
            Choice(
                "Mask AP: a mask has many pixels to get wrong",
                "And many to get right: of an object 40 pixels wide, shifted by 2, most pixels "
                "still overlap. What does a keypoint have left of 2 pixels' shift?",
            ),
            Choice(
                "Both the same: they read the same features",
                "They do, and the shift is the same. But AP asks IoU of one and OKS of the other: "
                "how fast does each fall?",
            ),
            Choice(
                "Keypoint AP",
                "On objects as small as these. A shifted mask still overlaps with most of itself, "
                "while a shifted keypoint is simply elsewhere.",
                right=True,
            ),
        ),
    ),
)
