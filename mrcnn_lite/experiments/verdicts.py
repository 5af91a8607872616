"""What an interval says of a claim: of its direction, and of the size that the paper gives it."""

from collections.abc import Mapping

# A gain either way is "on par" if it is smaller than this, in parts of the base. The margin comes
# from the paper's tables alone: above what they call on par (1 to 3 %), and below half of what they
# call a gain of the RoI operation (12 % and more).
ON_PAR_MARGIN = 0.05

SAME_DIRECTION, ON_PAR = "same direction", "on par, as in the paper"
CONTRADICTS, CANNOT_TELL = "CONTRADICTS the paper", "cannot tell"
VERDICTS = (SAME_DIRECTION, ON_PAR, CONTRADICTS, CANNOT_TELL)

AS_LARGE, MAY_BE_AS_LARGE = "as large", "may be as large"
SMALLER, LARGER = "smaller than the paper's", "larger than the paper's"

# "gain", "low", "high", as `mrcnn_lite.experiments.results.gain` gives them.
Gain = Mapping[str, float | None]


def verdict(found: Gain, paper: float | None = None, claim: str = "gain") -> str:
    """Compare a gain's interval with what the paper claims; its size is another question.

    Args:
        found: a gain with its interval. One that is not there (a single seed, or a base of zero)
            says nothing.
        paper: the paper's gain; None where it has no figures, but says that there is one.
        claim: "gain": there is one, and an interval that excludes zero says whether it goes the
            paper's way; or "on par": it is smaller than `ON_PAR_MARGIN` either way, which an
            interval within the margin supports and one beyond it contradicts.

    Returns:
        One of `VERDICTS`.
    """
    low, high = found["low"], found["high"]
    if low is None or high is None:
        return CANNOT_TELL
    if claim == "on par":
        if low > -ON_PAR_MARGIN and high < ON_PAR_MARGIN:
            return ON_PAR
        return CONTRADICTS if low > ON_PAR_MARGIN or high < -ON_PAR_MARGIN else CANNOT_TELL
    if not (low > 0 or high < 0):
        return CANNOT_TELL
    agrees = (low > 0) == (paper is None or paper > 0)
    return SAME_DIRECTION if agrees else CONTRADICTS


def compare_size(found: Gain, paper: float | None, claim: str = "gain") -> str:
    """Set a gain beside the paper's: as large, so many times as large, or what can be ruled out.

    Args:
        found, paper, claim: see `verdict`.

    Returns:
        "as large" if the interval holds the paper's gain, else for instance "10 times as large".
        Where the direction is not known: "may be as large" if the interval holds the paper's gain,
        or on which side of it the interval lies. Nothing, where the paper has no figures, claims
        that there is no gain, or is contradicted.
    """
    said = verdict(found, paper, claim)
    low, high = found["low"], found["high"]
    if paper is None or low is None or high is None or claim == "on par" or said == CONTRADICTS:
        return ""
    if low <= paper <= high:
        return AS_LARGE if said == SAME_DIRECTION else MAY_BE_AS_LARGE
    if said == SAME_DIRECTION:
        return f"{found['gain'] / paper:.2g} times as large"
    return SMALLER if high < paper else LARGER


def in_words(found: Gain, paper: float | None = None, claim: str = "gain") -> str:
    """Say direction and size in one phrase, such as "same direction, 10 times as large"."""
    return ", ".join(
        filter(None, (verdict(found, paper, claim), compare_size(found, paper, claim)))
    )
