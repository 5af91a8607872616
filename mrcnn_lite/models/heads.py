"""What is asked of each RoI: class and box from one branch, a mask from another, in parallel.

Parameter names are torchvision's. The heads are those of Mask R-CNN's figure 4, right (FPN); the
fully connected mask head that table 2e compares; and the deeper ones, with batch norm, of
torchvision's second version (Li et al. 2021, "Benchmarking Detection Transfer Learning with Vision
Transformers").
"""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig


class BoxHead(nn.Module):
    """Two fully connected layers over the flattened RoI features (FPN, section 4.2).

    Args:
        in_features: channels x height x width of the RoI features.
        channels: width of both layers.
    """

    def __init__(self, in_features: int, channels: int):
        super().__init__()
        self.fc6 = nn.Linear(in_features, channels)
        self.fc7 = nn.Linear(channels, channels)

    def forward(self, roi_features: Tensor) -> Tensor:
        """Map `Tensor[R, C, P, P]` to `Tensor[R, channels]`."""
        hidden = F.relu(self.fc6(roi_features.flatten(start_dim=1)))  # [R, C P P] to [R, channels]
        return F.relu(self.fc7(hidden))  # [R, channels]


class ConvolutionalBoxHead(nn.Sequential):
    """3x3 convolutions with batch norm, then one fully connected layer (Li et al. 2021).

    Maps `Tensor[R, C, P, P]` to `Tensor[R, channels]`. The convolutions look at the RoI as a
    picture before `Flatten` ends that.

    Args:
        in_channels: C.
        side: P.
        convolutions: channels of each.
        channels: width of the layer after them.
    """

    def __init__(self, in_channels: int, side: int, convolutions: tuple[int, ...], channels: int):
        layers = []
        for out_channels in convolutions:
            layers.append(_convolution_and_relu(in_channels, out_channels, batch_norm=True))
            in_channels = out_channels
        connected = nn.Linear(in_channels * side**2, channels)
        super().__init__(*layers, nn.Flatten(), connected, nn.ReLU(inplace=True))


