"""The mask predictor of a prepared model: of each RoI, the mask of one class.

What it replaces: `MaskPredictor`, which gives a mask for each of K classes, although detection
keeps only one. Under a sigmoid the classes do not compete (section 3.1), so one mask can be
computed without the others: the last layer becomes a product with a single row of its weights. The
layer before it, a transposed convolution of kernel and stride 2, is a matrix product, since no two
of its outputs overlap; and as the last layer looks at single places, they go to their rows and
columns after it.

Why it is faster: of 91 masks, one takes a quarter to a third less than all, in float32 and in
bfloat16. docs/results/model.md has what inference takes with it.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.heads import MaskPredictor


class OneMaskPredictor(MaskPredictor):
    """Takes the place of a `MaskPredictor`, for inference; called as that is, it gives all masks.

    Args:
        predictor: its layers are used as they are.
    """

    def __init__(self, predictor: MaskPredictor):
        nn.Sequential.__init__(self, OrderedDict(predictor.named_children()))

    @property
    def num_masks(self) -> int:
        """How many masks there are to choose from."""
        return self.mask_fcn_logits.out_channels

    def predict_one(self, hidden: Tensor, masks: Tensor) -> Tensor:
        """Compute `self(hidden)[range(R), masks]`, but for rounding.

        Args:
            hidden: `Tensor[R, C, P, P]`, as for `forward`.
            masks: `Tensor[R]` of int64, the mask of each RoI.

        Returns:
            Logits `Tensor[R, 2 P, 2 P]`.
        """
        number, _, height, width = hidden.shape
        upsample, logits = self.conv5_mask, self.mask_fcn_logits
        rows = hidden.permute(0, 2, 3, 1).flatten(0, 2)  # [R P P, C]
        weight = upsample.weight.permute(2, 3, 1, 0).flatten(0, 2)  # [2 2 C', C]
        bias = upsample.bias.repeat(4)  # [2 2 C']
        places = F.relu(F.linear(rows, weight, bias), inplace=True)  # [R P P, 2 2 C']
        places = places.view(number, height * width * 4, upsample.out_channels)  # [R, P P 2 2, C']
        chosen = logits.weight[masks].flatten(2)  # [R, C', 1]
        values = torch.bmm(places, chosen).squeeze(2) + logits.bias[masks, None]  # [R, P P 2 2]
        values = values.view(number, height, width, 2, 2).transpose(2, 3)  # [R, P, 2, P, 2]
        return values.reshape(number, 2 * height, 2 * width)
