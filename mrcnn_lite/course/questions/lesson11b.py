"""Predictions of lesson 11b, From shapes to people."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "neighbours_held_out",
        "Pictures of one place follow each other. You hold out every third picture, and measure AP "
        "there. Is that AP right for street pictures that nobody has seen?",
        (
            Choice(
                "Yes: no held-out picture was trained on",
                "Not that picture. But the ones before and after it were, and what do they show?",
            ),
            Choice(
                "No, it is too high",
                "The same place, and often the same people, are in the training pictures. What the "
                "model knows by heart counts as found.",
                right=True,
            ),
            Choice(
                "No, it is too low",
                "Fewer pictures to train on make a worse model; but that holds for any split of "
                "this size. What is special about neighbours?",
            ),
        ),
    ),
    Question(
        "start_from_shapes",
        "Two models see the same 120 photographs for 300 steps. One starts from random weights, "
        "the other from a model that knows six drawn shapes. Which outlines people better?",
        (
            Choice(
                "The one from random weights: it has nothing to unlearn",
                "What would have to be unlearnt? Only the layers with an output per class know "
                "that there are stars and crosses, and those start anew in both.",
            ),
            Choice(
                "They are the same: flat shapes have nothing in common with people",
                "Their colours and outlines have not. But think of what the RPN, the boxes' "
                "refinement and the mask branch do. Which of it depends on what is drawn?",
            ),
            Choice(
                "The one from shapes",
                "What was learnt on shapes (edges, boxes or masks: these runs do not say which) is "
                "useful for people, and 300 steps are too few to find it again.",
                right=True,
            ),
        ),
    ),
    Question(
        "gain_on_people",
        "On shapes that are read from a map of stride 16 (2 x 2 cells large), mask AP with "
        "RoIAlign is more than twice that with RoIPool. What do you expect for these people, each "
        "as large as some 8 x 8 cells?",
        (
            Choice(
                "As much: a RoI's edges are rounded by up to half a cell, here as there",
                "By half a cell at most, yes. But half a cell of how many?",
            ),
            Choice(
                "A gain, but a much smaller one",
                "The same half cell is a quarter of a shape of two cells, and a sixteenth of a "
                "person of eight.",
                right=True,
            ),
            Choice(
                "None: whoever trains on photographs gets used to the rounding",
                "A network can get used to a shift that is always the same. This one differs from "
                "box to box, and no branch is told by how much.",
            ),
        ),
    ),
    Question(
        "pool_without_training",
        "A model has learnt with RoIAlign. You put RoIPool in its place, and train nothing. What "
        "becomes of the masks?",
        (
            Choice(
                "An error: the weights are those of another operation",
                "Neither operation has weights, and both give 14 x 14 bins of as many channels.",
            ),
            Choice(
                "Next to nothing: both read the same features",
                "They read the same map. But do they read it at the same place, and is a maximum "
                "as large as a mean?",
            ),
            Choice(
                "They become much worse than those of a model that learnt with RoIPool",
                "The box's edges are off by up to half a cell, the far ones by up to one and a "
                "half, and maxima are larger than the means that the branches know. With RoIPool "
                "from the beginning they could at least get used to the latter.",
                right=True,
            ),
        ),
    ),
)
