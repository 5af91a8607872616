"""A model made of readers' functions computes what the package's does."""

from functools import partial

import pytest
import torch

from mrcnn_lite import check
from mrcnn_lite.course.assembly import assemble, package_names, rebuild
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.start_weights import start_from
from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.ops import box_iou, roi_align

NAMES = (
    *("anchor_labels", "axis_weights", "box_loss", "decoupled_mask_loss", "deltas_of_labels"),
    *("detect", "encode_box", "feature_pyramid", "level_of_box", "mask_branch", "paste_mask"),
    *("propose", "sample_points"),
)


def counted(calls: dict, exercise: Exercise):
    def function(*arguments):
        calls[exercise.name] = calls.get(exercise.name, 0) + 1
        return exercise.reference(*arguments)

    return function


@pytest.fixture
def pair():
    """The package's model, and one of the references with the same weights; and what is called."""
    calls = {}
    config = mini_config(7, box_batch_size_per_image=16)
    pieces = {name: counted(calls, check.EXERCISES[name]) for name in NAMES}
    assembled = assemble(pieces, config, seed=3)
    torch.manual_seed(3)
    package = mask_rcnn(config)
    package.roi_heads.roi_op = partial(roi_align, sampling_ratio=1, aligned=True)
    return package, assembled, calls


@pytest.fixture(scope="module")
def batch():
    scenes = ShapesDataset(3, seed=5)
    images, targets = map(list, zip(*(scenes[i] for i in range(3))))
    targets[1] = {key: value[:0] for key, value in targets[1].items() if key != "image_id"}
    return images, targets


def test_losses_are_the_packages(pair, batch):
    package, assembled, _ = pair
    losses, proposals = [], None
    for model in (package, assembled):
        model.train()
        images, targets = model.transform(*batch)
        features = model.backbone(images.tensors)
        torch.manual_seed(0)
        proposed, of_rpn = model.rpn(images, features, targets)
        # Level by level, pieces propose other boxes than the best of all levels.
        proposals = proposals or proposed
        torch.manual_seed(1)
        losses.append(of_rpn | model.roi_heads(images, features, proposals, targets)[1])
    assert losses[0].keys() == losses[1].keys()
    for name, loss in losses[0].items():
        torch.testing.assert_close(losses[1][name], loss, rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_weight(pair, batch):
    _, assembled, _ = pair
    assembled.train().zero_grad()
    sum(assembled(*batch).values()).backward()
    for name, parameter in assembled.named_parameters():
        assert parameter.grad is not None, name


def test_detections_are_the_packages(pair, batch):
    package, assembled, _ = pair
    images = batch[0]
    proposals = [torch.tensor([[10.0, 20, 60, 70], [40, 8, 120, 100], [70.5, 71, 90, 99]])] * 3
    with torch.inference_mode():
        wanted = package.eval()(images, proposals=proposals)
        found = assembled.eval()(images, proposals=proposals)
    for one, other in zip(wanted, found):
        assert len(one["scores"]) > 10
        # By class and place: the scores of random weights are all but alike.
        first, second = ((d["labels"] * 1000 + d["boxes"][:, 0]).argsort() for d in (one, other))
        for key, value in one.items():
            torch.testing.assert_close(other[key][second], value[first], rtol=1e-4, atol=1e-3)


def test_every_level_gives_its_share_of_the_proposals(pair, batch):
    package, assembled, _ = pair
    with torch.inference_mode():
        images, _ = assembled.eval().transform(batch[0])
        features = assembled.backbone(images.tensors)
        ours, _ = assembled.rpn(images, features)
        theirs, _ = package.eval().rpn(images, features)
    for own, boxes in zip(ours, theirs):
        assert len(own) <= 128
        # The package's best are among ours, or what suppressed them in a tie.
        assert box_iou(boxes[:10], own).max(dim=1).values.min() > 0.7


def trained_alike(config, seed: int):
    """A model whose pyramid has biases, as every trained one has, and as it draws none."""
    torch.manual_seed(seed)
    model = mask_rcnn(config).eval()
    for name, parameter in model.backbone.fpn.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.5)
    return model


@pytest.mark.parametrize("aligned", [True, False])
def test_a_trained_model_goes_on_with_pieces(batch, aligned):
    """Also one of torchvision's, whose RoIs are read half a cell off."""
    # The picture is made smaller, and the proposals with it.
    config = mini_config(7, aligned=aligned, box_score_thresh=0.0, min_size=96)
    package = trained_alike(config, seed=4)
    pieces = {name: check.EXERCISES[name].reference for name in NAMES}
    rebuilt = rebuild(trained_alike(config, seed=4), pieces, samples_per_bin=2).eval()
    proposals = [torch.tensor([[10.0, 20, 60, 70], [40, 8, 120, 100], [70.5, 71, 90, 99]])]
    with torch.inference_mode():
        for one, other in zip(
            package.backbone(batch[0][0][None]), rebuilt.backbone(batch[0][0][None])
        ):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
        [wanted] = package(batch[0][:1], proposals=proposals)
        [found] = rebuilt(batch[0][:1], proposals=proposals)
    assert len(wanted["scores"]) > 10
    first, second = ((d["labels"] * 1000 + d["boxes"][:, 0]).argsort() for d in (wanted, found))
    for key, value in wanted.items():
        torch.testing.assert_close(found[key][second], value[first], rtol=1e-4, atol=1e-3)


def test_its_weights_go_back_into_the_packages_model(pair):
    package, assembled, _ = pair
    state = package_names(assembled.state_dict())
    assert not start_from(package, state)
    for name, value in package.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_every_piece_is_used(pair, batch):
    _, assembled, calls = pair
    assembled.train()(*batch)
    assert set(calls) == set(NAMES) - {"detect", "paste_mask"}
    with torch.inference_mode():
        assembled.eval()(batch[0])
    assert set(calls) == set(NAMES)
