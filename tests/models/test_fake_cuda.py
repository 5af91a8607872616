"""The whole model on a CUDA device that is not there: no tensor may stay on the CPU."""

import pytest
import torch

from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn
from tests.fake_device import FakeDevice


@pytest.fixture(params=["align", "pool"])
def model(request):
    torch.manual_seed(0)
    few = {"rpn_post_nms_top_n_train": 50, "rpn_post_nms_top_n_test": 50}
    few |= {"box_detections_per_img": 10, "box_score_thresh": 0.0}
    return mask_rcnn(
        MaskRCNNConfig(min_size=64, max_size=96, num_classes=4, roi_op=request.param, **few)
    )


def move(model, images, targets):
    """The model, changed in place, and copies of the data, on the fake device."""
    targets = [{key: value.to("cuda:0") for key, value in target.items()} for target in targets]
    return model.to("cuda:0"), [image.to("cuda:0") for image in images], targets


def run(model, images, targets):
    """Losses, and detections."""
    torch.manual_seed(1)
    model.train()
    losses = model(images, targets)
    model.eval()
    with torch.no_grad():
        return losses, model(images)


def test_losses_and_detections_on_a_cuda_device_are_those_of_the_cpu(model, unlike_images):
    expected_losses, expected_detections = run(model, *unlike_images)
    with FakeDevice("cuda"):
        losses, detections = run(*move(model, *unlike_images))
    for name, expected in expected_losses.items():
        assert losses[name].device.type == "cuda"
        torch.testing.assert_close(losses[name].value, expected.detach())
    for image, expected_image in zip(detections, expected_detections):
        assert len(expected_image["boxes"])
        for name, expected in expected_image.items():
            assert image[name].device.type == "cuda"
            assert image[name].shape == expected.shape
        torch.testing.assert_close(image["scores"].value, expected_image["scores"])


@pytest.mark.parametrize("training", [True, False])
def test_a_tensor_left_on_the_cpu_is_caught(training, model, unlike_images):
    with FakeDevice("cuda"):
        model, images, targets = move(model, *unlike_images)
        model.train(training)
        anchors = model.rpn.anchor_generator.forward
        model.rpn.anchor_generator.forward = lambda *args: [level.cpu() for level in anchors(*args)]
        with pytest.raises(RuntimeError, match="on the CPU, among cuda tensors"):
            model(images, targets)
