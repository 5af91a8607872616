"""Predictions of lesson 00, the tour of the model."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "outlines_in_the_maps",
        "C2, C3 and C4 have strides of 4, 8 and 16 pixels. In which of their pictures can you "
        "still trace the outlines of the shapes?",
        (
            Choice(
                "in C2",
                "The ring's band is about 15 pixels wide: some four cells in C2, one in C4.",
                right=True,
            ),
            Choice(
                "in C4, which knows most",
                "It knows most about what there is. But how many of its cells does a ring cover "
                "that is 60 pixels wide?",
            ),
            Choice(
                "in all three, each coarser than the one before",
                "That would be so if the maps were the picture, made smaller. They are what "
                "convolutions make of it; what might be kept, and what given up?",
            ),
        ),
    ),
    Question(
        "number_of_anchors",
        "Four levels of stride 4, 8, 16 and 32 over 128 x 128 pixels, three anchors per cell: how "
        "many anchors are there?",
        (
            Choice(
                "1,360",
                "That is how many cells the four maps have together. How many boxes stand at each?",
            ),
            Choice(
                "12,288",
                "You gave all levels as many cells as the finest one has. A map of twice the "
                "stride has half as many along each axis.",
            ),
            Choice(
                "4,080",
                "1,024 + 256 + 64 + 16 cells, three boxes each; most of them on the finest map.",
                right=True,
            ),
            Choice(
                "3,072",
                "That is the finest map alone. It has by far the most, but not all.",
            ),
        ),
    ),
    Question(
        "level_of_the_large_ring",
        "The large ring is about 60 pixels wide. The square anchors at strides 4, 8, 16, 32 are "
        "16, 32, 64 and 128 pixels wide. Which level will light up in the middle of the ring?",
        (
            Choice(
                "stride 4, which sees most detail",
                "Detail is not what is asked. A box of 16 pixels lies somewhere within the ring "
                "and fits nothing. What would it propose?",
            ),
            Choice(
                "stride 16",
                "Its anchors have about the ring's size, so one in the middle needs little change.",
                right=True,
            ),
            Choice(
                "all of them",
                "Every anchor is asked whether its own box would fit an object. Do boxes of such "
                "different sizes all fit the same ring?",
            ),
        ),
    ),
    Question(
        "refined_box",
        "The proposal and its object have an IoU of about 0.7. The box branch refines it. What is "
        "the IoU then?",
        (
            Choice(
                "exactly 1",
                "The branch sees 7 x 7 bins of features, and says four numbers. Would you hit "
                "every edge to the pixel with that?",
            ),
            Choice(
                "0.7, as before",
                "Then the branch would answer 0 four times. What was it trained for?",
            ),
            Choice(
                "somewhat higher",
                "It was trained to move proposals towards their objects, and mostly does.",
                right=True,
            ),
        ),
    ),
    Question(
        "masks_of_the_other_classes",
        "Below are the masks of all six classes for one detection of a ring. What do those of the "
        "five other classes look like?",
        (
            Choice(
                "black: it is no star, so there is no star's mask",
                "That would answer whether it is a star. Which question does the mask branch "
                "answer, and who answers that one?",
            ),
            Choice(
                "like some mask, too, each in its own way",
                "Each was asked which pixels belong to the object if it were one of its own.",
                right=True,
            ),
            Choice(
                "all six are the same",
                "Each class has weights of its own in the last layer. What would make them agree?",
            ),
        ),
    ),
    Question(
        "by_hand_or_at_once",
        "Is our result the same as that of `model([image])`?",
        (
            Choice(
                "nearly, but for rounding",
                "Rounding differs where the arithmetic is done in another order. Is it?",
            ),
            Choice(
                "the same, to the last bit",
                "The model calls the same functions with the same numbers.",
                right=True,
            ),
            Choice(
                "no, something in it is drawn by chance",
                "Training draws by chance which proposals to learn from. Is anything drawn when "
                "the model only looks?",
            ),
        ),
    ),
)
