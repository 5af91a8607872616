"""Predictions of lesson 12, the paper's tables in miniature."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "twice_the_deviation",
        "Somebody trains each row with three seeds and writes the mean difference plus or minus "
        "1.96 standard deviations of the mean, a 95 % interval for those who know the deviation. "
        "In how many of 100 tables does it hold the truth?",
        (
            Choice(
                "95: that is what the 1.96 is for",
                "It would be, if the deviation were known. It is an estimate from three numbers; "
                "what if these three happen to lie close together?",
            ),
            Choice(
                "About 80",
                "The deviation is often far too small by chance, and the interval with it.",
                right=True,
            ),
            Choice(
                "More than 95: three seeds are cautious",
                "Few seeds do make the interval wider, since the deviation is divided by the root "
                "of 3 only. But it is itself only guessed.",
            ),
        ),
    ),
    Question(
        "order_of_operations",
        "Five rows: RoIPool with the maximum, RoIWarp and RoIAlign each with the maximum and with "
        "the mean. RoIPool and RoIWarp round the RoI, RoIWarp and RoIAlign interpolate. In which "
        "order do you expect their mask AP?",
        (
            Choice(
                "RoIPool < RoIWarp < RoIAlign, with equal steps",
                "So each of two improvements would bring its part: interpolation, and not "
                "rounding. Is interpolation worth anything at a place that is wrong?",
            ),
            Choice(
                "RoIPool and RoIWarp alike, RoIAlign well above them",
                "Then the rounding is what costs, however the cells are read afterwards.",
                right=True,
            ),
            Choice(
                "RoIPool < RoIWarp and RoIAlign, which are alike",
                "So interpolation would be what matters. Think of lesson 03: at which places "
                "does RoIWarp interpolate?",
            ),
            Choice(
                "The mean above the maximum, whatever the operation",
                "A maximum has its own bias (lesson 04). But how large is it beside a shift of "
                "half a cell?",
            ),
        ),
    ),
    Question(
        "gain_by_size",
        "For which objects is the relative gain of RoIAlign over RoIPool larger, small or "
        "medium ones?",
        (
            Choice(
                "Small ones",
                "A shift of half a cell is a larger part of them.",
                right=True,
            ),
            Choice(
                "Medium ones: they have the finer masks",
                "Their masks have more pixels. But what part of them does a shift by half a cell "
                "move out of place?",
            ),
            Choice(
                "Both alike: the rounding is the same",
                "It is, in cells. What does IoU measure it against?",
            ),
        ),
    ),
    Question(
        "swapped_operation",
        "A model that was trained with RoIPool is given the true boxes and reads them with "
        "RoIAlign instead, without any training. What becomes of its masks?",
        (
            Choice(
                "They get better: RoIAlign reads the right place",
                "It does. Which place has the mask branch learnt to expect?",
            ),
            Choice(
                "They get worse",
                "The network has learnt to make up for what RoIPool does on average, and goes on "
                "doing it.",
                right=True,
            ),
            Choice(
                "They stay as they are: the features are the same",
                "The map is, but what is read from it moves by up to a cell. Is that little, for "
                "objects of two cells?",
            ),
        ),
    ),
    Question(
        "gain_by_stride",
        "In the paper RoIAlign gains 13 % of mask AP at stride 16 and 31 % at stride 32. Here the "
        "stride is doubled and the shapes are, too. Which gain do you expect at stride 32?",
        (
            Choice(
                "A much larger one than at stride 16, as in the paper",
                "In the paper the photographs stay the same, so that objects become fewer cells "
                "wide. Here?",
            ),
            Choice(
                "A similarly large one",
                "The rounding is half a cell at most, and the shapes are as many cells wide as "
                "before.",
                right=True,
            ),
            Choice(
                "A much smaller one: large shapes are easier",
                "They have more pixels. How many cells do they have?",
            ),
        ),
    ),
    Question(
        "equally_many_cells",
        "A small object read from a fine map and a large one read from a coarse map cover equally "
        "many cells, two. For which of them does RoIAlign gain more, relatively?",
        (
            Choice(
                "The small one: its mask has fewer pixels",
                "It has. But does the rounding know pixels, or cells?",
            ),
            Choice(
                "The large one: on a coarse map the rounding is larger",
                "In pixels it is. What part of the object is that?",
            ),
            Choice(
                "Both gain about as much",
                "Seen from the rounding, which moves an edge by half a cell at most, both are of "
                "one size.",
                right=True,
            ),
        ),
    ),
    Question(
        "softmax_or_sigmoid",
        "With five seeds each: which mask loss comes out ahead, and how surely?",
        (
            Choice(
                "The sigmoid, by more than the spread",
                "That is the paper's result. Is it clear after so short a training, too?",
                right=True,
            ),
            Choice(
                "The softmax, by more than the spread",
                "It has to learn more, what as well as where. That could be a help as well as a "
                "burden.",
            ),
            Choice(
                "Nobody can tell: the interval includes zero",
                "With five seeds an interval is 1.2 deviations to either side. Look at how far "
                "the rows of table 2c spread.",
            ),
        ),
    ),
    Question(
        "mlp_or_fcn",
        "With three seeds each: which head predicts the better masks?",
        (
            Choice(
                "The FCN, as in the paper",
                "Rows and columns need not be learnt anew, and its weights serve every pixel. How "
                "much does that help with six simple shapes?",
            ),
            Choice(
                "The MLP: every pixel sees the whole RoI",
                "It does, through a vector of 256 numbers. Whether that is enough to be ahead of "
                "the FCN, and surely so, is what the interval says.",
            ),
            Choice(
                "Nobody can tell: the intervals include zero",
                "Six simple shapes are easily held in a vector, and three seeds leave a wide "
                "interval.",
                right=True,
            ),
        ),
    ),
    Question(
        "pyramid_or_single_map",
        "What brings more here: a pyramid instead of a single map of stride 16, or ResNeXt instead "
        "of ResNet? (In the paper both bring something.)",
        (
            Choice(
                "The pyramid",
                "Its finest map has cells of 4 pixels, and most shapes are small.",
                right=True,
            ),
            Choice(
                "ResNeXt",
                "More groups at the same cost serve to tell many things apart. How many classes "
                "does Shapes have?",
            ),
            Choice(
                "Both alike",
                "In the paper one brings 3.3 points, the other 1.3. What differs "
                "between photographs at 800 pixels and shapes of two cells?",
            ),
        ),
    ),
    Question(
        "masks_help_boxes",
        "The same pyramid is trained with and without its mask branch. Box AP with masks is ...",
        (
            Choice(
                "higher, by more than the spread",
                "Masks teach the shared features where things end. The paper finds about a point.",
            ),
            Choice(
                "lower: the branches share the features, and the masks take their part",
                "They share the gradient, too, of an additional task. Whether that is a cost or a "
                "help is what the experiment asks.",
            ),
            Choice(
                "such that nobody can tell",
                "The paper's difference is 0.9 points of 37. How narrow is an interval of three "
                "seeds?",
                right=True,
            ),
        ),
    ),
    Question(
        "fcis_in_crowds",
        "Mask R-CNN and FCIS on crowded scenes: for which instances is Mask R-CNN ahead by the "
        "most points of mask AP?",
        (
            Choice(
                "For those that no other one overlaps",
                "There is the most AP to differ by. Whether the lead grows in proportion is "
                "another question; look at the interval.",
                right=True,
            ),
            Choice(
                "For those that overlap most",
                "There FCIS has it hardest, as the paper's pictures show. But how much AP does "
                "anybody have there?",
            ),
            Choice(
                "For all alike",
                "Then overlap would cost both methods the same number of points. Both fall; from "
                "the same height?",
            ),
        ),
    ),
    Question(
        "a_very_short_run",
        "20 steps and 2 seeds: what will the interval of RoIAlign's gain in mask AP say?",
        (
            Choice(
                "The same as the table, only wider",
                "For that the AP would have to be there already, if less precisely. What does a "
                "detector find after 20 steps?",
            ),
            Choice(
                "Nothing: it includes zero",
                "Nothing is found yet that could be measured, and two seeds multiply the deviation "
                "by nine.",
                right=True,
            ),
            Choice(
                "RoIPool is better at first",
                "It may come out so. Would you believe it, with one degree of freedom?",
            ),
        ),
    ),
)
