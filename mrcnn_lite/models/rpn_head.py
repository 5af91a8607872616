"""What the RPN says of every anchor: one small head for all levels (Ren et al. 2015, 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RPNHead(nn.Module):
    """A 3x3 convolution, then per anchor one objectness logit and four box deltas.

    The same weights run over every level, since the pyramid's levels speak alike.
    """

    def __init__(self, in_channels: int, num_anchors_per_cell: int):
        super().__init__()
        convolution = nn.Conv2d(in_channels, in_channels, kernel_size=3, padding=1)
        # The nesting gives torchvision's parameter names.
        self.conv = nn.Sequential(nn.Sequential(convolution))
        self.cls_logits = nn.Conv2d(in_channels, num_anchors_per_cell, kernel_size=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors_per_cell * 4, kernel_size=1)
        for layer in (convolution, self.cls_logits, self.bbox_pred):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Predict for every anchor, in the order of `AnchorGenerator.forward`.

        Returns:
            For each level objectness logits `Tensor[N, H * W * A]` and deltas
            `Tensor[N, H * W * A, 4]`.
        """
        objectness, deltas = [], []
        for feature in features:
            hidden = F.relu(self.conv(feature), inplace=True)
            # Channels last: cell by cell, and within a cell anchor by anchor.
            objectness.append(self.cls_logits(hidden).permute(0, 2, 3, 1).flatten(1))
            level_deltas = self.bbox_pred(hidden).permute(0, 2, 3, 1)
            deltas.append(level_deltas.reshape(len(feature), -1, 4))
        return objectness, deltas

    def predict_for(self, features: list[Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Predict for some anchors only, which costs next to nothing, there and in the gradient.

        What the head says at a cell depends on the 3 x 3 cells around it: these are cut out, and
        the same layers run on them.

        Args:
            features: one `Tensor[N, C, H, W]` per level.
            anchors: `Tensor[S]` of int64, numbers in the order of `forward`'s results, those of all
                levels of the first image before those of the second.

        Returns:
            Objectness logits `Tensor[S]` and deltas `Tensor[S, 4]`.
        """
        per_cell = self.cls_logits.out_channels
        numbers = [feature[0, 0].numel() * per_cell for feature in features]
        image, anchor = anchors // sum(numbers), anchors % sum(numbers)
        surroundings, places, start = [], [], 0
        for feature, number in zip(features, numbers):
            of_level = torch.nonzero((anchor >= start) & (anchor < start + number)).squeeze(1)
            cell = (anchor[of_level] - start) // per_cell
            surroundings.append(_cut_out(feature, image[of_level], cell))
            places.append(of_level)
            start += number
        convolution = self.conv[0][0]
        # At a single place a convolution is a product with its weights, laid out as the cells are.
        weight = convolution.weight.permute(0, 2, 3, 1).flatten(1)
        hidden = F.relu(F.linear(torch.cat(surroundings), weight, convolution.bias))
        hidden = hidden[..., None, None]
        order = torch.cat(places)
        chosen = torch.arange(len(order), device=order.device), anchor[order] % per_cell
        objectness = self.cls_logits(hidden).flatten(1)[chosen]
        deltas = self.bbox_pred(hidden).reshape(len(order), per_cell, 4)[chosen]
        back = order.argsort()
        return objectness[back], deltas[back]


def _cut_out(feature: Tensor, image: Tensor, cell: Tensor) -> Tensor:
    """Cut the 3 x 3 cells around each cell out of its image's map, zeros beyond the border.

    Args:
        feature: `Tensor[N, C, H, W]`.
        image, cell: `Tensor[S]` of int64; cells are numbered row by row.

    Returns:
        `Tensor[S, 9 * C]`: the nine cells row by row, all channels of each.
    """
    height, width = feature.shape[-2:]
    around = torch.arange(-1, 2, device=cell.device)
    y = (cell // width)[:, None, None] + around[:, None]
    x = (cell % width)[:, None, None] + around
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    # Cells first, channels last: a cell's channels lie together in memory.
    by_cell = feature.permute(0, 2, 3, 1).flatten(0, 2)
    row = (image[:, None, None] * height + y.clamp(0, height - 1)) * width + x.clamp(0, width - 1)
    # Cut-outs overlap. The gradient of plain indexing would add them up in whatever order the
    # threads come; that of an embedding's rows does so in one order.
    cut = F.embedding(row, by_cell)
    return (cut * inside[..., None]).flatten(1)
