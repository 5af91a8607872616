"""Every variant on an Apple GPU that is not there, which has no float64 and not all operations."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mrcnn_lite.cli.options import MPS_SINCE
from mrcnn_lite.models import mini_config, prepare_for_inference
from mrcnn_lite.models.build import METHODS
from mrcnn_lite.models.fcn import find_instances
from tests.fake_device import FakeDevice
from tests.models.variants.test_variants import MINI_VARIANTS

MPS = torch.device("mps", 0)
FEW = {
    **{"min_size": 64, "max_size": 96, "box_detections_per_img": 10, "box_score_thresh": 0.0},
    **{"rpn_post_nms_top_n_train": 50, "rpn_post_nms_top_n_test": 50},
}
VARIANTS = {
    **{name: ("mask_rcnn", settings) for name, settings in MINI_VARIANTS.items()},
    "not_aligned": ("mask_rcnn", {"aligned": False}),
    "fcis": ("fcis", {"neck": "c5"}),
    "fcis_pool": ("fcis", {"neck": "c4", "roi_op": "pool"}),
    "fcn": ("fcn", {"neck": "c4"}),
}
# Each has a part or an operation that none before it has; the others put the same ones together
# anew, which says no more of a version of PyTorch.
OF_EACH_PART = [
    "mini",
    "mini_resnext",
    "c4",
    "pool",
    "warp_max",
    "mlp",
    "softmax",
    "agnostic",
    "fcis",
    "fcis_pool",
    "fcn",
]


def make_model(method, settings):
    torch.manual_seed(0)
    return METHODS[method](replace(mini_config(5, **settings), **FEW))


def train_and_detect(model, images, targets):
    """Losses, gradients, detections, and the weights after one step of the optimiser."""
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    losses = model.train()(images, targets)
    sum(losses.values()).backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    with torch.inference_mode():
        detections = model.eval()(images)
    nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    return losses, gradients, detections, dict(model.named_parameters())


def assert_same(found, expected):
    """Numbers by name, those found on the fake device and the others on the CPU."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.device == MPS
        of_cpu = expected[name].detach()
        torch.testing.assert_close(value.detach().value, of_cpu, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        pytest.param(*variant, id=name, marks=[] if name in OF_EACH_PART else pytest.mark.once)
        for name, variant in VARIANTS.items()
    ],
)
def test_a_step_and_detections_on_mps_are_those_of_the_cpu(method, settings, unlike_images):
    images, targets = unlike_images
    expected = train_and_detect(make_model(method, settings), images, targets)
    with FakeDevice("mps"):
        images = [image.to(MPS) for image in images]
        targets = [{key: value.to(MPS) for key, value in target.items()} for target in targets]
        found = train_and_detect(make_model(method, settings).to(MPS), images, targets)
    for numbers, numbers_of_cpu in zip((*found[:2], found[3]), (*expected[:2], expected[3])):
        assert_same(numbers, numbers_of_cpu)
    for of_image, of_cpu in zip(found[2], expected[2], strict=True):
        assert method == "fcn" or len(of_cpu["boxes"]) == 10
        assert_same({"scores": of_image["scores"]}, {"scores": of_cpu["scores"]})
        assert {name: value.shape for name, value in of_image.items()} == {
            name: value.shape for name, value in of_cpu.items()
        }


@pytest.mark.parametrize("settings", [{}, {"neck": "c4", "roi_op": "pool"}])
def test_a_prepared_model_on_mps_detects_what_it_does_on_the_cpu(settings, unlike_images):
    images, _ = unlike_images
    model = make_model("mask_rcnn", settings).eval()
    expected = prepare_for_inference(model, torch.float32)(images)
    with FakeDevice("mps"), torch.inference_mode():
        prepared = prepare_for_inference(model.to(MPS), torch.float32)
        found = prepared([image.to(MPS) for image in images])
    for of_image, of_cpu in zip(found, expected, strict=True):
        assert_same({"scores": of_image["scores"]}, {"scores": of_cpu["scores"]})


def test_instances_are_found_on_mps():
    classes = torch.zeros(40, 40, dtype=torch.int64)
    classes[4:14, 4:14] = classes[14:24, 14:24] = 2
    classes[30:36, 2:38] = 1
    probabilities = nn.functional.one_hot(classes, 4).permute(2, 0, 1) * 0.9
    expected = find_instances(probabilities, most=20)
    with FakeDevice("mps"):
        found = find_instances(probabilities.to(MPS), most=20)
    assert len(expected["boxes"]) == 2
    for name, value in expected.items():
        assert torch.equal(found[name].value, value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, dtype=torch.float64, device=MPS),
        lambda: torch.tensor([1.0], dtype=torch.float64, device=MPS),
        lambda: torch.rand(2, dtype=torch.float64).to(MPS),
        lambda: torch.zeros(2, device=MPS).double(),
        lambda: torch.zeros(2, device=MPS).sum(dtype=torch.float64),
        lambda: torch.zeros(2, device=MPS).new_tensor([1.0], dtype=torch.float64),
        lambda: torch.zeros(2, device=MPS).new_full((2,), 0.5, dtype=torch.float64),
        lambda: torch.full_like(torch.zeros(2, device=MPS), 0.5, dtype=torch.float64),
    ],
)
def test_float64_on_mps_is_caught(make):
    with FakeDevice("mps"), pytest.raises(TypeError, match="doesn't support float64"):
        make()


def test_copies_that_nobody_waits_for_are_caught():
    with FakeDevice("mps"), pytest.raises(NotImplementedError, match="nobody waits for"):
        torch.zeros(2).to(MPS, non_blocking=True)


@pytest.mark.skipif(torch.__version__ < MPS_SINCE, reason="no model may run on its MPS")
def test_an_operation_that_mps_lacks_is_caught():
    with FakeDevice("mps"), pytest.raises(NotImplementedError, match="for the MPS device"):
        torch.linalg.eigvals(torch.eye(2, device=MPS))
