"""Connected components: which pixels of a label map hang together."""

import torch
import torch.nn.functional as F
from torch import Tensor


def connected_components(classes: Tensor) -> list[Tensor]:
    """Split a label map into regions of one class, the background's included.

    Pixels of one class are connected if they share a side or a corner.

    Args:
        classes: int64 `Tensor[H, W]`.

    Returns:
        One bool `Tensor[H, W]` per region, in the order of their first pixels, row by row.
    """
    height, width = classes.shape
    present, layers = classes.unique(return_inverse=True)
    class_masks = F.one_hot(layers, len(present)).permute(2, 0, 1)  # [K, H, W]
    # Every pixel starts as its own region, named from 1 on.
    own = torch.arange(1, height * width + 1, device=classes.device).view(height, width)
    names = class_masks * own
    while True:
        # The largest name among a pixel and its neighbours of the class ...
        spread = _largest_nearby(names) * class_masks
        # ... and then that of the pixel so named, which has come farther already.
        flat = F.pad(spread.flatten(1), (1, 0))
        spread = flat.gather(1, spread.flatten(1)).view_as(names)
        if torch.equal(spread, names):
            break
        names = spread
    names = names.amax(dim=0)
    regions = [names == name for name in names.unique()]
    return sorted(regions, key=lambda region: int(region.flatten().int().argmax()))


def _largest_nearby(names: Tensor) -> Tensor:
    """`Tensor[K, H, W]`: the largest of each pixel's name and its eight neighbours', 0 outside."""
    # Max-pooling wants floating point, which has room for all names only where there is float64.
    largest = F.pad(names, (1, 1, 1, 1))
    for axis, size in ((1, names.shape[1]), (2, names.shape[2])):
        before, here, after = (largest.narrow(axis, i, size) for i in range(3))
        largest = torch.maximum(torch.maximum(before, here), after)
    return largest
