"""A stage at the resolution of its input: stride traded for dilation ("a trous").

DeepLab's trick (Chen et al. 2015, section 3.1), which R-FCN and FCIS use for the trunk's last
stage: no halving, and every convolution that came after it reads its neighbours twice as far away.
The weights mean what they did: at every second row and column the result is the strided stage's.
"""

from torch import nn


def remove_stride(stage: nn.Module) -> nn.Module:
    """Change, in place, a stage that halves the resolution into one that keeps it.

    Args:
        stage: residual blocks, the first with stride 2.

    Returns:
        The same stage, with the same parameters: `Tensor[N, C, H, W]` to `Tensor[N, C', H, W]`.
    """
    dilation = 1
    for convolution in stage.modules():
        if not isinstance(convolution, nn.Conv2d):
            continue
        if convolution.kernel_size == (3, 3):
            convolution.dilation = convolution.padding = (dilation, dilation)
            # On the main path the stride is a 3x3 convolution's; what follows it is dilated.
            dilation *= convolution.stride[0]
        convolution.stride = (1, 1)
    return stage
