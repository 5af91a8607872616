"""Every model in every way of calling it, and the gradients that reach an image.

The first way is that of a fresh interpreter: gradients enabled. Torchvision's model can be called
so, and with images that want a gradient (saliency maps, adversarial examples); ours has to, too.
"""

import copy
import importlib
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from mrcnn_lite.datasets import CocoDataset, ShapesDataset, horizontal_flip, read_image
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import to_coco_results
from mrcnn_lite.explore.draw.scene import figure_of_detections
from mrcnn_lite.files import DATA
from mrcnn_lite.models import (
    MaskRCNNConfig,
    mask_rcnn,
    mini_config,
    prepare_for_inference,
)
from mrcnn_lite.models.build import METHODS
from mrcnn_lite.models.images import ImageTransform
from mrcnn_lite.models.paste import paste_masks

MODULE = importlib.import_module("mrcnn_lite.models.mask_rcnn")
FEW = {"box_detections_per_img": 5, "rpn_post_nms_top_n_test": 20, "box_score_thresh": 0.0}
MINI = {
    "fpn": ("mask_rcnn", {}),
    "c4": ("mask_rcnn", {"neck": "c4"}),
    "c5": ("mask_rcnn", {"neck": "c5"}),
    "ResNeXt": ("mask_rcnn", {"backbone": "mini_resnext"}),
    "pool": ("mask_rcnn", {"roi_op": "pool"}),
    "warp": ("mask_rcnn", {"roi_op": "warp"}),
    "maximum": ("mask_rcnn", {"roi_reduce": "max"}),
    "fully connected": ("mask_rcnn", {"mask_head": "mlp"}),
    "softmax": ("mask_rcnn", {"mask_loss": "softmax"}),
    "one mask": ("mask_rcnn", {"class_agnostic_masks": True}),
    "no masks": ("mask_rcnn", {"mask_head": "none"}),
    "fcis": ("fcis", {"neck": "c4"}),
    "fcis, pool": ("fcis", {"neck": "c5", "roi_op": "pool"}),
    "fcn": ("fcn", {"neck": "c4"}),
}
SHIPPED = ("mini", "mask_rcnn_crowded", "fcis")
PREPARED = (torch.float32, torch.bfloat16)
WITHOUT_GRADIENTS = (torch.no_grad, torch.inference_mode)


def make_mini(name: str) -> nn.Module:
    method, fields = MINI[name]
    torch.manual_seed(0)
    model = METHODS[method](mini_config(5, **FEW, **fields)).eval()
    if method == "fcn":
        for layer in model.scores:
            layer.weight.data *= 20  # else no class wins a region
    return model


@pytest.fixture(scope="module")
def images() -> list[Tensor]:
    shapes = ShapesDataset(2, seed=5)
    return [shapes[0][0], shapes[1][0][:, 9:113]]


@pytest.fixture(scope="module", params=MINI)
def mini(request):
    return make_mini(request.param)


@pytest.fixture(scope="module")
def detected_by_mini(mini, images) -> list[dict]:
    return detect_without_gradients(mini, images)


@pytest.fixture(scope="module", params=PREPARED, ids=str)
def prepared_mini(request, mini, images):
    """A prepared copy, its type, and what it detects in the second image."""
    prepared = prepare_for_inference(mini, request.param)
    return prepared, request.param, detect_without_gradients(prepared, images[1:])


@pytest.fixture(scope="module", params=["as built", *PREPARED], ids=str)
def resnet(request):
    """Of full width: prepared in float32, it computes layers by Winograd."""
    torch.manual_seed(0)
    config = MaskRCNNConfig(min_size=64, max_size=96, num_classes=4, **FEW)
    model = mask_rcnn(config).eval()
    for norm in model.modules():
        if hasattr(norm, "running_var"):
            norm.running_var.fill_(20.0)  # random activations grow from block to block
    return model if request.param == "as built" else prepare_for_inference(model, request.param)


def detect_without_gradients(model, images: list[Tensor]) -> list[dict]:
    with torch.no_grad():
        return model(images)


