"""Every choice is made in build.py: a new part is a file of its own and a line there."""

import re
from pathlib import Path

import pytest
import torch

from mrcnn_lite import models
from mrcnn_lite.models import MaskRCNNConfig, build, mask_rcnn, mini_config
from mrcnn_lite.models.build import MASK_BRANCHES, NECKS, Neck, fcis
from tests.models.toy_parts import BottomUp, CoarseMasks, make_bottom_up, make_coarse_branch

FOLDER = Path(models.__file__).parent


@pytest.fixture
def toys(monkeypatch):
    """The lines that build.py would get."""
    monkeypatch.setitem(NECKS, "bottom_up", Neck(make_bottom_up))
    monkeypatch.setitem(MASK_BRANCHES, "coarse", make_coarse_branch)


def train_and_detect(config: MaskRCNNConfig, unlike_images) -> torch.nn.Module:
    torch.manual_seed(0)
    model = mask_rcnn(config)
    losses = model.train()(*unlike_images)
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    with torch.no_grad():
        for image, found in zip(unlike_images[0], model.eval()(unlike_images[0])):
            assert len(found["scores"]) > 0
            assert found["masks"].shape == (len(found["scores"]), 1, *image.shape[1:])
    return model


@pytest.mark.parametrize(
    "choices",
    [
        {"neck": "bottom_up"},
        {"mask_head": "coarse"},
        {"neck": "bottom_up", "mask_head": "coarse"},
        {"neck": "c4", "mask_head": "coarse"},
    ],
    ids=lambda choices: " ".join(choices.values()),
)
def test_a_new_neck_and_a_new_mask_head_are_a_line_each(toys, choices, unlike_images):
    config = mini_config(4, box_score_thresh=0.0, **choices)
    model = train_and_detect(config, unlike_images)
    assert isinstance(model.backbone, BottomUp) == (config.neck == "bottom_up")
    assert isinstance(model.roi_heads.mask_predictor, CoarseMasks) == (config.mask_head == "coarse")
    assert MaskRCNNConfig.from_dict(vars(config)) == config


def test_new_names_are_among_those_that_an_error_lists(toys):
    with pytest.raises(
        ValueError, match="neck should be one of fpn, fpn_bn, c4, c5, bottom_up, got 'c3'"
    ):
        mini_config(4, neck="c3")
    with pytest.raises(
        ValueError, match="mask_head should be one of fcn, fcn_bn, mlp, none, coarse"
    ):
        mini_config(4, mask_head=["fcn"])


def test_without_the_line_there_is_no_such_part():
    with pytest.raises(
        ValueError, match="neck should be one of fpn, fpn_bn, c4, c5, got 'bottom_up'"
    ):
        mini_config(4, neck="bottom_up")


def test_no_other_file_asks_what_was_chosen():
    choices = "neck|box_head|mask_head|mask_loss|class_agnostic_masks|rpn_convolutions"
    asking = re.compile(rf"config\.({choices})\b")
    found = {path.name for path in FOLDER.rglob("*.py") if asking.search(path.read_text("utf-8"))}
    # The second says which of torchvision's models, if any, has the parts that were chosen.
    assert found == {"build.py", "to_torchvision.py"}


def test_outside_of_fast_nothing_is_there_for_speed_alone():
    speed = re.compile(
        r"AT_ONCE|device\.type [!=]=|\bis_cuda\b|torch\.ops\.|FakeTensor"
        r"|isinstance\([^)]*(Head|Heads|Predictor)\b"
    )
    for path in FOLDER.glob("*.py"):
        assert not speed.search(path.read_text("utf-8")), path.name


def test_fcis_builds_no_heads_of_mask_rcnn(monkeypatch):
    def refuse(*_):
        raise AssertionError("FCIS has no such head")

    monkeypatch.setattr(build, "BoxPredictor", refuse)
    monkeypatch.setitem(MASK_BRANCHES, "fcn", refuse)
    names = {name.split(".")[1] for name, _ in fcis(mini_config(4, neck="c4")).named_parameters()}
    assert names >= {"shared_head", "score_maps", "box_maps"}
    assert not names & {"box_predictor", "mask_head", "mask_predictor"}


def test_two_configurations_give_each_model_its_own_parts():
    one, other = (mask_rcnn(mini_config(4)) for _ in range(2))
    shared = {id(module) for module in one.modules()} & {id(module) for module in other.modules()}
    assert not shared
