"""What a run needs besides learning: to be recorded, saved, measured, stopped, and to fail well."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.data import Dataset
from tqdm import tqdm

from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.interrupt import StoppedBySignal, StopRequest
from mrcnn_lite.engine.loader import Batch
from mrcnn_lite.engine.not_finite import stop_not_finite
from mrcnn_lite.engine.random_state import get_random_state
from mrcnn_lite.engine.run_folder import RunFolder
from mrcnn_lite.engine.state import TrainingState


class Supervisor:
    """Stands by the training loop, which calls these methods in this order, step by step.

    Used as a context: it opens and closes the progress bar.

    Args:
        state: of the training.
        folder: where records and checkpoints go.
        validation: the images that are evaluated on, if any.
        stop: whether somebody asked to stop.
    """

    def __init__(
        self,
        state: TrainingState,
        folder: RunFolder,
        validation: Dataset | None,
        stop: StopRequest,
    ):
        self.state = state
        self.folder = folder
        self.validation = validation
        self.stop = stop
        self.first_step = state.step

    def __enter__(self) -> "Supervisor":
        # The run may have ended between a step and its evaluation.
        self.evaluate_if_due()
        self._random_state = get_random_state(self.state.device)
        self._progress = tqdm(
            desc="training",
            unit="step",
            total=self.state.config.steps,
            initial=self.state.step,
            disable=not self.folder.writes,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Watch over a step until weights move: if it fails, the steps before it are saved.

        A picture that cannot be read should not cost what was learnt before it. In a job of several
        processes the others may be in the middle of the step, so nothing is saved there.
        """
        self._began = time.perf_counter()
        self._buffers = [(buffer, buffer.clone()) for buffer in self.state.model.buffers()]
        try:
            yield
        except Exception:
            if self.state.step > self.first_step and not distributed.is_parallel():
                self._put_buffers_back()
                self.state.save(self.folder.path, self._random_state)
            raise

    def stop_if_not_finite(self, losses: dict[str, float], micro_batches: list[Batch]) -> None:
        """Keep the evidence and end the run if a loss or its gradient is infinite or not a number.

        Raises:
            LossNotFiniteError: it is, in some process.
        """
        if all(map(math.isfinite, losses.values())):
            return
        self._put_buffers_back()
        image_ids = [target["image_id"] for _, targets in micro_batches for target in targets]
        stop_not_finite(self.folder.path, self.state, losses, image_ids, self._random_state)

    def record(self, learning_rate: float, losses: dict[str, float]) -> None:
        """Count a step that was done, and write its numbers down."""
        state = self.state
        self._random_state = get_random_state(state.device)
        state.step += 1
        state.seconds += time.perf_counter() - self._began
        record = {"step": state.step, "learning_rate": learning_rate, **losses}
        self.folder.record(record | {"seconds": round(state.seconds, 3)})
        self._progress.set_postfix(loss=f"{losses['loss']:.2f}", refresh=False)
        self._progress.update()

    def save_if_due(self) -> None:
        """Write a checkpoint if one is due; end the run if somebody asked for that.

        Raises:
            StoppedBySignal: the run was asked to stop; its checkpoint is written.
        """
        state, config = self.state, self.state.config
        done = state.step == config.steps
        stopping = distributed.any_of(bool(self.stop)) and not done
        # An evaluation takes long, and may fail.
        if (
            stopping
            or done
            or self._evaluation_is_due()
            or state.step % config.checkpoint_every == 0
        ):
            file = state.save(self.folder.path, self._random_state)
        if stopping:
            if self.folder.writes:
                self._progress.write(
                    f"stopped after step {state.step} of {config.steps}; saved {file}"
                )
            raise StoppedBySignal(self.stop.number or signal.SIGTERM)

    def evaluate_if_due(self) -> None:
        """Measure the model every so many steps and after the last, if there are images for it."""
        if not self._evaluation_is_due():
            return
        state, config = self.state, self.state.config
        distributed.share_buffers(state.model)
        metrics = evaluate(
            state.model,
            self.validation,
            state.micro_batch_size,
            config.num_workers,
            precision=config.precision,
        )
        self.folder.record_evaluation(state.step, metrics)
        if self.folder.writes:
            numbers = ", ".join(f"{kind} AP {values['AP']:.3f}" for kind, values in metrics.items())
            tqdm.write(f"after step {state.step}: {numbers}")

    def _evaluation_is_due(self) -> bool:
        step, config = self.state.step, self.state.config
        every = config.evaluate_every or config.steps
        due = step == config.steps or (step > 0 and step % every == 0)
        return self.validation is not None and due and not self.folder.was_evaluated(step)

    def _put_buffers_back(self) -> None:
        """Undo what the step at hand, which moves no weights, did to batch norm's statistics."""
        for buffer, before in self._buffers:
            buffer.copy_(before)