def check_detections(model, images: list[Tensor], expected, way, tolerance: float = 1e-4) -> None:
    """Compare with those without gradients; and let a gradient reach the images."""
    wanting = [image.clone().requires_grad_() for image in images]
    for given in (images, wanting):
        with way():
            found = model(given)
        for ours, theirs, image in zip(found, expected, images, strict=True):
            assert ours.keys() == theirs.keys()
            assert ours["scores"].dtype == ours["boxes"].dtype == torch.float32
            if "masks" in ours:
                assert ours["masks"].dtype == torch.float32
                assert ours["masks"].shape == (len(ours["scores"]), 1, *image.shape[1:])
            if isinstance(way(), torch.autocast):
                continue  # rounded, it may find others
            assert len(theirs["scores"]) > 0
            for name, value in ours.items():
                torch.testing.assert_close(value, theirs[name], atol=tolerance, rtol=tolerance)
    if way not in WITHOUT_GRADIENTS:
        sum(one["scores"].sum() + one["boxes"].mean() for one in found).backward()
        assert all(image.grad.isfinite().all() for image in wanting)
        assert any(image.grad.any() for image in wanting)


def test_model_as_built(way, mini, images, detected_by_mini):
    check_detections(mini, images, detected_by_mini, way)


def test_prepared_model(way, prepared_mini, images):
    prepared, dtype, expected = prepared_mini
    # With gradients other kernels run, which round elsewhere.
    tolerance = torch.finfo(dtype).eps if dtype == torch.bfloat16 else 1e-4
    check_detections(prepared, images[1:], expected, way, tolerance)


def test_resnet(way, resnet):
    images = [torch.rand(3, 64, 70, generator=torch.Generator().manual_seed(1))]
    check_detections(resnet, images, detect_without_gradients(resnet, images), way)


@pytest.mark.parametrize("name", SHIPPED)
def test_loaded_model(way, images, name):
    with way():
        loaded = load_model(DATA / "weights" / f"{name}.safetensors")
        detections = loaded.model(images)
        assert sum(len(found["scores"]) for found in detections) > 0
        for found in prepare_for_inference(loaded.model)(images):
            assert found["masks"].dtype == torch.float32


def test_copy_prepared_in_inference_mode_lets_gradients_reach_the_image(images):
    with torch.inference_mode():
        prepared = prepare_for_inference(make_mini("fpn"))
    expected = detect_without_gradients(prepared, images)
    check_detections(prepared, images, expected, torch.enable_grad)


@pytest.mark.parametrize("way_of_prepared", ["as it is", "under the caller's autocast"])
def test_prepared_in_bfloat16_detects_the_same_with_and_without_autocast(images, way_of_prepared):
    """The copy enters autocast by itself; a caller who does so too changes nothing."""
    prepared = prepare_for_inference(make_mini("fpn"), torch.bfloat16)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=way_of_prepared != "as it is")
    with torch.inference_mode(), autocast:
        found = prepared(images)
    for one, other in zip(found, prepared(images), strict=True):
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_detections_that_want_a_gradient_are_drawn_and_scored(images, recwarn):
    """In float64, where nothing is copied on the way."""
    loaded = load_model(DATA / "weights" / "mini.safetensors")
    wanting = [image.double().requires_grad_() for image in images]
    detections = loaded.model.double()(wanting)
    shapes = ShapesDataset(2, seed=5)
    targets = [shapes[i][1] for i in range(2)]
    figure_of_detections(wanting, detections, targets, loaded.categories)
    before = detections[0]["boxes"].clone()
    (first, *_) = to_coco_results(7, detections[0])
    assert torch.equal(detections[0]["boxes"], before)
    x, y, width, height = first["bbox"]
    assert [x, y, x + width, y + height] == pytest.approx(before[0].tolist())
    assert first["score"] == detections[0]["scores"][0].item()
    assert not [str(w.message) + w.filename for w in recwarn.list]


def losses_of(model, images: list[Tensor], targets: list[dict], context) -> dict:
    """Those of a copy of the model; the same seed draws the same sample."""
    one = copy.deepcopy(model).train()
    torch.manual_seed(1)
    with context():
        return one(images, copy.deepcopy(targets))


@pytest.fixture(scope="module")
def batch() -> tuple[list[Tensor], list[dict]]:
    shapes = ShapesDataset(2, seed=5)
    images, targets = zip(*(shapes[i] for i in range(2)))
    for target in targets:
        target["labels"] = (target["labels"] - 1) % 4 + 1
    return list(images), list(targets)


@pytest.fixture(scope="module")
def expected_losses(mini, batch) -> dict:
    losses = losses_of(mini, *batch, torch.enable_grad)
    return {name: loss.detach() for name, loss in losses.items()}


