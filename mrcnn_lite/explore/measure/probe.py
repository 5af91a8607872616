"""What can be read off features by the simplest reader there is (Alain and Bengio 2016)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LinearProbe:
    """A linear reader: a score for each class from a feature vector, by least squares.

    Attributes:
        mean, std: `Tensor[C]`, of the features that it was fitted to.
        weights: `Tensor[C + 1, K]`, the last row the constant.
    """

    mean: Tensor
    std: Tensor
    weights: Tensor

    @classmethod
    def fit(cls, features: Tensor, labels: Tensor, num_classes: int) -> "LinearProbe":
        """Fit a reader that gives a feature's own class 1 and the others 0.

        Args:
            features: `Tensor[N, C]`.
            labels: `Tensor[N]` of int64, from 0 to num_classes - 1.
            num_classes: K.
        """
        # A mild ridge: some channels may say the same, or nothing.
        ridge = 1e-2 * len(features)
        features = features.double()
        mean, std = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
        inputs = _with_constant((features - mean) / std)
        penalty = ridge * torch.eye(inputs.shape[1], dtype=torch.float64)
        penalty[-1, -1] = 0
        wanted = F.one_hot(labels, num_classes).double()
        weights = torch.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ wanted)
        return cls(mean, std, weights)

    def scores(self, features: Tensor) -> Tensor:
        """Read `Tensor[..., C]`: a score for each class, `Tensor[..., K]`."""
        return _with_constant((features.double() - self.mean) / self.std) @ self.weights

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Say which share of `Tensor[N, C]` gets its highest score for its own class."""
        return (self.scores(features).argmax(dim=1) == labels).double().mean().item()


def _with_constant(inputs: Tensor) -> Tensor:
    return torch.cat([inputs, inputs.new_ones(*inputs.shape[:-1], 1)], dim=-1)


def features_at_centers(feature_map: Tensor, boxes: Tensor, stride: int) -> Tensor:
    """Take the cell under the centre of each box.

    Args:
        feature_map: `Tensor[C, H, W]`.
        boxes: `Tensor[N, 4]` in image pixels, their centres on the map.
        stride: of the map.

    Returns:
        `Tensor[N, C]`.
    """
    x, y = ((boxes[:, :2] + boxes[:, 2:]) / (2 * stride)).long().unbind(dim=1)
    return feature_map[:, y, x].T


def features_near_outlines(
    feature_map: Tensor, masks: Tensor, reach: int = 3
) -> tuple[Tensor, Tensor]:
    """Read a map, by bilinear interpolation, at every pixel near an outline of the objects.

    Args:
        feature_map: `Tensor[C, H, W]`.
        masks: `Tensor[N, height, width]` of 0 and 1, in image pixels; N may be 0.
        reach: pixels along either axis within which an outline counts as near.

    Returns:
        `Tensor[P, C]`, and for each of the P pixels whether it belongs to an object (1) or to the
        ground (0), `Tensor[P]` of int64.
    """
    inside = masks.sum(dim=0).clamp(max=1)
    around = inside[None].float()
    window = 2 * reach + 1
    most, least = (sign * F.max_pool2d(sign * around, window, 1, reach) for sign in (1, -1))
    near = (most != least)[0]
    # PyTorch enlarges several times as fast with channels last. A map taken out of a batch has them
    # last, but not the strides by which PyTorch would see it; this copy has.
    by_cell = feature_map.permute(1, 2, 0).contiguous()[None]  # [1, h, w, C]
    size = tuple(near.shape)
    enlarged = F.interpolate(
        by_cell.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
    )[0]  # [C, height, width]
    return enlarged.permute(1, 2, 0)[near], inside[near].long()
