"""Which images make up each training step."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

# Height / width from 1/2 to 2, three groups to an octave, as in torchvision's recipe.
ASPECT_RATIO_BOUNDS = [2 ** (k / 3) for k in range(-3, 4)]


class BatchSampler(Sampler[list[int]]):
    """Which images make up each step, from any step on, for one of several processes.

    Every epoch is a new permutation, drawn from (seed, epoch) alone; so step k has the same images
    whether the run was interrupted before it or not, and however many processes share it. A last
    part smaller than a batch is completed from the next epoch: no image is seen twice to fill up.

    Args:
        num_images: the images are 0 to num_images - 1.
        batch_size: images per step, over all processes.
        steps: the last step, exclusive.
        seed: of all permutations.
        start: the first step.
        micro_batch_size: how many a process takes at a time; a step gives each process batch_size /
            (micro_batch_size * num_processes) micro-batches. Default: all at once.
        groups: a number per image; the images of a micro-batch belong to one group as far as
            possible.
        process, num_processes: whose micro-batches these are.
    """

    def __init__(
        self,
        num_images: int,
        batch_size: int,
        steps: int,
        seed: int,
        start: int = 0,
        *,
        micro_batch_size: int | None = None,
        groups: Sequence[int] | None = None,
        process: int = 0,
        num_processes: int = 1,
    ):
        self.num_images = num_images
        self.steps = steps
        self.seed = seed
        self.start = start
        self.micro_batch_size = micro_batch_size or batch_size // num_processes
        self.groups = groups
        self.process = process
        self.num_processes = num_processes
        self.micro_batches_per_step = batch_size // self.micro_batch_size

    def __len__(self) -> int:
        """Micro-batches of this process that are left."""
        return (self.steps - self.start) * self.micro_batches_per_step // self.num_processes

    def __iter__(self) -> Iterator[list[int]]:
        first, last = (step * self.micro_batches_per_step for step in (self.start, self.steps))
        for number in range(first + self.process, last, self.num_processes):
            place = number * self.micro_batch_size
            yield [
                self._image_at(position) for position in range(place, place + self.micro_batch_size)
            ]

    def _image_at(self, position: int) -> int:
        epoch, place = divmod(position, self.num_images)
        return self._order(epoch)[place]

    def _order(self, epoch: int) -> list[int]:
        if getattr(self, "_epoch", None) != epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            order = torch.randperm(self.num_images, generator=generator).tolist()
            if self.groups is not None:
                # The epoch before may have left a micro-batch half full; it is filled up first.
                started = -epoch * self.num_images % self.micro_batch_size
                order = order[:started] + self._grouped(order[started:])
            self._epoch, self._images = epoch, order
        return self._images

    def _grouped(self, order: list[int]) -> list[int]:
        """Move images so that each micro-batch has one group; those left over come last, mixed."""
        full, waiting = [], defaultdict(list)
        for image in order:
            waiting[self.groups[image]].append(image)
            if len(waiting[self.groups[image]]) == self.micro_batch_size:
                full += waiting.pop(self.groups[image])
        # Neighbouring groups, the next best thing to one group, stand together.
        return full + [image for group in sorted(waiting) for image in waiting[group]]


def aspect_ratio_groups(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Number the images, given by (height, width), by the shape that they have."""
    return [bisect_right(ASPECT_RATIO_BOUNDS, height / width) for height, width in sizes]
