"""Detection on a single map: C4, and C5 (Mask R-CNN, figure 4, left, and tables 2c and 2d).

Before pyramids, the RPN and the RoI operation read one map, C4 of stride 16, and the trunk's next
stage, res5, ran on every RoI: 14x14 bins in, 7x7 out, shared by the box and the mask branch. (The
paper reads 7x7 bins and takes res5's stride away: the result has the same size.) On C5, of stride
32, that stage is spent, and one more of its kind takes its place.
"""

from torch import Tensor, nn

from mrcnn_lite.models.backbone import Trunk, residual_stage
from mrcnn_lite.models.config import MaskRCNNConfig

# Bins per axis that are read for the shared head, which halves them.
SHARED_BINS = 14


class SingleMapBackbone(nn.Module):
    """A trunk, of which only the last map is used."""

    def __init__(self, body: Trunk):
        super().__init__()
        self.body = body
        self.out_channels = body.channels[-1]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute the last map of `Tensor[N, 3, H, W]`, as a list: a pyramid of one level."""
        return self.body(images)[-1:]


class AveragePool(nn.Module):
    """The box branch's own head after the shared one: nothing but a mean (figure 4, left)."""

    def forward(self, roi_features: Tensor) -> Tensor:
        """Map `Tensor[R, C, P, P]` to `Tensor[R, C]`."""
        return roi_features.mean(dim=(2, 3))  # [R, C]


def make_c4_backbone(trunk: Trunk, config: MaskRCNNConfig) -> tuple[nn.Module, nn.Module, int]:
    """Read C4; the trunk's last stage becomes the shared head.

    Args:
        trunk: loses its last stage.
        config: not read.

    Returns:
        The backbone; the shared head, `Tensor[R, backbone's channels, 14, 14]` to
        `Tensor[R, channels, 7, 7]`; and the number of those channels.
    """
    channels = trunk.channels[-1]
    shared_head = trunk.take_off_last_stage()
    return SingleMapBackbone(trunk), shared_head, channels


def make_c5_backbone(trunk: Trunk, config: MaskRCNNConfig) -> tuple[nn.Module, nn.Module, int]:
    """Read C5; a new stage like the trunk's last becomes the shared head.

    Args:
        trunk: keeps all of its stages.
        config: `backbone` says of which blocks the stage is.

    Returns:
        As `make_c4_backbone`.
    """
    channels = trunk.channels[-1]
    blocks = len(trunk.get_submodule(f"layer{trunk.num_layers}"))
    return (
        SingleMapBackbone(trunk),
        residual_stage(config.backbone, channels, channels, blocks),
        channels,
    )
