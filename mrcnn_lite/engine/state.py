"""All that changes while a model is trained: saved so that a resumed run goes on exactly."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import (
    checkpoint_name,
    forget_old_checkpoints,
    last_good_checkpoint,
    load_checkpoint,
    load_state,
    save_checkpoint,
)
from mrcnn_lite.engine.precision import make_scaler
from mrcnn_lite.engine.random_state import set_random_state
from mrcnn_lite.engine.recipe import TrainConfig, make_optimizer
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import MaskRCNN, MaskRCNNConfig

# These may change between two parts of a run: they do not change what is learnt. The number of
# micro-batches may, as long as their size stays: four GPUs can go on, two micro-batches each, for
# eight.
HARMLESS = {
    "num_workers",
    "checkpoint_every",
    "keep_checkpoints",
    "evaluate_every",
    "tensorboard",
    "accumulate",
}


class TrainingState:
    """A model in training, its optimiser, and how far it is.

    The learning rate and the images of a step follow from its number, so they need no state.

    Attributes:
        model: on its device.
        optimizer, scaler: the optimiser and the loss scaler (used by fp16 alone).
        step: steps done.
        seconds: what they took.
    """

    def __init__(self, model: MaskRCNN, dataset: Dataset, config: TrainConfig):
        self.model = model
        self.dataset = dataset
        self.config = config
        self.device = next(model.parameters()).device
        self.optimizer = make_optimizer(model, config)
        self.scaler = make_scaler(self.device, config.precision)
        self.step = 0
        self.seconds = 0.0

    def save(self, folder: Path, random_state: dict[str, Any]) -> Path:
        """Write the checkpoint of this step, delete the oldest; all processes take part.

        Args:
            folder: the run's.
            random_state: this process's before the next step, from `get_random_state`.

        Returns:
            The file; it is there, whole, when any process returns.
        """
        file = folder / checkpoint_name(self.step)
        self.write(file, random_state)
        if distributed.is_first():
            forget_old_checkpoints(folder, self.config.keep_checkpoints)
        return file

    def write(self, file: Path, random_state: dict[str, Any]) -> None:
        """Write everything to one file, with the given random state of each process."""
        random_states = distributed.gather(random_state)
        if distributed.is_first():
            training = {
                "step": self.step,
                "seconds": self.seconds,
                "config": asdict(self.config),
                "images_per_pass": self.micro_batch_size,
                "data": self.describe_data(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "random_states": random_states,
            }
            keypoint_names = getattr(self.dataset, "keypoint_names", ())
            save_checkpoint(file, self.model, self.dataset.categories, training, keypoint_names)
        distributed.any_of(False)

    def restore(self, folder: Path) -> None:
        """Put everything back as the folder's last good checkpoint has it, if there is one.

        Raises:
            InputError: it belongs to another model, other settings or other data.
        """
        file = distributed.share(last_good_checkpoint(folder) if distributed.is_first() else None)
        if file is None:
            return
        checkpoint = load_checkpoint(file)
        training = checkpoint["training"]
        if distributed.is_first():
            self._compare(file, checkpoint)
        load_state(self.model, checkpoint["model"], file)
        self.optimizer.load_state_dict(training["optimizer"])
        self.scaler.load_state_dict(training["scaler"])
        self.step, self.seconds = training["step"], training["seconds"]
        states = training["random_states"]
        if len(states) == distributed.num_processes():
            set_random_state(states[distributed.process_number()], self.device)
            return
        torch.manual_seed(hash((self.config.seed, self.step, distributed.process_number())))
        if distributed.is_first():
            warnings.warn(
                f"resumed with {distributed.num_processes()} processes instead of {len(states)}: "
                "the same batches, but other flips and samples of anchors and proposals",
                stacklevel=3,
            )

    @property
    def micro_batch_size(self) -> int:
        """How many images this process takes at a time."""
        return self.config.micro_batch_size(distributed.num_processes())

    def describe_data(self) -> dict[str, Any]:
        """Say what the model learns from, so that a change is noticed when the run is resumed."""
        return {
            "categories": self.dataset.categories,
            "images": len(self.dataset),
            "fingerprint": self.dataset.fingerprint(),
        }

    def _compare(self, file: Path, checkpoint: dict[str, Any]) -> None:
        training = checkpoint["training"]
        # "images_per_pass" is what files call the size of a micro-batch.
        size = {"images_per_pass": training["images_per_pass"]}
        for part, saved, wanted in (
            # A setting that came after the checkpoint was written was what it is by default.
            (
                "model",
                asdict(MaskRCNNConfig()) | checkpoint["model_config"],
                asdict(self.model.config),
            ),
            ("training", asdict(TrainConfig()) | training["config"], asdict(self.config)),
            ("training", size, {"images_per_pass": self.micro_batch_size}),
            ("data", training["data"], self.describe_data()),
        ):
            for name, value in _plain(wanted).items():
                if name not in HARMLESS and _plain(saved.get(name)) != value:
                    raise InputError(
                        f"{file} cannot be resumed: its {part} setting {name} is "
                        f"{saved.get(name)}, this run's is {value}. Give the same one, or choose "
                        "another folder"
                    )


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
