"""What a model is handed in another form than the documented one: taken as meant, or named."""

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode
from torchvision.tv_tensors import BoundingBoxes

from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.arguments import as_images, as_proposals, as_targets
from mrcnn_lite.models.build import fcn
from tests.fake_device import FakeDevice, FakeDeviceTensor

NUM_CLASSES = 5
CONFIG = mini_config(NUM_CLASSES)
MAKERS = {"mask_rcnn": mask_rcnn, "fcn": lambda config: fcn(mini_config(NUM_CLASSES, neck="c4"))}


@pytest.fixture(scope="module", params=MAKERS)
def model(request):
    torch.manual_seed(0)
    return MAKERS[request.param](CONFIG)


def make_image(height=100, width=120):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))


def make_target():
    masks = torch.zeros(2, 100, 120, dtype=torch.uint8)
    masks[0, 20:80, 30:90] = 1
    masks[1, 50:95, 10:70] = 1
    boxes = torch.tensor([[30.0, 20, 90, 80], [10, 50, 70, 95]])
    return {"boxes": boxes, "labels": torch.tensor([1, 3]), "masks": masks}


def losses_of(model, image, target):
    torch.manual_seed(2)
    return model.train()([image], [target])


IN_PARTS = torch.tensor([[0.25, 0.2, 0.75, 0.8], [0.1, 0.5, 0.6, 0.95]])
# x, y, width, height: of the second object the "corner" lies left of the first one.
XYWH = torch.tensor([[30.0, 20, 60, 60], [70, 50, 60, 45]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        # What stands for a tensor in other libraries.
        ({"boxes": [[30, 20, 90, 80], [10, 50, 70, 95]]}, TypeError, "'boxes'.* tensor, got list"),
        ({"labels": [1, 3]}, TypeError, "'labels'.* should be a tensor, got list"),
        ({"masks": np.zeros((2, 100, 120))}, TypeError, "'masks'.* a tensor, got ndarray"),
        ({"labels": torch.tensor(3)}, ValueError, r"'labels'.* shape \[2\], got \[\]"),
        ({"boxes": torch.tensor(3.0)}, ValueError, r"'boxes'.* shape \[0, 4\], got \[\]"),
        ({"boxes": torch.ones(2, 4) > 0}, TypeError, "'boxes'.* real numbers, got torch.bool"),
        ({"labels": torch.tensor([1j, 3])}, TypeError, "'labels'.* real numbers, got .*complex"),
        # Masks in another unit than 0 and 1.
        ({"masks": make_target()["masks"] * 255}, ValueError, "'masks'.* 0 and 1 only, got 255"),
        ({"masks": make_target()["masks"] * 255.0}, ValueError, "'masks'.* 0 and 1 only, got 255"),
        ({"masks": make_target()["masks"] * 0.5}, ValueError, "'masks'.* 0 and 1 only, got 0.5"),
        ({"masks": make_target()["masks"].long() * -1}, ValueError, "0 and 1 only, got -1"),
        ({"masks": make_target()["masks"] * torch.nan}, ValueError, "0 and 1 only, got nan"),
        # Boxes in another unit than pixels from corner to corner.
        ({"boxes": IN_PARTS}, ValueError, "'boxes'. should be in pixels of an image of 120 x"),
        ({"boxes": IN_PARTS.double()}, ValueError, "got parts of it, from 0.1 to 0.95"),
        ({"boxes": IN_PARTS.half()}, ValueError, "got parts of it, from 0.09998 to"),
        ({"boxes": XYWH}, ValueError, r"x1, y1, x2, y2\) is expected: row 1 is \[70.0, 50.0, 60.0"),
        ({"boxes": XYWH.flip(0).int()}, ValueError, r"is expected: row 0 is \[70.0, 50.0, 60.0"),
        (
            {"boxes": BoundingBoxes(XYWH, format="XYWH", canvas_size=(100, 120))},
            ValueError,
            r"'boxes'. should be \(x1, y1, x2, y2\), got XYWH",
        ),
        (
            {"boxes": BoundingBoxes(XYWH, format="CXCYWH", canvas_size=(100, 120))},
            ValueError,
            r"'boxes'. should be \(x1, y1, x2, y2\), got CXCYWH",
        ),
        # Boxes of another image.
        ({"boxes": make_target()["boxes"] + 130}, ValueError, "outside its image of 120 x 100"),
        ({"boxes": make_target()["boxes"] - 100}, ValueError, r"outside its image.*: row 0 is"),
        ({"boxes": torch.tensor([[0.0, 0, 9, 9], [1, 100, 9, 109]])}, ValueError, "row 1 is"),
    ],
)
def test_malformed_target_is_named(model, change, error, message):
    target = {**make_target(), **change}
    image, empty = make_image(), {name: value[:0] for name, value in make_target().items()}
    with pytest.raises(error, match=r"targets\[1\]\[.*" + message):
        model.train()([image, image], [empty, target])


