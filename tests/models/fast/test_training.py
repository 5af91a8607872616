"""What every model has in place of plain parts gives their results and gradients, to 1e-10."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.fast.training import (
    BasicBlock,
    Bottleneck,
    SampledRPN,
    convolve,
    interleave,
)
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.rpn import AnchorGenerator, RegionProposalNetwork, RPNHead

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def gradients(outputs: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Of a sum in which every number of every output has a weight of its own."""
    generator = torch.Generator().manual_seed(9)
    weighted = [
        (output * torch.randn(output.shape, generator=generator, dtype=output.dtype)).sum()
        for output in outputs
    ]
    return torch.autograd.grad(sum(weighted), inputs)


def check_equal(ours: list[Tensor], plain: list[Tensor], inputs_of_ours, inputs_of_plain) -> None:
    torch.testing.assert_close(ours, plain, **EXACT)
    found, expected = gradients(ours, inputs_of_ours), gradients(plain, inputs_of_plain)
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 1e-6
        torch.testing.assert_close(one, other, **EXACT)


def randomise_norms(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm2d, FrozenBatchNorm2d)):
            for name in ("weight", "bias", "running_mean", "running_var"):
                values = getattr(norm, name)
                values.data = torch.rand_like(values) + 0.5


@pytest.mark.parametrize("norm_layer", [FrozenBatchNorm2d, nn.BatchNorm2d])
@pytest.mark.parametrize("name", ["BasicBlock", "Bottleneck"])
@pytest.mark.parametrize("training", [False, True])
def test_blocks_are_torchvisions(name, norm_layer, training):
    torch.manual_seed(0)
    shortcut = nn.Sequential(nn.Conv2d(6, 8, 1, stride=2, bias=False), norm_layer(8))
    kind = {"BasicBlock": BasicBlock, "Bottleneck": Bottleneck}[name]
    their_kind = getattr(resnet, name)
    planes = 8 // their_kind.expansion
    settings = {"stride": 2, "downsample": shortcut, "norm_layer": norm_layer}
    plain = their_kind(6, planes, **settings).double().train(training)
    randomise_norms(plain)
    ours = kind(6, planes, **settings).double().train(training)
    ours.load_state_dict(plain.state_dict())
    ours.downsample = shortcut
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64, requires_grad=True)
    inputs = [[x, *block.parameters()] for block in (ours, plain)]
    check_equal([ours(x)], [plain(x)], *inputs)


@pytest.mark.parametrize("frozen", [False, True])
def test_convolution_and_norm_in_one_step(frozen):
    torch.manual_seed(0)
    convolution = nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False)
    norm = (FrozenBatchNorm2d(6, eps=0.1) if frozen else nn.BatchNorm2d(6, eps=0.1)).eval()
    convolution.double(), norm.double()
    randomise_norms(norm)
    x = torch.randn(2, 4, 9, 7, dtype=torch.float64, requires_grad=True)
    inputs = [x, convolution.weight, *norm.parameters()]
    check_equal([convolve(x, convolution, norm)], [norm(convolution(x))], inputs, inputs)


@pytest.mark.parametrize("num_convolutions", [1, 2, 3])
@pytest.mark.parametrize("num_samples", [10, 10**6])
def test_losses_of_a_sampled_rpn_are_the_plain_ones(num_samples, num_convolutions):
    torch.manual_seed(0)
    config = mini_config(3, rpn_batch_size_per_image=num_samples)
    generator = AnchorGenerator(((16,), (40,)), (0.5, 1.0, 2.0))
    head = RPNHead(5, generator.num_anchors_per_cell, num_convolutions).double()
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    sizes = [(64, 96), (50, 90)]
    images = ImageBatch(torch.zeros(2, 3, 64, 96, dtype=torch.float64), sizes, sizes)
    features = [
        torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
        for size in ((8, 12), (4, 6))
    ]
    boxes = torch.tensor([[5.0, 4, 30, 25], [40, 8, 90, 60]], dtype=torch.float64)
    targets = [{"boxes": boxes}, {"boxes": boxes[:1]}]
    results = []
    for kind in (SampledRPN, RegionProposalNetwork):
        torch.manual_seed(1)
        results.append(kind(generator, head, config).train()(images, features, targets))
    (proposals, losses), (expected_proposals, expected) = results
    torch.testing.assert_close(proposals, expected_proposals, **EXACT)
    assert losses.keys() == expected.keys()
    inputs = [*features, *head.parameters()]
    check_equal(list(losses.values()), list(expected.values()), inputs, inputs)
    assert not any(boxes.requires_grad for boxes in (*proposals, *expected_proposals))


def test_a_head_of_ones_own_is_run_once(unlike_images):
    model = mask_rcnn(mini_config(4)).train()

    class Head(nn.Module):
        def __init__(self, own):
            super().__init__()
            self.own = own

        def forward(self, features):
            return self.own(features)

    runs = []
    model.rpn.head = Head(model.rpn.head)
    model.rpn.head.register_forward_hook(lambda *_: runs.append(1))
    losses = model(*unlike_images)
    assert len(runs) == 1
    losses["loss_objectness"].backward()
    assert model.rpn.head.own.cls_logits.weight.grad.abs().sum() > 0


def test_interleaved_rows_are_those_put_in_order():
    torch.manual_seed(0)
    places = list(torch.randperm(12).split([5, 0, 7]))
    parts = [torch.randn(len(place), 3, 2, dtype=torch.float64) for place in places]
    parts = [part.requires_grad_() for part in parts]
    plain = torch.cat(parts)[torch.cat(places).argsort()]
    inputs = [part for part in parts if len(part)]
    check_equal([interleave(parts, places)], [plain], inputs, inputs)


def test_interleaved_rows_have_a_second_derivative():
    places = [torch.tensor([3, 0]), torch.tensor([1, 2, 4])]
    parts = [torch.randn(len(place), 2, dtype=torch.float64).requires_grad_() for place in places]
    assert torch.autograd.gradgradcheck(lambda *rows: interleave(list(rows), places), parts)