class BoxPredictor(nn.Module):
    """Class logits, and for every class a box of its own (Fast R-CNN, section 2.1)."""

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Map `Tensor[R, C]` to logits `Tensor[R, K]` and deltas `Tensor[R, K * 4]`."""
        return self.cls_score(hidden), self.bbox_pred(hidden)


class MaskHead(nn.Sequential):
    """3x3 convolutions that keep the RoI's grid: `Tensor[R, C, P, P]` to `Tensor[R, C', P, P]`.

    Convolutions rather than fully connected layers, since pixels stay where they are (section 3.1,
    "Mask Representation"; table 2e).

    Args:
        in_channels: C.
        channels: of each convolution's output; C' is the last.
        batch_norm: whether each is followed by batch norm, as in torchvision's second version.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], batch_norm: bool = False):
        layers = []
        for out_channels in channels:
            layers.append(_convolution_and_relu(in_channels, out_channels, batch_norm))
            in_channels = out_channels
        super().__init__(*layers)


class MaskPredictor(nn.Sequential):
    """Double the resolution, then one mask of logits per class.

    Maps `Tensor[R, C, P, P]` to `Tensor[R, num_masks, 2 P, 2 P]`: the K x m x m of section 3.

    Args:
        in_channels: C.
        channels: width between the two layers.
        num_masks: one for each class, background included: under a sigmoid the mask of class 0 is
            computed, as in torchvision, and never read. Or 1, for one mask that all classes share.
        logits_std: see `MaskRCNNConfig.mask_logits_std`.
    """

    def __init__(
        self, in_channels: int, channels: int, num_masks: int, logits_std: float | None = None
    ):
        upsample = nn.ConvTranspose2d(in_channels, channels, kernel_size=2, stride=2)
        logits = nn.Conv2d(channels, num_masks, kernel_size=1)
        nn.init.kaiming_normal_(upsample.weight, mode="fan_out", nonlinearity="relu")
        if logits_std is not None:
            nn.init.normal_(logits.weight, std=logits_std)
        else:
            # A single output's fan-out of one would let the logits start ten times too large.
            mode = "fan_out" if num_masks > 1 else "fan_in"
            nn.init.kaiming_normal_(logits.weight, mode=mode, nonlinearity="relu")
        super().__init__(
            OrderedDict(conv5_mask=upsample, relu=nn.ReLU(inplace=True), mask_fcn_logits=logits)
        )


class MLPMaskHead(nn.Sequential):
    """Fully connected layers instead: `Tensor[R, C, P, P]` to `Tensor[R, C']` (table 2e).

    Args:
        in_features: C x P x P.
        channels: width of each layer.
    """

    def __init__(self, in_features: int, channels: tuple[int, ...]):
        layers = [nn.Flatten()]
        for out_features in channels:
            layers += [nn.Linear(in_features, out_features), nn.ReLU(inplace=True)]
            in_features = out_features
        super().__init__(*layers)


class MLPMaskPredictor(nn.Module):
    """All pixels of all masks from one vector: nothing says that neighbours are neighbours.

    Args:
        in_features: length of the vector.
        num_masks: as for `MaskPredictor`.
        side: m, the masks' height and width.
    """

    def __init__(self, in_features: int, num_masks: int, side: int):
        super().__init__()
        self.mask_logits = nn.Linear(in_features, num_masks * side**2)
        self.num_masks = num_masks
        self.side = side

    def forward(self, hidden: Tensor) -> Tensor:
        """Map `Tensor[R, C]` to `Tensor[R, num_masks, m, m]`."""
        return self.mask_logits(hidden).view(-1, self.num_masks, self.side, self.side)


def make_mlp_box_head(in_channels: int, side: int, config: MaskRCNNConfig) -> nn.Module:
    """Build the box head of two fully connected layers, for RoI features `Tensor[R, C, P, P]`.

    Args:
        in_channels: C.
        side: P.
        config: `box_head_channels` counts.
    """
    return BoxHead(in_channels * side**2, config.box_head_channels)


def make_convolutional_box_head(in_channels: int, side: int, config: MaskRCNNConfig) -> nn.Module:
    """Build the box head of convolutions and one more layer; see `make_mlp_box_head`."""
    return ConvolutionalBoxHead(
        in_channels, side, config.box_conv_channels, config.box_head_channels
    )


def make_fcn_branch(
    in_channels: int,
    side: int,
    after_shared_head: bool,
    config: MaskRCNNConfig,
    batch_norm: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """Build the convolutional mask head and predictor, for RoI features `Tensor[R, C, P, P]`.

    Args:
        in_channels: C.
        side: P; the masks' is 2 P.
        after_shared_head: with a single map the shared head takes the convolutions' place.
        config: `mask_head_channels`, `mask_logits_std` and the number of masks count.
        batch_norm: see `MaskHead`.
    """
    convolutions = () if after_shared_head else config.mask_head_channels
    head = MaskHead(in_channels, convolutions, batch_norm)
    width = config.mask_head_channels[-1]
    channels = (in_channels, *convolutions)[-1]
    return head, MaskPredictor(channels, width, config.num_masks, config.mask_logits_std)


def make_mlp_branch(
    in_channels: int, side: int, after_shared_head: bool, config: MaskRCNNConfig
) -> tuple[nn.Module, nn.Module]:
    """Build the fully connected mask head and predictor; arguments as for `make_fcn_branch`."""
    widths = config.mask_mlp_channels
    head = MLPMaskHead(in_channels * side**2, widths)
    return head, MLPMaskPredictor(widths[-1], config.num_masks, 2 * side)


def _convolution_and_relu(
    in_channels: int, out_channels: int, batch_norm: bool = False
) -> nn.Sequential:
    # Batch norm has a shift of its own, which a bias before it would only double.
    convolution = nn.Conv2d(
        in_channels, out_channels, kernel_size=3, padding=1, bias=not batch_norm
    )
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    if batch_norm:
        return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))
