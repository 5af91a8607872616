"""Predictions of lesson 08, heads."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "deltas_of_another_class",
        "A proposal holds a circle, with an IoU of 0.63. Refine it with the deltas of another "
        "class, say of the star. What becomes of the IoU, on average?",
        (
            Choice(
                "it falls: those deltas are noise, since no circle has ever trained them",
                "No circle has. But stars have, and they were seen through the same hidden layer. "
                "Does an edge on the left look different for a star?",
            ),
            Choice(
                "it rises, but less than with the deltas of the circle",
                "What all classes have in common is learnt from all of them; what is the class's "
                "own, only from its own.",
                right=True,
            ),
            Choice(
                "it rises as much as with the deltas of the circle",
                "Then a box for each class would be a waste. The thin points of a star reach "
                "farther out than its body, and a circle has none: the two need different deltas.",
            ),
        ),
    ),
    Question(
        "cost_of_mask_heads",
        "A mask head of four convolutions, and one of fully connected layers with 1,024 numbers "
        "between them: which one costs more?",
        (
            Choice(
                "the convolutions, in parameters and in multiply-adds",
                "A 3 x 3 convolution from 256 to 256 channels has 590 thousand weights. And a "
                "layer from 1,024 numbers to 81 masks of 28 x 28?",
            ),
            Choice(
                "the fully connected layers, in parameters and in multiply-adds",
                "They use each weight once. How often does a convolution use each of its own?",
            ),
            Choice(
                "the fully connected layers in parameters, the convolutions in multiply-adds",
                "A weight for each pair of numbers, used once, against few weights that are used "
                "at every cell.",
                right=True,
            ),
        ),
    ),
    Question(
        "quick_heads",
        "Both heads learn for 100 steps, from some 600 RoIs of six classes of shapes. Whose masks "
        "are better then?",
        (
            Choice(
                "the FCN's, by a lot: it is what the paper recommends",
                "The paper trains for 160,000 steps, on photographs of 80 classes. What could be "
                "quicker to learn in 100 steps: an outline that is computed from place to place, "
                "or a template?",
            ),
            Choice(
                "about the same: 100 steps are not enough for either",
                "Both get far beyond a blank mask in that time. But they do not get there by the "
                "same way: what has each of them to find out?",
            ),
            Choice(
                "the MLP's",
                "Six templates are soon learnt. Keep in mind what kind of data that is true of.",
                right=True,
            ),
        ),
    ),
    Question(
        "shifted_features",
        "The features of a RoI are shifted by one bin to the right. What do the masks do, away "
        "from the border?",
        (
            Choice(
                "both heads' masks move by exactly two cells",
                "For one of the heads that is a law. The other one has separate weights for each "
                "place, and nothing tells it that the places are neighbours.",
            ),
            Choice(
                "the FCN's moves by exactly two cells, the MLP's only roughly or not at all",
                "A convolution does the same everywhere. What an MLP should do for each shift, it "
                "has to learn, shift by shift.",
                right=True,
            ),
            Choice(
                "neither moves exactly: both have only been trained on centred objects",
                "True of the training. But is there anything in a convolution that could know "
                "where in the RoI it is?",
            ),
        ),
    ),
    Question(
        "reach_of_the_mask_loss",
        "Which parts does the mask loss train?",
        (
            Choice(
                "the mask branch, and the layers of the class and the box",
                "Follow the mask from its features to the loss: on the way, does it pass any layer "
                "of the box branch?",
            ),
            Choice(
                "the mask branch alone",
                "Its input is the RoI's features. Does the gradient end there?",
            ),
            Choice(
                "the mask branch, and the features below it",
                "And the same features serve the other branch: only there do the two meet.",
                right=True,
            ),
        ),
    ),
    Question(
        "masks_of_refined_boxes",
        "The mask branch was trained on proposals. Let it read the refined boxes instead. What "
        "happens to the IoU of its masks with the objects?",
        (
            Choice(
                "it falls, because the branch has not been trained on such boxes",
                "It has been trained on proposals of IoU 0.5 and more, good ones among them. Is a "
                "box that fits better something new?",
            ),
            Choice(
                "it stays the same: the mask branch sees the pixels anyway",
                "It sees the pixels in the box, and what lies outside the box no mask can reach.",
            ),
            Choice(
                "it rises",
                "A better box leaves less of the object outside, and spends its 28 x 28 cells on "
                "the object.",
                right=True,
            ),
        ),
    ),
    Question(
        "share_of_the_heads",
        "R50-C4, an image of 800 x 1216 pixels, 300 proposals. What share of its multiply-adds is "
        "in the heads?",
        (
            Choice(
                "about a tenth",
                "Three blocks of a ResNet, 810 million for a RoI: what does that make for all 300?",
            ),
            Choice(
                "about a third",
                "The whole trunk up to C4 takes some 64 billion, and the RPN 36. Do the same for "
                "the heads, with the number in the picture.",
            ),
            Choice(
                "about three quarters",
                "A RoI costs an eightieth of what the trunk costs for the image; but there are 300 "
                "of them, and then 100 once more.",
                right=True,
            ),
        ),
    ),
)
