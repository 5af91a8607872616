"""Which images make up each training step."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class BatchSampler(Sampler[list[int]]):
    """Which images make up each step, from any step on.

    Every epoch is a new permutation, drawn from (seed, epoch) alone; so step k has the same images
    whether the run was interrupted before it or not. A last part smaller than a batch is completed
    from the next epoch.
    """

    def __init__(self, num_images: int, batch_size: int, steps: int, seed: int, start: int = 0):
        self.num_images = num_images
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.start = start

    def __len__(self) -> int:
        return self.steps - self.start

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.steps):
            positions = range(step * self.batch_size, (step + 1) * self.batch_size)
            yield [self._image_at(position) for position in positions]

    def _image_at(self, position: int) -> int:
        epoch, place = divmod(position, self.num_images)
        return self._permutation(epoch)[place]

    def _permutation(self, epoch: int) -> list[int]:
        if getattr(self, "_epoch", None) != epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._order = torch.randperm(self.num_images, generator=generator).tolist()
            self._epoch = epoch
        return self._order