def with_masks_around(boxes):
    """A target whose boxes are x, y, width, height, each about its mask."""
    target = make_target()
    target["masks"].zero_()
    for mask, (x, y, width, height) in zip(target["masks"], boxes):
        mask[y : y + height, x : x + width] = 1
    return target | {"boxes": torch.tensor(boxes).float()}


@pytest.mark.parametrize(
    "boxes",
    [
        [(30, 20, 60, 60), (5, 10, 55, 35)],
        [(10, 10, 100, 80), (20, 5, 70, 60)],
    ],
)
def test_boxes_by_their_sizes_are_told_by_the_masks(model, boxes):
    target = with_masks_around(boxes)
    with pytest.raises(ValueError, match=r"targets\[0\].*its masks say.*\(x, y, width, height\)"):
        losses_of(model, make_image(), target)


def test_loose_boxes_and_one_that_fits_both_ways_are_taken(model):
    image, target = make_image(), make_target()
    losses_of(model, image, target | {"boxes": torch.tensor([[10.0, 5, 110, 99], [0, 30, 90, 99]])})
    # At the corner of the image a box is the same by its corners and by its size.
    target["masks"][0].zero_()
    target["masks"][0, :60, :50] = 1
    target["boxes"][0] = torch.tensor([0.0, 0, 50, 60])
    losses_of(model, image, target)
    target["masks"].zero_()
    losses_of(model, image, target)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([None], TypeError, r"targets\[0\] should be a dictionary, got NoneType"),
        ([[1, 2]], TypeError, r"targets\[0\] should be a dictionary, got list"),
        (make_target(), TypeError, "targets should be a list of dictionaries, got dict"),
        (iter([make_target()]), TypeError, "targets should be a list of dict.*, got list_iterator"),
    ],
)
def test_something_else_than_a_list_of_targets_is_named(model, targets, error, message):
    with pytest.raises(error, match=message):
        model.train()([make_image()], targets)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": torch.tensor([1, 3], dtype=torch.int32)},
        {"labels": torch.tensor([1, 3], dtype=torch.uint8)},
        {"labels": torch.tensor([1, 3], dtype=torch.int16)},
        {"boxes": make_target()["boxes"].double()},
        {"boxes": make_target()["boxes"].half()},
        {"boxes": make_target()["boxes"].int()},
        {"boxes": BoundingBoxes(make_target()["boxes"], format="XYXY", canvas_size=(100, 120))},
        {"masks": make_target()["masks"].bool()},
        {"masks": make_target()["masks"].float()},
        {"masks": make_target()["masks"].long()},
        {"image_id": 7},
    ],
)
def test_targets_in_other_types_give_the_same_losses(model, change):
    image = make_image()
    expected = losses_of(model, image, make_target())
    assert losses_of(model, image, {**make_target(), **change}) == expected


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_images_in_other_types_are_read_as_they_are(model, dtype):
    image = make_image().to(dtype)
    assert losses_of(model, image, make_target()) == losses_of(model, image.float(), make_target())
    with torch.no_grad():
        [found], [expected] = model.eval()([image]), model([image.float()])
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image * 255, r"images\[1\] should hold values in 0..1, got 0.0.*..25"),
        (lambda image: image * 2 - 1, r"images\[1\] should hold values in 0..1, got -1..1;"),
        (lambda image: (image - 0.45) / 0.22, r"images\[1\] should hold values in 0..1, got -2"),
        (lambda image: image.double() * 255, r"images\[1\] should hold values in 0..1"),
        (lambda image: image.half() * 255, r"images\[1\] should hold values in 0..1"),
        (lambda image: image.index_fill(1, torch.tensor(7), torch.nan), r"images\[1\].*not finite"),
        (lambda image: image.index_fill(1, torch.tensor(7), torch.inf), r"images\[1\].*not finite"),
        (lambda image: (image - 0.5) / 0, r"images\[1\].*not finite"),
    ],
)
def test_pixel_values_in_another_unit_are_named(model, training, change, message):
    images = [make_image(), change(make_image())]
    with pytest.raises(ValueError, match=message):
        model.train(training)(images, [make_target()] * 2 if training else None)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 20, 20), np.float32), r"images\[0\] .* floating-point tensor, got ndarray"),
        ([[[0.5]]] * 3, r"images\[0\] should be a floating-point tensor, got list"),
        (None, r"images\[0\] should be a floating-point tensor, got NoneType"),
        (torch.zeros(3, 20, 20, dtype=torch.complex64), r"images\[0\].*complex64"),
    ],
)
def test_images_of_another_type_are_named(model, image, message):
    with pytest.raises(TypeError, match=message):
        model.eval()([image])


