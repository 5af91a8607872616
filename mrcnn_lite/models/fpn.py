"""The Feature Pyramid Network: strong features at every scale (Lin et al. 2017, section 3)."""

import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.backbone import Trunk
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fast.convolution import LargeMapConv2d


class FeaturePyramid(nn.Module):
    """Merge the trunk's maps from coarse to fine.

    merged_k = lateral(C_k) + upsample(merged_{k+1}) and P_k = smooth(merged_k): a coarse map knows
    what is there, a fine one knows where. One more level, the coarsest P_k subsampled by 2, serves
    the RPN's largest anchors.

    Args:
        in_channels: channels of C2, C3, ..., finest first.
        out_channels: channels of every P_k.
        batch_norm: whether each convolution is followed by batch norm, in place of its bias
            (torchvision's second version).
    """

    def __init__(self, in_channels: tuple[int, ...], out_channels: int, batch_norm: bool = False):
        super().__init__()
        bias = not batch_norm

        def block(convolution: nn.Conv2d) -> nn.Sequential:
            # In a Sequential also by itself, which gives torchvision's parameter names.
            norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
            return nn.Sequential(convolution, *norm)

        self.inner_blocks = nn.ModuleList(
            block(nn.Conv2d(channels, out_channels, kernel_size=1, bias=bias))
            for channels in in_channels
        )
        self.layer_blocks = nn.ModuleList(
            block(LargeMapConv2d(out_channels, out_channels, bias)) for _ in in_channels
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Compute the pyramid.

        Args:
            features: C2, C3, ..., each `Tensor[N, in_channels[k], H_k, W_k]`, finest first.

        Returns:
            P2, P3, ... and the subsampled level, each `Tensor[N, out_channels, H_k, W_k]`.
        """
        merged = self.inner_blocks[-1](features[-1])  # [N, out_channels, H_k, W_k], the coarsest k
        pyramid = [self.layer_blocks[-1](merged)]
        for k in reversed(range(len(features) - 1)):
            size = features[k].shape[-2:]
            merged = F.interpolate(merged, size=size, mode="nearest")  # [N, out_channels, H_k, W_k]
            # In place, as this is where memory peaks at inference.
            merged.add_(self.inner_blocks[k](features[k]))
            pyramid.insert(0, self.layer_blocks[k](merged))
        subsampled = F.max_pool2d(pyramid[-1], kernel_size=1, stride=2)  # every second cell
        return [*pyramid, subsampled]


class BackboneWithFPN(nn.Module):
    """Trunk and pyramid: image batch in, feature maps out, finest first."""

    def __init__(self, body: Trunk, out_channels: int, batch_norm: bool = False):
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramid(body.channels, out_channels, batch_norm)
        self.out_channels = out_channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute P2, P3, ... of `Tensor[N, 3, H, W]`; see `FeaturePyramid.forward`."""
        return self.fpn(self.body(images))


def make_fpn_backbone(
    trunk: Trunk, config: MaskRCNNConfig, batch_norm: bool = False
) -> tuple[nn.Module, None, int]:
    """Put a pyramid of `config.fpn_channels` on the trunk; for `batch_norm` see `FeaturePyramid`.

    Returns:
        The backbone; no head that the branches share; and the channels of a RoI's features.
    """
    backbone = BackboneWithFPN(trunk, config.fpn_channels, batch_norm)
    return backbone, None, config.fpn_channels
