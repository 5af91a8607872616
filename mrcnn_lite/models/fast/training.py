"""What every model as built has in place of three plain parts, most of all for its training.

- torchvision's residual blocks -> `BasicBlock` and `Bottleneck`, in which batch norm that is not
  trained is part of the convolution before it;
- `RegionProposalNetwork` -> `SampledRPN`, which predicts the few anchors of the losses again, by
  themselves, in place of a backward pass through all cells of all levels;
- `torch.cat(parts)[order]` -> `interleave`, which writes RoI features once.

docs/results/model.md has what a training step takes with all three.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.rpn import RegionProposalNetwork, RPNHead


class BasicBlock(resnet.BasicBlock):
    """torchvision's block of two 3x3 convolutions: relu(convolutions(x) + shortcut(x))."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` as torchvision's block does, but for rounding."""
        hidden = F.relu(convolve(x, self.conv1, self.bn1), inplace=True)
        return _add_shortcut(self, convolve(hidden, self.conv2, self.bn2), x)


class Bottleneck(resnet.Bottleneck):
    """torchvision's block of a 3x3 convolution between two of 1x1."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` as torchvision's block does, but for rounding."""
        hidden = F.relu(convolve(x, self.conv1, self.bn1), inplace=True)
        hidden = F.relu(convolve(hidden, self.conv2, self.bn2), inplace=True)
        return _add_shortcut(self, convolve(hidden, self.conv3, self.bn3), x)


def convolve(x: Tensor, convolution: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Compute `norm(convolution(x))`, in one step if the normalisation is not being trained.

    It is then a scale and a shift per channel: n(w * x) = (scale w) * x + shift. That spares two
    passes over the activations and, under autocast, keeps them in half precision: the weights are
    small beside what they make.
    """
    constant = isinstance(norm, FrozenBatchNorm2d) or (
        isinstance(norm, nn.BatchNorm2d) and not norm.training
    )
    if not constant:
        return norm(convolution(x))
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    weight = convolution.weight * scale[:, None, None, None]
    return F.conv2d(
        x,
        weight,
        shift,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )


def _add_shortcut(block: BasicBlock | Bottleneck, branch: Tensor, x: Tensor) -> Tensor:
    shortcut = x if block.downsample is None else convolve(x, *block.downsample)
    return F.relu(branch.add_(shortcut), inplace=True)