def test_pixels_a_little_beyond_0_to_1_are_taken():
    # Bicubic interpolation overshoots, augmentations add noise.
    as_images([make_image() * 1.6 - 0.3], CONFIG, torch.float32)


def test_a_model_made_for_another_unit_takes_that():
    """As torchvision's is made to by `image_mean` and `image_std`."""
    as_0_to_255 = mini_config(5, image_mean=(123.7, 116.3, 103.5), image_std=(58.4, 57.1, 57.4))
    as_images([make_image() * 255], as_0_to_255, torch.float32)
    normalised_before = mini_config(5, image_mean=(0, 0, 0), image_std=(1, 1, 1))
    as_images([(make_image() - 0.45) / 0.22], normalised_before, torch.float32)
    dark = mini_config(5, image_mean=(0.01, 0.01, 0.01), image_std=(0.02, 0.02, 0.02))
    as_images([make_image()], dark, torch.float32)
    with pytest.raises(ValueError, match="should hold values in"):
        as_images([make_image() * 255], normalised_before, torch.float32)


def test_boxes_that_reach_over_the_edge_or_fill_a_corner_are_taken():
    target = make_target()
    target["boxes"] = torch.tensor([[-20.0, -5, 20, 130], [0, 0, 1, 1]])
    [taken] = as_targets([make_image()], [target], NUM_CLASSES)
    assert torch.equal(taken["boxes"], target["boxes"])


@pytest.mark.parametrize(
    ("proposals", "message"),
    [
        ([IN_PARTS], r"proposals\[0\] should be in pixels of an image of 120 x 100"),
        ([XYWH], r"proposals\[0\] holds a box without area.*row 1 is"),
        ([XYWH * torch.inf], r"proposals\[0\] holds a coordinate that is not finite: row 0"),
    ],
)
def test_proposals_in_another_unit_are_named(proposals, message):
    with pytest.raises(ValueError, match=message):
        as_proposals([make_image()], proposals)
    # From anywhere, so off the image, too.
    off = torch.tensor([[500.0, 500, 600, 600]], dtype=torch.float64)
    assert torch.equal(as_proposals([make_image()], [off])[0], off.float())


def test_targets_on_another_device_are_named():
    with FakeDevice("cuda"):
        image = make_image().to("cuda:0")
        with pytest.raises(ValueError, match=r"\['boxes'\] is on cpu, but its image is on cuda:0"):
            as_targets([image], [make_target()], NUM_CLASSES)
        with pytest.raises(ValueError, match=r"images\[1\] is on cpu, but images\[0\] is on cuda"):
            as_images([image, make_image()], CONFIG, torch.float32)


class Waits(FakeDevice):
    """Counts how often something is fetched from the device."""

    def __init__(self):
        super().__init__("cuda")
        self.number = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        to_cpu = name == "_to_copy" and str((kwargs or {}).get("device")) == "cpu"
        if isinstance(args[0], FakeDeviceTensor):
            self.number += name == "_local_scalar_dense" or to_cpu
        return super().__torch_dispatch__(function, types, args, kwargs)


@pytest.mark.parametrize("number", [1, 8])
def test_a_gpu_is_waited_for_four_times_however_large_the_batch(number):
    with Waits() as waits:
        image = make_image().to("cuda:0")
        target = {name: value.to("cuda:0") for name, value in make_target().items()}
        waits.number = 0
        images = as_images([image] * number, CONFIG, torch.float32)
        as_targets(images, [target] * number, NUM_CLASSES)
        assert waits.number == 4


def test_in_a_dry_run_no_value_is_looked_at():
    with FakeTensorMode():
        images = as_images([torch.rand(3, 100, 120)], CONFIG, torch.float32)
        target = {
            "boxes": torch.rand(2, 4),
            "labels": torch.ones(2, dtype=torch.int32),
            "masks": torch.zeros(2, 100, 120),
        }
        [taken] = as_targets(images, [target], NUM_CLASSES)
        assert taken["labels"].dtype == torch.int64
