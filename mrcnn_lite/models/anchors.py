"""Anchors: reference boxes of fixed size and shape at every cell (Faster R-CNN, section 3.1.1)."""

import torch
from torch import Tensor, nn


class AnchorGenerator(nn.Module):
    """Place boxes of a few sizes and shapes on the grid of each feature map.

    Args:
        sizes: for each level, finest first, the anchors' sizes: the root of their area, in pixels
            of the resized image.
        aspect_ratios: height / width, the same on every level.
    """

    def __init__(self, sizes: tuple[tuple[int, ...], ...], aspect_ratios: tuple[float, ...]):
        super().__init__()
        self.sizes = sizes
        self.aspect_ratios = aspect_ratios
        self.num_anchors_per_cell = len(sizes[0]) * len(aspect_ratios)

    def forward(self, features: list[Tensor], padded_size: tuple[int, int]) -> list[Tensor]:
        """Make the anchors of one image; they are the same for every image of a batch.

        Args:
            features: one map per level, `Tensor[N, C, H, W]`; only size, dtype and device count.
                Of half-precision maps the anchors are float32: bfloat16 has no odd numbers from
                257 on.
            padded_size: (height, width) of the image batch that the maps were computed from.

        Returns:
            For each level `Tensor[H * W * A, 4]`, (x1, y1, x2, y2) in image pixels: row by row,
            cell by cell, and for each cell A anchors, ratio by ratio and in each size by size.
        """
        anchors = []
        for level_sizes, feature in zip(self.sizes, features):
            height, width = feature.shape[-2:]
            stride_y, stride_x = padded_size[0] // height, padded_size[1] // width
            shift_y = torch.arange(height, device=feature.device) * stride_y
            shift_x = torch.arange(width, device=feature.device) * stride_x
            y, x = torch.meshgrid(shift_y, shift_x, indexing="ij")
            shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
            dtype = torch.promote_types(feature.dtype, torch.float32)
            shapes = self.shapes(level_sizes).to(feature.device, dtype)
            anchors.append((shifts + shapes).reshape(-1, 4))
        return anchors

    def shapes(self, sizes: tuple[int, ...]) -> Tensor:
        """Make a level's anchors at the origin: `Tensor[A, 4]`, rounded to whole pixels."""
        size = torch.tensor(sizes, dtype=torch.float32)
        ratio_root = torch.tensor(self.aspect_ratios, dtype=torch.float32).sqrt()
        heights = (ratio_root[:, None] * size).flatten()
        widths = ((1 / ratio_root)[:, None] * size).flatten()
        return (torch.stack([-widths, -heights, widths, heights], dim=1) / 2).round()
