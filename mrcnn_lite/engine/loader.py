"""From a data set to the batches of this process, in the order that the sampler gives."""

import torch
from torch.utils.data import DataLoader, Dataset, Subset

from mrcnn_lite.datasets.transforms import collate
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.interrupt import ignore_interrupts
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.sampler import BatchSampler, aspect_ratio_groups
from mrcnn_lite.errors import InputError


def make_training_loader(
    dataset: Dataset, config: TrainConfig, start: int, device: torch.device
) -> DataLoader:
    """Make the loader of this process's passes, from step `start` to the last.

    It is one long epoch, so that its workers are started once and live until the end.

    Raises:
        InputError: there is nothing to learn from, or the batch cannot be split evenly.
    """
    usable = list(range(len(dataset)))
    if config.skip_empty_images:
        usable = [index for index in usable if dataset.has_objects(index)]
    if not usable:
        raise InputError("the data set has no images to train on")
    groups = None
    if config.group_by_aspect_ratio:
        groups = aspect_ratio_groups([dataset.size(index) for index in usable])
    sampler = BatchSampler(
        len(usable),
        config.batch_size,
        config.steps,
        config.seed,
        start,
        images_per_pass=config.images_per_pass(distributed.num_processes()),
        groups=groups,
        process=distributed.process_number(),
        num_processes=distributed.num_processes(),
    )
    return DataLoader(
        Subset(dataset, usable),
        batch_sampler=sampler,
        num_workers=config.num_workers,
        collate_fn=collate,
        worker_init_fn=ignore_interrupts,
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
        Subset(dataset, part),
        batch_size,
        num_workers=num_workers,
        collate_fn=collate,
        worker_init_fn=ignore_interrupts,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),
    )
