"""A loss that is infinite or not a number: stop, keep the evidence, and name the usual causes."""

import json
import math
from pathlib import Path
from typing import Any

from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.state import TrainingState
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_text

USUAL_CAUSES = (
    "a learning rate too high for this batch size",
    "a warm-up too short",
    "pixel values not in 0..1",
    "a box or a mask in the annotations that is not what it seems",
    "in fp16, a number above 65,504: try bf16",
)


class LossNotFiniteError(InputError):
    """Training has to stop because a loss or its gradient is infinite or not a number."""


def stop_not_finite(
    folder: Path,
    state: TrainingState,
    values: dict[str, float],
    image_ids: list[int],
    random_state: dict[str, Any],
) -> None:
    """Save what led to a step whose loss or gradient is not finite, and raise.

    The step has not moved the weights, so `not-finite-STEP.pt`, a checkpoint like any other, holds
    those that gave the loss, and the random states from before the step; `not-finite-STEP.json`
    holds each process's losses and images. Neither is resumed from.

    Raises:
        LossNotFiniteError: always, in every process.
    """
    step = state.step + 1
    file = folder / f"not-finite-{step:07d}.pt"
    state.write(file, random_state)
    report = {"process": distributed.process_number(), "image_ids": image_ids, "losses": values}
    reports = distributed.gather(report)
    if distributed.is_first():
        write_text(file.with_suffix(".json"), json.dumps(reports, indent=2) + "\n")
    spoilt = [
        report
        for report in distributed.share(reports)
        if not all(map(math.isfinite, report["losses"].values()))
    ]
    terms = sorted(
        {
            name
            for report in spoilt
            for name, value in report["losses"].items()
            if not math.isfinite(value)
        }
    )
    images = [image_id for report in spoilt for image_id in report["image_ids"]]
    raise LossNotFiniteError(
        f"step {step} gave numbers that are not finite ({', '.join(terms)}; images {images}). "
        f"The weights that gave them are in {file}. Usual causes: {'; '.join(USUAL_CAUSES)}"
    )
