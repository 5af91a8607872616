"""From a detection's m x m mask to the image's pixels (Mask R-CNN, section 3.1, "Inference")."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from mrcnn_lite.models.fast.zeros import fresh_zeros


def paste_masks(masks: Tensor, boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Put each mask where its box is, at image resolution, without rounding the box.

    The inverse of RoIAlign: the centre of image pixel (y, x) lies at (y + 0.5 - y1) / (y2 - y1) * m
    in the mask's grid, whose cell j is centred at j + 0.5; its value is interpolated bilinearly,
    and up to half a cell within the box's border it is that of the outermost cell. Pixels whose
    centre lies outside the box are 0.

    Torchvision's `paste_masks_in_image` first rounds the box outwards to whole pixels, which moves
    a mask's edge by up to a pixel; docs/results/paste.md has what that changes.

    Args:
        masks: `Tensor[D, m, m]`, probabilities.
        boxes: `Tensor[D, 4]` in image pixels; a box without area gives an empty mask.
        image_size: (height, width) of the result.

    Returns:
        `Tensor[D, height, width]`, probabilities; differentiable with respect to `masks`, the boxes
        taken as they are.
    """
    return _Paste.apply(masks, boxes.tolist(), image_size)


class _Paste(torch.autograd.Function):
    """Each pixel is a weighted sum of its mask's cells: its gradient goes to them by these weights.

    By itself autograd would copy the gradient of all pixels once for every mask.
    """

    @staticmethod
    def forward(ctx, masks, boxes, image_size):
        ctx.boxes, ctx.masks_shape = boxes, masks.shape
        pasted = fresh_zeros((len(masks), *image_size), masks)  # [D, H, W]
        # Autocast would compute these products in half precision.
        with torch.autocast(masks.device.type, enabled=False):
            for canvas, mask, window in zip(pasted, masks, _windows(boxes, image_size, masks)):
                rows, from_rows, columns, from_columns = window
                # [h, m] @ [m, m] @ [m, w] to the [h, w] pixels under the box
                canvas[rows, columns] = from_rows @ mask @ from_columns.T
        return pasted

    @staticmethod
    def backward(ctx, grad):
        grad_masks = grad.new_zeros(ctx.masks_shape)
        with torch.autocast(grad.device.type, enabled=False):
            for k, window in enumerate(_windows(ctx.boxes, grad.shape[1:], grad_masks)):
                rows, from_rows, columns, from_columns = window
                grad_masks[k] = from_rows.T @ grad[k, rows, columns] @ from_columns
        return grad_masks, None, None


def _windows(
    boxes: list[list[float]], image_size: tuple[int, int], masks: Tensor
) -> Iterator[tuple[slice, Tensor, slice, Tensor]]:
    """Box by box what `_interpolation` says of its rows, and of its columns.

    So only the pixels under a box are computed, however large the image.
    """
    height, width = image_size
    for x1, y1, x2, y2 in boxes:
        yield *_interpolation(y1, y2, height, masks), *_interpolation(x1, x2, width, masks)


def _interpolation(start: float, end: float, limit: int, masks: Tensor) -> tuple[slice, Tensor]:
    """Along one axis: the pixels whose centres lie in [start, end), and each one's weights.

    Returns:
        A slice of L pixels and `Tensor[L, m]`, whose rows hold two weights that add to 1.
    """
    num_cells = masks.shape[-1]
    first = min(max(math.ceil(start - 0.5), 0), limit)
    last = min(max(math.ceil(end - 0.5), first), limit)
    centers = torch.arange(first, last, dtype=masks.dtype, device=masks.device) + 0.5  # [L]
    position = (centers - start) / max(end - start, 1e-9) * num_cells - 0.5  # [L]
    cells = torch.arange(num_cells, dtype=masks.dtype, device=masks.device)  # [m]
    # A triangle of height 1 and base 2 over each cell is what bilinear interpolation weights by.
    position = position.clamp(0, num_cells - 1)
    weights = (1 - (position[:, None] - cells).abs()).clamp(min=0)  # [L, m]
    return slice(first, last), weights