def test_losses(way, mini, batch, expected_losses):
    images, targets = batch
    given = [image.clone().requires_grad_() for image in images]
    losses = losses_of(mini, given, targets, way)
    assert losses.keys() == expected_losses.keys()
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    if not isinstance(way(), torch.autocast):
        for loss_name, loss in losses.items():
            torch.testing.assert_close(loss, expected_losses[loss_name])
    if way not in WITHOUT_GRADIENTS:
        sum(losses.values()).backward()
        assert all(image.grad.isfinite().all() and image.grad.any() for image in given)


def gradient_at_image(model, image: Tensor, number_of) -> Tensor:
    image = image.clone().requires_grad_()
    return torch.autograd.grad(number_of(model([image])[0]), image)[0]


NUMBERS = {
    "score": lambda found: found["scores"][3],
    "box": lambda found: found["boxes"][2, 0],
    "all scores and boxes": lambda found: found["scores"].sum() + found["boxes"].sin().sum(),
    "pixel of a mask": lambda found: found["masks"].flatten(1).amax(dim=1)[:3].sum(),
    "all masks": lambda found: found["masks"].sin().sum(),
}


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("name", NUMBERS)
def test_gradient_at_the_image_is_torchvisions(mini_twins, scenes, name, prepared):
    """In float64. Both paste the masks by our function, which alone is not torchvision's."""

    def paste_as_ours(masks, boxes, size):
        return paste_masks(masks[:, 0], boxes, size)[:, None]

    ours, theirs = (model.eval() for model in mini_twins())
    ours = prepare_for_inference(ours) if prepared else ours
    target = "torchvision.models.detection.transform.paste_masks_in_image"
    with mock.patch(target, paste_as_ours):
        expected = gradient_at_image(theirs, scenes[0][1], NUMBERS[name])
    assert expected.norm() > 1e-6
    gradient = gradient_at_image(ours, scenes[0][1], NUMBERS[name])
    assert (gradient - expected).norm() <= 1e-7 * expected.norm()


def test_gradient_of_a_score_is_the_slope(mini_twins, scenes):
    """With given proposals nothing is cut off from the gradient, so that differences show it."""
    model = mini_twins()[0].eval()
    image = scenes[0][0]
    proposals = [torch.tensor([[10.0, 12, 60, 70], [40, 30, 110, 100]], dtype=torch.float64)]

    def score(of_image: Tensor) -> Tensor:
        return model([of_image], proposals=proposals)[0]["scores"][:4].sum()

    wanting = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(wanting), wanting)
    generator = torch.Generator().manual_seed(2)
    # So short that next to no ReLU changes sides.
    step = 1e-9 * torch.randn(image.shape, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        difference = (score(image + step) - score(image - step)) / 2
    assert difference.abs() > 1e-9
    torch.testing.assert_close((gradient * step).sum(), difference, rtol=1e-4, atol=0)


def test_gradient_of_the_image_transform_is_the_slope():
    transform = ImageTransform((20,), 40, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)).eval()
    images = [torch.rand(3, *size, dtype=torch.float64) for size in ((13, 9), (10, 22))]

    def batch(*of_images):
        return transform(list(of_images))[0].tensors

    assert torch.autograd.gradcheck(
        batch, [image.requires_grad_() for image in images], fast_mode=True
    )


@pytest.mark.parametrize("wants", [False, True])
def test_image_transform(way, images, wants):
    transform = make_mini("fpn").transform
    expected = transform(images)[0]
    with way():
        batch, targets = transform([image.clone().requires_grad_(wants) for image in images])
    assert torch.equal(batch.tensors, expected.tensors)
    assert (batch.sizes, targets) == (expected.sizes, None)


def test_readers(way):
    root = DATA / "shapes"
    read = ShapesDataset(1, seed=0), CocoDataset(root, "sample")
    expected = [dataset[0] for dataset in read]
    picture = next((root / "sample").glob("*.png"))
    with way():
        found = [dataset[0] for dataset in read]
        assert torch.equal(read_image(picture), read_image(picture))
    for (image, target), (same, same_target) in zip(found, expected):
        assert torch.equal(image, same)
        assert torch.equal(target["masks"], same_target["masks"])
        flipped = horizontal_flip(image.clone().requires_grad_(), target)[0]
        assert torch.equal(flipped.flip(-1), image)
