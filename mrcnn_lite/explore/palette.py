"""What each colour means, in every figure and widget of the course.

The colours are Okabe and Ito's, which colour-blind readers can tell apart; line style and marker
repeat the meaning for greyscale.
"""

from dataclasses import dataclass

# Okabe and Ito, "Color Universal Design" (2008).
BLACK = "#000000"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
BLUISH_GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
REDDISH_PURPLE = "#CC79A7"


@dataclass(frozen=True)
class Meaning:
    """How one thing is drawn wherever it appears.

    Attributes:
        label: its name in legends.
        color: as matplotlib and CSS write it.
        line: matplotlib line style.
        marker: matplotlib marker.
    """

    label: str
    color: str
    line: str
    marker: str


TRUE_BOX = Meaning("true box", BLUE, "-", "s")
QUANTISED_BOX = Meaning("quantised box", VERMILLION, "--", "D")
BINS = Meaning("bins", BLACK, ":", "+")
CELLS_READ = Meaning("cells read", ORANGE, "-.", "o")
GROUND_TRUTH = Meaning("ground truth", BLUISH_GREEN, "-", "^")
PREDICTION = Meaning("prediction", REDDISH_PURPLE, "--", "v")
# The causes of an operation's error; rounding is what quantises a box.
ROUNDING = Meaning("rounding", VERMILLION, "--", "D")
HALF_PIXEL = Meaning("half pixel", SKY_BLUE, ":", "P")
MAXIMUM = Meaning("maximum", ORANGE, "-.", "o")
MEANINGS = (TRUE_BOX, QUANTISED_BOX, BINS, CELLS_READ, GROUND_TRUTH, PREDICTION)

# Levels of a feature pyramid; level k has stride 2**k.
LEVELS = {
    2: Meaning("P2", SKY_BLUE, "-", "o"),
    3: Meaning("P3", ORANGE, "--", "s"),
    4: Meaning("P4", VERMILLION, "-.", "^"),
    5: Meaning("P5", BLACK, ":", "D"),
    6: Meaning("P6", REDDISH_PURPLE, (0, (5, 1, 1, 1, 1, 1)), "v"),
}

# Instances of one picture are told apart by these, in turn, with their names written beside them.
INSTANCE_COLORS = (ORANGE, SKY_BLUE, BLUISH_GREEN, YELLOW, BLUE, VERMILLION, REDDISH_PURPLE)
