"""Predictions of lesson 06, FPN."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "what_and_where",
        "Compare C2 and C4. Which of them tells better what an object is (its class), and which "
        "where it ends (its pixels)?",
        (
            Choice(
                "C4 both: it is computed from C2, by many more layers",
                "More layers can make more of what they get. But is there still room in its cells "
                "to say which of 16 x 16 pixels belong to the object?",
            ),
            Choice(
                "C2 both: all that C4 knows comes from C2",
                "It does, from all of C2. Here the reader sees one place of a map only. How many "
                "pixels does a cell of C2 see?",
            ),
            Choice(
                "C4 what, C2 where",
                "Depth against resolution: the backbone trades the one for the other.",
                right=True,
            ),
        ),
    ),
    Question(
        "field_of_p2",
        "A cell of mini's C2 sees 15 pixels, one of C4 sees 183. How many does a cell of P2 see?",
        (
            Choice(
                "15: it has C2's stride",
                "Stride and receptive field are two things. From where do the terms of P2's sum "
                "come?",
            ),
            Choice(
                "23: C2's field, and one cell more on either side for the 3 x 3 convolution",
                "That is the lateral connection. What else is added up in P2?",
            ),
            Choice(
                "at least 183",
                "Through the sum it sees all that the cells of C4 above it see.",
                right=True,
            ),
        ),
    ),
    Question(
        "what_the_pyramid_tells",
        "Compare P2 with C2. Does it tell better or worse what an object is, and where it ends?",
        (
            Choice(
                "what better, where worse: the coarse maps blur it",
                "They come down in blocks, that is true. But the lateral map with C2's outlines is "
                "still in the sum, and the 3 x 3 convolution can use both.",
            ),
            Choice(
                "what as on C2, where as on C2: a sum cannot know more than its terms",
                "One of its terms is C4's. Does a cell of C2 have that?",
            ),
            Choice(
                "both better",
                "It knows what is there, and that tells an outline from a pattern.",
                right=True,
            ),
        ),
    ),
    Question(
        "level_of_a_flat_box",
        "With a canonical size of 224 on level 4: from which level is a box of 512 x 64 pixels "
        "read?",
        (
            Choice(
                "P5: it is more than twice as wide as the canonical size",
                "Its height is far below. The rule looks at neither side alone.",
            ),
            Choice(
                "P2: it is only 64 pixels high, and small things want fine cells",
                "One could build it so, and for flat boxes it might even help. The rule takes the "
                "root of the area.",
            ),
            Choice(
                "P3",
                "The root of its area is 181 pixels, which is below 224, and above 112.",
                right=True,
            ),
        ),
    ),
    Question(
        "anchors_on_p2",
        "Four levels, three anchors at every cell. Which share of all anchors stands on P2?",
        (
            Choice(
                "a quarter: one of four levels",
                "If the levels had equally many cells. How many has the next one?",
            ),
            Choice(
                "a half: every level has half of the one below",
                "Half as many along each axis.",
            ),
            Choice(
                "three quarters",
                "1 of 1 + 1/4 + 1/16 + 1/64.",
                right=True,
            ),
        ),
    ),
    Question(
        "cost_of_the_pyramid",
        "ResNet-50 on an image of 800 x 1344. How many multiplications does the pyramid add, "
        "compared with those of the backbone?",
        (
            Choice(
                "about a twentieth: it is eight layers against fifty",
                "Count what a layer costs, not how many there are: on how many cells do the "
                "pyramid's 3 x 3 convolutions work, and with how many channels?",
            ),
            Choice(
                "about 70 %",
                "A few layers, but with 256 channels on the finest maps.",
                right=True,
            ),
            Choice(
                "four times as many: it adds four levels",
                "The levels differ: from one to the next there are four times fewer cells.",
            ),
        ),
    ),
)
