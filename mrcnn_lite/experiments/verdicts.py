"""What an interval says of a claim: it holds, its opposite does, or these runs cannot tell."""

import math
from collections.abc import Mapping

AS_CLAIMED, CONTRADICTS, CANNOT_TELL = "as in the paper", "CONTRADICTS the paper", "cannot tell"
VERDICTS = (AS_CLAIMED, CONTRADICTS, CANNOT_TELL)


def verdict(found: Mapping[str, float], paper: float | None = None, claim: str = "gain") -> str:
    """Compare a gain's interval with zero and with the paper's gain.

    Args:
        found: what `mrcnn_lite.experiments.results.gain` gives. An interval that includes zero, or
            that is not there (a single seed, or a base of zero), says nothing.
        paper: the paper's gain; None where it has no figures, but says that there is one.
        claim: "gain"; or "no gain", which holds unless the interval lies above zero.

    Returns:
        One of `VERDICTS`.
    """
    if claim == "no gain" and not math.isnan(found["low"]):
        return CONTRADICTS if found["low"] > 0 else AS_CLAIMED
    if not (found["low"] > 0 or found["high"] < 0):
        return CANNOT_TELL
    agrees = (found["gain"] > 0) == (paper is None or paper > 0)
    return AS_CLAIMED if agrees else CONTRADICTS
