"""From a detection's m x m mask to the image's pixels (Mask R-CNN, section 3.1, "Inference")."""

import math
from mmap import ACCESS_COPY, mmap

import torch
from torch import Tensor


def paste_masks(masks: Tensor, boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Put each mask where its box is, at image resolution, without rounding the box.

    The inverse of RoIAlign: the centre of image pixel (y, x) lies at (y + 0.5 - y1) / (y2 - y1) * m
    in the mask's grid, whose cell j is centred at j + 0.5; its value is interpolated bilinearly,
    and up to half a cell within the box's border it is that of the outermost cell. Pixels whose
    centre lies outside the box are 0.

    Args:
        masks: `Tensor[D, m, m]`, probabilities.
        boxes: `Tensor[D, 4]` in image pixels; a box without area gives an empty mask.
        image_size: (height, width) of the result.

    Returns:
        `Tensor[D, height, width]`, probabilities.
    """
    height, width = image_size
    pasted = _zeros((len(masks), height, width), masks)
    # Autocast would compute these products in half precision. Box by box: only the pixels under a
    # box are computed, however large the image.
    with torch.autocast(masks.device.type, enabled=False):
        for canvas, mask, (x1, y1, x2, y2) in zip(pasted, masks, boxes.tolist()):
            rows, from_rows = _interpolation(y1, y2, height, mask)
            columns, from_columns = _interpolation(x1, x2, width, mask)
            canvas[rows, columns] = from_rows @ mask @ from_columns.T
    return pasted


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    size = math.prod(shape) * like.element_size()
    if like.device.type != "cpu" or size == 0:
        return like.new_zeros(shape)
    # The operating system's fresh memory reads as zeros, and what nobody writes takes no time and
    # no memory. PyTorch writes every pixel: 123 MB for 100 detections in 480 x 640.
    memory = mmap(-1, size, access=ACCESS_COPY)
    return torch.frombuffer(memory, dtype=like.dtype).view(shape)


def _interpolation(start: float, end: float, limit: int, mask: Tensor) -> tuple[slice, Tensor]:
    """Along one axis: the pixels whose centres lie in [start, end), and each one's weights.

    Returns:
        A slice of L pixels and `Tensor[L, m]`, whose rows hold two weights that add to 1.
    """
    num_cells = mask.shape[-1]
    first = min(max(math.ceil(start - 0.5), 0), limit)
    last = min(max(math.ceil(end - 0.5), first), limit)
    centers = torch.arange(first, last, dtype=mask.dtype, device=mask.device) + 0.5
    position = (centers - start) / max(end - start, 1e-9) * num_cells - 0.5
    cells = torch.arange(num_cells, dtype=mask.dtype, device=mask.device)
    # A triangle of height 1 and base 2 over each cell is what bilinear interpolation weights by.
    position = position.clamp(0, num_cells - 1)
    weights = (1 - (position[:, None] - cells).abs()).clamp(min=0)
    return slice(first, last), weights
