"""Feature maps that the checks of RoI operations read."""

import torch
from torch import Tensor


def random_features(seed: int, *shape: int) -> Tensor:
    """The same random numbers for the same seed, `Tensor[shape]`."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# Two images of two channels, not square, so that nothing that is mixed up stays unnoticed.
TWO_IMAGES = random_features(0, 2, 2, 7, 9)
