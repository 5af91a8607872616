"""Gradients are added up in one order, so that the same step gives the same weights again."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mrcnn_lite.models import mini_config
from mrcnn_lite.models.build import METHODS
from mrcnn_lite.models.fast.training import predict_for
from mrcnn_lite.models.rpn import RPNHead

VARIANTS = {
    "fpn": ("mask_rcnn", {}),
    "c4": ("mask_rcnn", {"neck": "c4"}),
    "pool": ("mask_rcnn", {"roi_op": "pool"}),
    "warp_max": ("mask_rcnn", {"roi_op": "warp", "roi_reduce": "max"}),
    "align_max": ("mask_rcnn", {"roi_reduce": "max"}),
    "mlp": ("mask_rcnn", {"mask_head": "mlp"}),
    "softmax": ("mask_rcnn", {"mask_loss": "softmax"}),
    "agnostic": ("mask_rcnn", {"class_agnostic_masks": True}),
    "fcis": ("fcis", {"neck": "c4"}),
    "fcn": ("fcn", {"neck": "c4"}),
}


class UnorderedSums(TorchDispatchMode):
    """Collect the sums whose terms threads race to add: on a CPU, those of `index_put`."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, _types, arguments=(), keywords=None):
        keywords = keywords or {}
        if "index_put" in str(function) and (arguments[3:] or keywords.values()):
            into, index = arguments[:2]
            places = torch.arange(into.numel()).view(into.shape)[tuple(index)]
            if len(places.unique()) < places.numel():
                self.found.append(tuple(into.shape))
        return function(*arguments, **keywords)


@pytest.mark.parametrize(("method", "choices"), VARIANTS.values(), ids=VARIANTS)
def test_no_gradient_depends_on_which_thread_comes_first(method, choices, batch):
    torch.manual_seed(0)
    model = METHODS[method](mini_config(5, **choices)).train()
    # On this thread, which the mode watches.
    with torch.autograd.set_multithreading_enabled(False), UnorderedSums() as sums:
        sum(model(*batch).values()).backward()
    assert sums.found == []


def test_rpn_on_two_threads_gives_the_same_gradient():
    torch.manual_seed(0)
    head = RPNHead(64, num_anchors_per_cell=3)
    feature = torch.randn(1, 64, 8, 8, requires_grad=True)
    anchors = torch.randint(8 * 8 * 3, (4096,))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gradients = []
        for _ in range(10):
            objectness, deltas = predict_for(head, [feature], anchors)
            (objectness.square().sum() + deltas.square().sum()).backward()
            gradients.append(feature.grad)
            feature.grad = None
    finally:
        torch.set_num_threads(threads)
    for gradient in gradients:
        assert torch.equal(gradient, gradients[0])
