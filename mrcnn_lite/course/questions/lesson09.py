"""Predictions of lesson 09, the decoupled mask loss."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "pixel_of_another_object",
        "In the RoI of the ring, at a pixel where the cross lies in front of it: what should the "
        "mask branch answer?",
        (
            Choice(
                '"cross"',
                "That is what a semantic segmentation would say of the pixel. But this RoI was cut "
                "out because of one object; which question is asked about it?",
            ),
            Choice(
                '"no"',
                "The RoI stands for one object, and the pixel is not that object's. What else is "
                "there is the business of other RoIs.",
                right=True,
            ),
            Choice(
                '"ring", since the ring goes on behind the cross',
                "A mask holds only the pixels that can be seen: those that the cross hides are the "
                "cross's.",
            ),
        ),
    ),
    Question(
        "maps_with_a_gradient",
        "The mask branch gives the ring's RoI 7 maps of logits, one for each class and one for the "
        "background. How many of them get a gradient, from the sigmoid's loss and from the "
        "softmax's?",
        (
            Choice(
                "1 and 1",
                "For the sigmoid yes. But write down the softmax's denominator: whose logits are "
                "in it?",
            ),
            Choice(
                "1 and 7",
                "The sigmoid's loss reads one map. The softmax divides by the sum over all 7, so "
                "whoever pulls at one pulls at all.",
                right=True,
            ),
            Choice(
                "7 and 7",
                "Look at the sigmoid's formula again: which k does it have?",
            ),
        ),
    ),
    Question(
        "raised_rival",
        "We add 4 to every logit of the circle's map and leave the ring's as it is. What becomes "
        "of the ring's mask (probability above one half)?",
        (
            Choice(
                "Nothing, with either",
                "Then the classes would not compete in either. What stands in the softmax's "
                "denominator?",
            ),
            Choice(
                "It shrinks with both",
                "For that the circle's logits would have to be part of the ring's probability. Are "
                "they, in both formulas?",
            ),
            Choice(
                "Nothing with the sigmoid; with the softmax it shrinks",
                "Under the softmax the classes share one unit of probability at each pixel.",
                right=True,
            ),
        ),
    ),
    Question(
        "what_the_softmax_knows",
        "A mask branch trained with the softmax gives poor masks in the experiment above. What "
        "does it not know?",
        (
            Choice(
                "Where the object is",
                "Plausible, but it can be tested: forget which class it is, and take every pixel "
                "at which all six together are likelier than the background. Section 8 does it.",
            ),
            Choice(
                "Which class it is",
                "It spreads its probability over several classes, and the true one seldom gets "
                "beyond one half.",
                right=True,
            ),
            Choice(
                "How wide the border is",
                "Then its masks would be a little too large or too small. Look at how small "
                "the IoU is.",
            ),
        ),
    ),
)
