"""Predictions of lesson 07, RPN and Faster R-CNN."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "recall_of_regions",
        "Merging regions proposes some 850 boxes for each picture. Take all of them: what share of "
        "the objects has a proposal of IoU 0.5 or more?",
        (
            Choice(
                "all of them",
                "That would need every object to be one region at some moment. Look at the scenes: "
                "is each object of one colour, and in one piece?",
            ),
            Choice(
                "about nine in ten",
                "An object that is never a region by itself stays out, however long the list is.",
                right=True,
            ),
            Choice(
                "about one in two",
                "It starts from patches of 4 x 4 pixels, far smaller than an object; but they "
                "grow, and a plain shape on a dull background is easy to find.",
            ),
        ),
    ),
    Question(
        "anchor_of_the_first_cell",
        "The finest level has stride 4: its first cell, at the upper left, covers the pixels from "
        "(0, 0) to (4, 4). Where is the centre of its anchors?",
        (
            Choice(
                "at (2, 2)",
                "That is where the cell's value stands, as lesson 04 says, and it would be "
                "sensible. But the convention is older than that insight: read on and see.",
            ),
            Choice(
                "at (0, 0)",
                "The cell's corner. It is lesson 04's half cell once more, and as harmless as it "
                "was there: a constant that the network learns.",
                right=True,
            ),
            Choice(
                "at (8, 8), so that the anchor of 16 pixels lies in the picture",
                "Nothing keeps anchors in the picture: objects may be cut off by its border, too.",
            ),
        ),
    ),
    Question(
        "objects_without_an_anchor",
        "4,080 anchors on a picture of 128 x 128 pixels, and an object is matched by anchors of "
        "IoU 0.7 or more. What share of the objects has no such anchor?",
        (
            Choice(
                "next to none: there are so many",
                "There are many, but of four sizes and three shapes only, and they stand a quarter "
                "of their size apart. What is the IoU of a box with one that is 1.5 times as wide?",
            ),
            Choice(
                "about one in ten",
                "That would be a fine grid. Try a single object: what IoU is left if it is 20% "
                "wider than the nearest anchor, and 20% lower?",
            ),
            Choice(
                "more than half",
                "Size, shape and place are each a little off, and the three losses multiply. So a "
                "rule for these objects is not a detail.",
                right=True,
            ),
        ),
    ),
    Question(
        "offsets_by_level",
        "An anchor labelled as an object is not quite where its object is. How far apart along x, "
        "in pixels, are the two centres, for anchors of 16, of 32 and of 64 pixels (standard "
        "deviation)?",
        (
            Choice(
                "about the same for all three",
                "The finest anchors stand 4 pixels apart, those of 64 pixels stand 16 apart. Can "
                "both be equally near?",
            ),
            Choice(
                "twice as far for anchors twice as large",
                "Everything grows with the anchor: the distance to the next one, and the offset "
                "that the same IoU allows.",
                right=True,
            ),
            Choice(
                "less for the large ones, which cover more",
                "A large anchor covers more, and so it may be off by more and still match. Compare "
                "its stride with that of the finest, too.",
            ),
        ),
    ),
    Question(
        "half_and_double",
        "An anchor is 40 pixels wide. One object is 20 wide, another one 80. What is dw for each?",
        (
            Choice(
                "-20 and +40",
                "These are pixels. With an anchor of 80 pixels, 40 and 160 would then be other "
                "numbers, though the case is the same.",
            ),
            Choice(
                "-0.5 and +1",
                "That is the change divided by the anchor's size. Half and double are the same "
                "step in opposite directions; here they are not. And a -1.1 would be a box of "
                "negative width.",
            ),
            Choice(
                "-0.69 and +0.69",
                "The logarithm of the ratio: opposite steps get opposite numbers.",
                right=True,
            ),
        ),
    ),
    Question(
        "suppression_in_a_row",
        "Four boxes in a row. Each overlaps the next by an IoU of 0.61, and the next but one by "
        "0.38. Their scores fall from left to right, and the threshold is 0.5. How many are kept?",
        (
            Choice(
                "1: the first suppresses the second, that the third, and that the fourth",
                "Look at the rule: a box has to give way to one that is *kept*. Is the second?",
            ),
            Choice(
                "2",
                "A suppressed box suppresses nobody: the second is gone when the third's turn "
                "comes.",
                right=True,
            ),
            Choice(
                "4: they are four objects",
                "The algorithm knows no objects, only overlaps; the second overlaps the first by "
                "more than the threshold.",
            ),
        ),
    ),
    Question(
        "proposals_needed",
        "All 850 regions of a picture together cover 92% of the objects (IoU 0.5). How many of the "
        "RPN's proposals does it take to cover as many?",
        (
            Choice(
                "all 128, and even then it is less",
                "The RPN has been trained on scenes of this very kind, and regions that are no "
                "objects are what it has learnt to rank low.",
            ),
            Choice(
                "about 100",
                "There are three objects in a picture, on average. What would the 97 others be "
                "for, if the order is any good?",
            ),
            Choice(
                "about 10",
                "Three times as many as there are objects: the order is what has been learnt.",
                right=True,
            ),
        ),
    ),
    Question(
        "foreign_proposals",
        "The heads were trained on the RPN's proposals. Now they get the 50 best regions of each "
        "picture instead, boxes from a source that they have never seen. What happens to the "
        "number of objects found?",
        (
            Choice(
                "it falls to nearly nothing",
                "A head sees features of 7 x 7 bins and not where the box comes from. Does a good "
                "box look different when another source proposes it?",
            ),
            Choice(
                "it falls by about a tenth",
                "The heads take any box; what is missing are the objects that the source misses.",
                right=True,
            ),
            Choice(
                "it is the same",
                "The heads see no difference, true. Is there any between the two sets of "
                "boxes themselves? Look at how many objects each reaches.",
            ),
        ),
    ),
)
