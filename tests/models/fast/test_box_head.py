"""A prepared model's box head gives the plain one's numbers and gradients, to 1e-10."""

import copy

import pytest
import torch

from mrcnn_lite.models.fast.box_head import ChannelsLastBoxHead
from mrcnn_lite.models.heads import BoxHead


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("rois", [0, 7])
def test_box_head_is_the_plain_one(layout, rois):
    torch.manual_seed(0)
    plain = BoxHead(6 * 49, 10).double()
    ours = ChannelsLastBoxHead(copy.deepcopy(plain), in_channels=6)
    features = torch.randn(rois, 6, 7, 7, dtype=torch.float64).to(memory_format=layout)
    results = []
    for head in (ours, plain):
        leaf = features.clone().requires_grad_()
        hidden = head(leaf)
        (gradient,) = torch.autograd.grad(hidden.square().sum(), leaf)
        results.append((hidden, gradient))
    torch.testing.assert_close(*results, atol=1e-10, rtol=1e-10)


def test_features_are_read_as_they_lie():
    head = ChannelsLastBoxHead(BoxHead(6 * 49, 10), in_channels=6)
    features = torch.randn(7, 6, 7, 7).to(memory_format=torch.channels_last)
    inputs = []
    head.fc6.register_forward_hook(lambda _, args, __: inputs.extend(args))
    head(features)
    assert inputs[0].data_ptr() == features.data_ptr()
