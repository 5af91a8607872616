"""From a data set to the batches of this process, in the order that the sampler gives."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from mrcnn_lite.datasets.transforms import collate
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.interrupt import ignore_interrupts
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.sampler import BatchSampler, aspect_ratio_groups
from mrcnn_lite.errors import InputError

# Images and targets that a process takes at a time: in training, one micro-batch.
Batch = tuple[list[Tensor], list[dict]]


def make_training_loader(
    dataset: Dataset, config: TrainConfig, start: int, device: torch.device
) -> DataLoader:
    """Make the loader of this process's micro-batches, from step `start` to the last.

    It is one long epoch, so that its workers are started once and live until the end.

    Raises:
        InputError: there is nothing to learn from, or the batch cannot be split evenly.
    """
    usable = list(range(len(dataset)))
    if not any(dataset.has_objects(index) for index in usable):
        raise InputError(
            f"there is nothing to learn: none of the {len(dataset)} images has an object (crowd "
            "regions, and what was left out, do not count)"
        )
    if config.skip_empty_images:
        usable = [index for index in usable if dataset.has_objects(index)]
    groups = None
    if config.group_by_aspect_ratio:
        groups = aspect_ratio_groups([dataset.size(index) for index in usable])
    sampler = BatchSampler(
        len(usable),
        config.batch_size,
        config.steps,
        config.seed,
        start,
        micro_batch_size=config.micro_batch_size(distributed.num_processes()),
        groups=groups,
        process=distributed.process_number(),
        num_processes=distributed.num_processes(),
    )
    return DataLoader(
        Subset(_Reporting(dataset), usable),
        batch_sampler=sampler,
        num_workers=config.num_workers,
        collate_fn=_collate,
        worker_init_fn=_begin_worker,
        # Page-locked memory is what a GPU can fetch from while it computes.
        pin_memory=device.type == "cuda",
        # Of its own, so that making a loader does not move the global random numbers on.
        generator=torch.Generator(),
    )


def make_evaluation_loader(
    dataset: Dataset, batch_size: int, num_workers: int, device: torch.device
) -> DataLoader:
    """Make the loader of this process's images: every n-th, each in one process only.

    Unlike with PyTorch's DistributedSampler, no image is repeated to make the parts equal.
    """
    part = range(distributed.process_number(), len(dataset), distributed.num_processes())
    return DataLoader(
        Subset(_Reporting(dataset), part),
        batch_size,
        num_workers=num_workers,
        collate_fn=_collate,
        worker_init_fn=_begin_worker,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),
    )


@contextmanager
def batches_of(loader: DataLoader) -> Iterator[Iterator[Batch]]:
    """Start a loader's workers and give its batches; whatever ends the block ends the workers.

    A picture that cannot be read raises the same error with and without workers.

    Raises:
        InputError: a worker was killed.
    """
    batches = iter(loader)
    try:
        yield map(_unpack, batches)
    except RuntimeError as error:
        if "DataLoader worker (pid" not in str(error):
            raise
        raise InputError(
            f"a process that loads images is gone, for want of memory perhaps: try fewer --workers "
            f"({error})"
        ) from error
    finally:
        if loader.num_workers:
            # PyTorch does this when nothing refers to `batches` any longer. After an error the
            # traceback does, until Python's own end, which would wait for the workers for ever.
            try:
                batches._shutdown_workers()
            finally:
                for worker in batches._workers:
                    worker.kill()


def _begin_worker(number: int) -> None:
    """Let a worker live as long as its run: not shorter, for a Ctrl-C, and not longer."""
    ignore_interrupts(number)
    threading.Thread(target=_end_with_the_run, daemon=True).start()


def _end_with_the_run() -> None:
    """End this worker when its run has been killed.

    PyTorch's own watch asks every few seconds whether the process that this one was forked from is
    there. Under a fork server that is the server, which lives as long as it has children.
    """
    multiprocessing.parent_process().join()
    os._exit(1)


class _Failed:
    """What a worker hands over in place of a sample that it could not read."""

    def __init__(self, error: Exception):
        self.error = error


class _Reporting(Dataset):
    """A data set that hands over as values the errors that a user can mend.

    Raised in a worker, they would reach the main process with a traceback for a message.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except (InputError, OSError) as error:
            return _Failed(error)


def _collate(samples: Sequence[Any]) -> Batch | _Failed:
    failed = [sample for sample in samples if isinstance(sample, _Failed)]
    return failed[0] if failed else collate(samples)


def _unpack(batch: Batch | _Failed) -> Batch:
    if isinstance(batch, _Failed):
        raise batch.error
    return batch