class SampledRPN(RegionProposalNetwork):
    """A region proposal network whose losses cost next to nothing, there and in the gradient.

    All anchors are predicted without a gradient, for the proposals, which need none. Those sampled
    for the losses (256 per image, of hundreds of thousands) are predicted again by themselves. A
    head that is not an `RPNHead` is run as in the plain network.
    """

    def forward(
        self, images: ImageBatch, features: list[Tensor], targets: list[dict] | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Propose boxes; see `RegionProposalNetwork.forward`."""
        if not isinstance(self.head, RPNHead):
            return super().forward(images, features, targets)
        with torch.no_grad():
            proposals, _ = super().forward(images, features)
        # Autocast keeps the weights that it has converted. Older releases (2.6 for one) read these
        # again for the losses, and as they were made without gradients, the head did not learn.
        torch.clear_autocast_cache()
        if targets is None:
            return proposals, {}
        anchors = torch.cat(self.anchor_generator(features, images.padded_size))  # [M, 4]
        positives, negatives, target_deltas = self.draw_sample(anchors, targets)
        sampled = torch.cat([positives, negatives])  # [S]
        objectness, deltas = predict_for(self.head, features, sampled)  # [S], [S, 4]
        losses = self.compute_losses(
            objectness.to(anchors.dtype), deltas.to(anchors.dtype), target_deltas
        )
        return proposals, losses


def predict_for(head: RPNHead, features: list[Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
    """Predict for some anchors only.

    What the head says at a cell depends on the 3 x 3 cells around it, or with two convolutions on
    5 x 5: these are cut out, and the same layers run on them.

    Args:
        head: its layers are run.
        features: one `Tensor[N, C, H, W]` per level.
        anchors: `Tensor[S]` of int64, numbers in the order of the head's results, those of all
            levels of the first image before those of the second.

    Returns:
        Objectness logits `Tensor[S]` and deltas `Tensor[S, 4]`.
    """
    per_cell = head.cls_logits.out_channels  # A
    convolutions = [block[0] for block in head.conv]
    numbers = [feature[0, 0].numel() * per_cell for feature in features]
    image, anchor = anchors // sum(numbers), anchors % sum(numbers)  # [S], [S]
    surroundings, inside, places, start = [], [], [], 0
    for feature, number in zip(features, numbers):
        on_level = torch.nonzero((anchor >= start) & (anchor < start + number)).squeeze(1)  # [L]
        cell = (anchor[on_level] - start) // per_cell  # [L]
        cells, on_map = _cut_out(feature, image[on_level], cell, reach=len(convolutions))
        surroundings.append(cells)  # [L, n, n, C], n = 3 for one convolution
        inside.append(on_map)  # [L, n, n]
        places.append(on_level)
        start += number
    cells, on_map = torch.cat(surroundings), torch.cat(inside)
    for convolution in convolutions[:-1]:
        # Each uses up the outermost cells. Beyond the border the next one's input is zero, too.
        hidden = F.conv2d(cells.permute(0, 3, 1, 2), convolution.weight, convolution.bias)
        on_map = on_map[:, 1:-1, 1:-1]
        cells = F.relu(hidden).permute(0, 2, 3, 1) * on_map[..., None]  # [S, n - 2, n - 2, C]
    # At a single place a convolution is a product with its weights, laid out as the cells are.
    weight = convolutions[-1].weight.permute(0, 2, 3, 1).flatten(1)  # [C, 9 C]
    hidden = F.relu(F.linear(cells.flatten(1), weight, convolutions[-1].bias))  # [S, 9 C] to [S, C]
    hidden = hidden[..., None, None]  # [S, C, 1, 1]
    order = torch.cat(places)  # [S], level by level
    chosen = torch.arange(len(order), device=order.device), anchor[order] % per_cell
    objectness = head.cls_logits(hidden).flatten(1)[chosen]  # [S, A] to [S]
    deltas = head.bbox_pred(hidden).reshape(len(order), per_cell, 4)[chosen]  # [S, A, 4] to [S, 4]
    back = order.argsort()
    return objectness[back], deltas[back]


def _cut_out(feature: Tensor, image: Tensor, cell: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Cut the cells around each cell out of its image's map, zeros beyond the border.

    Args:
        feature: `Tensor[N, C, H, W]`.
        image, cell: `Tensor[S]` of int64; cells are numbered row by row.
        reach: how far to each side; n is 2 * reach + 1.

    Returns:
        The cells `Tensor[S, n, n, C]`, and which of them lie on the map, `Tensor[S, n, n]`.
    """
    height, width = feature.shape[-2:]
    around = torch.arange(-reach, reach + 1, device=cell.device)
    y = (cell // width)[:, None, None] + around[:, None]  # [S, n, 1]
    x = (cell % width)[:, None, None] + around  # [S, 1, n]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)  # [S, n, n]
    # Cells first, channels last: a cell's channels lie together in memory.
    by_cell = feature.permute(0, 2, 3, 1).flatten(0, 2)  # [N H W, C]
    row = (image[:, None, None] * height + y.clamp(0, height - 1)) * width + x.clamp(0, width - 1)
    # Cut-outs overlap. The gradient of plain indexing would add them up in whatever order the
    # threads come; that of an embedding's rows does so in one order.
    cut = F.embedding(row, by_cell)  # [S, n, n, C]
    return cut * inside[..., None], inside


def interleave(parts: list[Tensor], places: list[Tensor]) -> Tensor:
    """Compute `torch.cat(parts)[torch.cat(places).argsort()]`, without writing everything twice.

    RoI features are the largest tensors of the second stage.

    Args:
        parts: each `Tensor[R_i, ...]`, alike but for their number of rows.
        places: each `Tensor[R_i]` of int64, where the rows go among all rows; no two to one place.

    Returns:
        `Tensor[R_1 + R_2 + ..., ...]`.
    """
    return _Interleave.apply(places, *parts)


class _Interleave(torch.autograd.Function):
    @staticmethod
    def forward(ctx, places, *parts):
        ctx.places = places
        rows = parts[0].new_empty(sum(map(len, parts)), *parts[0].shape[1:])
        for place, part in zip(places, parts):
            rows.index_copy_(0, place, part)
        return rows

    @staticmethod
    def backward(ctx, grad):
        return None, *(grad.index_select(0, place) for place in ctx.places)
