"""The whole model on a CUDA device that is not there: no tensor may stay on the CPU.

PyTorch's FakeTensorMode finds mixed devices without a GPU but has no numbers, and a detector's
shapes depend on numbers: on how many boxes pass a threshold, on which proposals are drawn. So here
tensors say that they are on a CUDA device, and compute on the CPU.
"""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_iter, tree_map

from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn


class FakeCudaTensor(Tensor):
    """Says that it is on a CUDA device; `value` is its content, on the CPU."""

    @staticmethod
    def __new__(cls, value: Tensor):
        return Tensor._make_wrapper_subclass(
            cls,
            value.size(),
            strides=value.stride(),
            storage_offset=value.storage_offset(),
            dtype=value.dtype,
            device="cuda:0",
        )

    def __init__(self, value: Tensor):
        self.value = value

    def __repr__(self):
        return f"on fake CUDA: {self.value}"

    def tolist(self):
        return self.value.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        with FakeCuda():
            return function(*args, **(kwargs or {}))


class FakeCuda(TorchDispatchMode):
    """Within it, what is made on a CUDA device is a `FakeCudaTensor`.

    An operation on tensors from both devices raises a RuntimeError, as on a real one: all but a
    copy, and but a CPU tensor without dimensions, which counts as a number.
    """

    # As FakeTensorMode has it: PyTorch looks for no driver, and data is first put on the CPU.
    _mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __enter__(self):
        torch._C._ensureCUDADeviceGuardSet()
        self.lifted_before = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        torch._C._set_only_lift_cpu_tensors(self.lifted_before)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        tensors = [leaf for leaf in tree_iter((args, kwargs)) if isinstance(leaf, Tensor)]
        fake = [leaf for leaf in tensors if isinstance(leaf, FakeCudaTensor)]
        on_cpu = [t for t in tensors if not isinstance(t, FakeCudaTensor) and t.dim() > 0]
        if fake and on_cpu and name not in ("copy_", "_to_copy"):
            shapes = ", ".join(str(tuple(t.shape)) for t in on_cpu)
            raise RuntimeError(f"{name}: on the CPU, among CUDA tensors: shape {shapes}")
        result_is_fake = bool(fake)
        if name == "copy_":
            result_is_fake = isinstance(args[0], FakeCudaTensor)
        elif kwargs.get("device") is not None:
            result_is_fake = torch.device(kwargs["device"]).type == "cuda"

        def inside(leaf):
            if isinstance(leaf, torch.device):
                return torch.device("cpu")
            return leaf.value if isinstance(leaf, FakeCudaTensor) else leaf

        result = function(*tree_map(inside, args), **tree_map(inside, kwargs))
        if not result_is_fake:
            return result
        result = tree_map(
            lambda leaf: FakeCudaTensor(leaf) if isinstance(leaf, Tensor) else leaf, result
        )
        return return_and_correct_aliasing(function, args, kwargs, result)


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
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            moved = torch.nn.Parameter(parameter.detach().to("cuda"), parameter.requires_grad)
            setattr(module, name, moved)
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to("cuda"))
    targets = [{key: value.to("cuda") for key, value in target.items()} for target in targets]
    return model, [image.to("cuda") for image in images], targets


@pytest.fixture
def data():
    """Two images of different sizes; the second is without objects."""
    images = [torch.rand(3, 64, 80), torch.rand(3, 60, 64)]
    boxes = torch.tensor([[5.0, 5.0, 40.0, 50.0], [20.0, 10.0, 70.0, 60.0]])
    labels = torch.tensor([1, 3])
    masks = torch.zeros(2, 64, 80, dtype=torch.uint8)
    masks[0, 5:50, 5:40] = 1
    masks[1, 10:60, 20:70] = 1
    empty = {"boxes": boxes[:0], "labels": labels[:0], "masks": masks[:0, :60, :64]}
    return images, [{"boxes": boxes, "labels": labels, "masks": masks}, empty]


@pytest.fixture
def fake_cuda():
    # Batch normalisation by cuDNN is an operation of its own, which no CPU has.
    with torch.backends.cudnn.flags(enabled=False), FakeCuda():
        yield


def run(model, images, targets):
    """Losses, and detections."""
    torch.manual_seed(1)
    model.train()
    losses = model(images, targets)
    model.eval()
    with torch.no_grad():
        return losses, model(images)


def test_losses_and_detections_on_a_cuda_device_are_those_of_the_cpu(model, data, request):
    expected_losses, expected_detections = run(model, *data)
    request.getfixturevalue("fake_cuda")
    losses, detections = run(*move(model, *data))
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
def test_a_tensor_left_on_the_cpu_is_caught(training, model, data, fake_cuda):
    model, images, targets = move(model, *data)
    model.train(training)
    anchors = model.rpn.anchor_generator.forward
    model.rpn.anchor_generator.forward = lambda *args: [level.cpu() for level in anchors(*args)]
    with pytest.raises(RuntimeError, match="on the CPU, among CUDA tensors"):
        model(images, targets)
