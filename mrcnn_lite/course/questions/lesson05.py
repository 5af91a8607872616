"""Predictions of lesson 05, ResNet and ResNeXt."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "shapes_as_mean_colours",
        "As mean colours: what is the coarsest stride at which you can still tell the star from "
        "the ring and the circle?",
        (
            Choice(
                "32: one cell each, but of different colours",
                "The colours tell these three apart, but not their shapes. Would you know a green "
                "star from a green ring?",
            ),
            Choice(
                "16: 2 x 2 cells each",
                "Four numbers per colour for a shape. Look for the ring's hole and the star's "
                "arms in them.",
            ),
            Choice(
                "8: 4 x 4 cells each",
                "There the hole is one or two cells wide, and an arm about one. One more halving, "
                "and both are gone.",
                right=True,
            ),
        ),
    ),
    Question(
        "numbers_of_an_object",
        "An object of 32 x 32 pixels has 32 x 32 x 3 = 3072 numbers in the image. How many does it "
        "have on ResNet-50's C4, at stride 16?",
        (
            Choice(
                "4",
                "That is its number of cells. How many numbers does each cell hold?",
            ),
            Choice(
                "12",
                "That would be the mean colours of the picture above. C4 has other channels, and "
                "more of them, than red, green and blue.",
            ),
            Choice(
                "about 4000",
                "Few cells, but a long vector in each. Which of the two has become fewer, places "
                "or numbers?",
                right=True,
            ),
        ),
    ),
    Question(
        "field_of_c4",
        "Two neighbouring cells of ResNet-50's C4 stand 16 pixels apart. How wide is the patch of "
        "the image that each of them sees?",
        (
            Choice(
                "16 pixels",
                "Then the patches would lie side by side, as with a mean over 16 x 16. But a "
                "kernel of 3 x 3 also reads the cells next door.",
            ),
            Choice(
                "48 pixels",
                "That is a single 3 x 3 kernel at stride 16, on cells that see nothing but their "
                "own patch. How many such kernels are there on the way?",
            ),
            Choice(
                "more than 250 pixels",
                "The six blocks of C4 alone add 176 pixels.",
                right=True,
            ),
        ),
    ),
    Question(
        "half_of_the_influence",
        "A cell of mini's C4 sees 183 x 183 pixels. In a square around its middle lies half of all "
        "influence. What share of the field's area is that square?",
        (
            Choice(
                "about a half",
                "That would be so if all pixels counted alike. Through how many of the kernels' "
                "places does a pixel in the middle reach the cell, and one at the edge?",
            ),
            Choice(
                "about a quarter",
                "The middle does count more, and by more than that: with every layer the sums "
                "pile up in the middle, as the sum of many dice does.",
            ),
            Choice(
                "about a twentieth",
                "The influence looks like a bell, much narrower than the field that it may use.",
                right=True,
            ),
        ),
    ),
    Question(
        "deep_plain_network",
        "Without shortcuts: 2 blocks or 16 blocks, 100 steps of training each. Which one ends with "
        "the lower loss on the training data?",
        (
            Choice(
                "16 blocks: it has more parameters, and fits the training data better",
                "It could. Whether training finds what a network could do is another question.",
            ),
            Choice(
                "2 blocks, though 16 blocks could copy what they do",
                "And that is not overfitting, for it is the loss on the training data.",
                right=True,
            ),
            Choice(
                "they end with about the same loss",
                "The task is easy enough for both, that is true. But is the way to the solution "
                "equally easy?",
            ),
        ),
    ),
    Question(
        "plain_gradient",
        "20 blocks without shortcuts, with batch norm, not trained yet. How long is the gradient "
        "at the input of the first block, compared with the last one's?",
        (
            Choice(
                "much shorter: it vanishes on the way",
                "That happens in deep networks without batch norm, initialised carelessly. "
                "What does batch norm do to activations that have become small?",
            ),
            Choice(
                "about as long: that is what the initialisation is made for",
                "The initialisation keeps it for a convolution and a ReLU. Here batch norm stands "
                "in between, and 20 small deviations multiply.",
            ),
            Choice(
                "hundreds of times as long",
                "Each block stretches it by about the same factor, and factors multiply.",
                right=True,
            ),
        ),
    ),
    Question(
        "stage_of_the_parameters",
        "C5 is made by 3 of ResNet-50's 16 blocks. What is its share of the trunk's parameters, "
        "and of its multiplications?",
        (
            Choice(
                "about a fifth of both",
                "3 of 16 blocks, yes. But do the blocks of different stages have equally many "
                "channels?",
            ),
            Choice(
                "more than half of both",
                "Its channels are the most, and so are its parameters. But on how many cells is "
                "each of its kernels used?",
            ),
            Choice(
                "more than half of the parameters, a fifth of the multiplications",
                "Twice the channels: four times the parameters, on a quarter of the cells.",
                right=True,
            ),
        ),
    ),
    Question(
        "cost_of_resnext",
        "ResNeXt-50 32x4d against ResNet-50: parameters and multiplications?",
        (
            Choice(
                "about four times as many: twice the channels inside a block, both in and out",
                "Without groups the 3 x 3 convolutions would cost that. How many of its input "
                "channels does an output channel of theirs read?",
            ),
            Choice(
                "about a thirty-second: each group is that small",
                "A single group, yes. But there are 32 of them, and the 1 x 1 convolutions have no "
                "groups.",
            ),
            Choice(
                "the same, within a few per cent",
                "As intended: the width of the groups was chosen to make it so.",
                right=True,
            ),
        ),
    ),
    Question(
        "cost_of_dilation",
        "C5 with dilation instead of stride: 16 pixels a cell instead of 32. How do the last "
        "stage's parameters and multiplications change?",
        (
            Choice(
                "both become four times as many",
                "A kernel with gaps has as many weights as one without. What does it have more of?",
            ),
            Choice(
                "both stay: a kernel with gaps reads nine cells as before",
                "Per cell, that is right. How many cells are there now?",
            ),
            Choice(
                "the parameters stay, the multiplications become nearly four times as many",
                "The same kernels are used on twice as many rows of twice as many cells.",
                right=True,
            ),
        ),
    ),
)
