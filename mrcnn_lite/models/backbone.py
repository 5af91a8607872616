"""The trunk: a ResNet that turns an image into feature maps C2 to C5 (He et al. 2016).

Blocks and pre-trained weights are torchvision's, ResNeXt's grouped ones included (Xie et al. 2017);
this file only says where the maps are taken off. (`convolve` is a convolution and its batch norm.)
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torchvision.models import ResNet
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models.fast.training import BasicBlock, Bottleneck, convolve

# The fourth stage is for C4 and C5. C4 runs it on every RoI, so it is kept small.
MINI_CHANNELS = (48, 96, 160, 128)
MINI_BLOCKS = (1, 2, 2, 2)
MINI_STEM_CHANNELS = 32

# How torchvision builds these.
RESNETS = {
    "resnet50": {"layers": [3, 4, 6, 3], "groups": 1, "width_per_group": 64},
    "resnet101": {"layers": [3, 4, 23, 3], "groups": 1, "width_per_group": 64},
    "resnext50_32x4d": {"layers": [3, 4, 6, 3], "groups": 32, "width_per_group": 4},
    "resnext101_64x4d": {"layers": [3, 4, 23, 3], "groups": 64, "width_per_group": 4},
}


class Trunk(nn.Module):
    """A ResNet without its classifier.

    Each stage halves the resolution of the one before, starting from stride 4; C_k, the k-th
    stage's last activation, has stride 2**k (Feature Pyramid Networks, section 3).

    Args:
        conv1, bn1, maxpool: the stem, which brings the image to the first stage's input.
        layers: the stages, first to last, named layer1, layer2, ... as in torchvision.
        channels: channels of each stage's output.
    """

    def __init__(
        self,
        conv1: nn.Module,
        bn1: nn.Module,
        maxpool: nn.Module,
        layers: list[nn.Module],
        channels: tuple[int, ...],
    ):
        super().__init__()
        self.conv1 = conv1
        self.bn1 = bn1
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = maxpool
        for number, layer in enumerate(layers, start=1):
            self.add_module(f"layer{number}", layer)
        self.num_layers = len(layers)
        self.channels = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute C2, C3, ... of a batch.

        Args:
            images: `Tensor[N, 3, H, W]`, normalised.

        Returns:
            One `Tensor[N, channels[k], H / 2**(k+2), W / 2**(k+2)]` per stage, finest first.
        """
        x = self.relu(convolve(images, self.conv1, self.bn1))  # [N, C, H / 2, W / 2]
        x = self.maxpool(x)  # [N, C, H / 4, W / 4], or as it was
        features = []
        for number in range(1, self.num_layers + 1):
            x = self.get_submodule(f"layer{number}")(x)  # [N, channels[k], H / 2**(k+2), ...]
            features.append(x)
        return features

    def freeze_all_but(self, trainable_layers: int) -> None:
        """Stop training of the stem and the first stages, keeping the last `trainable_layers`.

        The first stages hold edges and colours that need no retraining; counting from the last
        stage, one more than there are stages also trains the stem.

        Raises:
            ValueError: `trainable_layers` is not between 0 and the number of stages + 1.
        """
        if not 0 <= trainable_layers <= self.num_layers + 1:
            raise ValueError(
                f"trainable_backbone_layers should be 0 to {self.num_layers + 1}, "
                f"got {trainable_layers}"
            )
        parts = ["stem", *(f"layer{k}" for k in range(1, self.num_layers + 1))]
        for name in parts[: len(parts) - trainable_layers]:
            frozen = [self.conv1, self.bn1] if name == "stem" else [self.get_submodule(name)]
            for module in frozen:
                module.requires_grad_(False)

    def take_off_last_stage(self) -> nn.Module:
        """Remove the last stage and return it; `forward` then ends with the map before."""
        name = f"layer{self.num_layers}"
        stage = self.get_submodule(name)
        delattr(self, name)
        self.num_layers -= 1
        self.channels = self.channels[:-1]
        return stage


def resnet_trunk(name: str, frozen_batch_norm: bool, frozen_batch_norm_eps: float = 1e-5) -> Trunk:
    """Build the trunk of one of torchvision's bottleneck ResNets or ResNeXts, with random weights.

    A detector sees a couple of large images per step, too few to estimate a mean and variance; so
    a trunk that starts from classification weights keeps their batch norm as it is.

    Args:
        name: torchvision's, "resnet50" for example; the parameters are named as there.
        frozen_batch_norm: keep batch norm's statistics and scale as they are loaded.
        frozen_batch_norm_eps: what frozen batch norm adds to the variance.
    """
    frozen = partial(FrozenBatchNorm2d, eps=frozen_batch_norm_eps)
    norm_layer = frozen if frozen_batch_norm else nn.BatchNorm2d
    resnet = ResNet(Bottleneck, norm_layer=norm_layer, **RESNETS[name])
    layers = [resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4]
    return Trunk(resnet.conv1, resnet.bn1, resnet.maxpool, layers, (256, 512, 1024, 2048))


def mini_trunk(num_stages: int = 3, backbone: str = "mini") -> Trunk:
    """Build a small ResNet for 128-px scenes, trained from random weights with real batch norm.

    The stem keeps half the resolution (a 3x3 convolution of stride 2, no max pooling), since the
    smallest objects are 16 px wide; three stages end at stride 16, with most of the blocks where
    the maps are small and telling shapes apart is cheap.

    Args:
        num_stages: 3, or 4 to end at stride 32.
        backbone: "mini", or "mini_resnext" for a small ResNeXt at like cost.
    """
    conv1 = nn.Conv2d(3, MINI_STEM_CHANNELS, kernel_size=3, stride=2, padding=1, bias=False)
    nn.init.kaiming_normal_(conv1.weight, mode="fan_out", nonlinearity="relu")
    stages = []
    in_channels = MINI_STEM_CHANNELS
    for channels, blocks in zip(MINI_CHANNELS[:num_stages], MINI_BLOCKS):
        stages.append(residual_stage(backbone, in_channels, channels, blocks))
        in_channels = channels
    norm = nn.BatchNorm2d(MINI_STEM_CHANNELS)
    return Trunk(conv1, norm, nn.Identity(), stages, MINI_CHANNELS[:num_stages])


def residual_stage(backbone: str, in_channels: int, channels: int, blocks: int) -> nn.Sequential:
    """Build a stage of the backbone's blocks, with random weights and real batch norm.

    The first block halves the resolution: `Tensor[N, in_channels, H, W]` becomes
    `Tensor[N, channels, H / 2, W / 2]`.
    """
    block, planes = _block_of(backbone), channels
    if backbone != "mini":
        planes //= Bottleneck.expansion
    shortcut = nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel_size=1, stride=2, bias=False),
        nn.BatchNorm2d(channels),
    )
    first = block(in_channels, planes, stride=2, downsample=shortcut)
    stage = nn.Sequential(first, *(block(channels, planes) for _ in range(blocks - 1)))
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return stage


def _block_of(backbone: str) -> Callable[..., BasicBlock | Bottleneck]:
    if backbone == "mini":
        return BasicBlock
    if backbone == "mini_resnext":
        # Twice as wide inside as its stages' output: about as many operations as mini's blocks.
        return partial(Bottleneck, groups=4, base_width=128)
    resnet = RESNETS[backbone]
    return partial(Bottleneck, groups=resnet["groups"], base_width=resnet["width_per_group"])
