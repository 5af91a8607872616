"""The classifier of single shapes that the tables' models start from."""

import pytest
import torch
from safetensors.torch import save_file

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.experiments.pretrain import (
    CROP_SIZE,
    Classifier,
    cut_out,
    pretrain,
    start_from_classifier,
    train_classifier,
)
from mrcnn_lite.models import mask_rcnn, mini_config


def test_crops_show_one_object_each_in_the_middle():
    scenes = ShapesDataset(6, seed=0)
    labels = [label for _, target in scenes for label in target["labels"].tolist()]
    crops = list(cut_out(scenes, torch.Generator().manual_seed(0)))
    assert [label for _, label in crops] == labels
    assert {crop.shape for crop, _ in crops} == {(3, CROP_SIZE, CROP_SIZE)}

    # The mask in place of the picture.
    class Masks:
        def __len__(self):
            return 6

        def __getitem__(self, index):
            image, target = scenes[index]
            first = {name: target[name][:1] for name in ("boxes", "labels")}
            return target["masks"][:1].float().expand_as(image), first

    for crop, _ in cut_out(Masks(), torch.Generator().manual_seed(1)):
        rows = crop[0].amax(dim=1) > 0.5
        columns = crop[0].amax(dim=0) > 0.5
        longest = max(int(rows.sum()), int(columns.sum()))
        assert CROP_SIZE / 1.6 < longest <= CROP_SIZE
        for seen in (rows, columns):
            places = seen.nonzero()
            middle = (places.min() + places.max() + 1) / 2
            assert abs(middle - CROP_SIZE / 2) < 5


def test_the_same_seed_gives_the_same_weights():
    first, second = (train_classifier("mini", 3, torch.device("cpu"), 2) for _ in range(2))
    for one, other in zip(first.state_dict().values(), second.state_dict().values()):
        assert torch.equal(one, other)


@pytest.mark.parametrize("neck", ["fpn", "c4", "c5"])
@pytest.mark.parametrize("backbone", ["mini", "mini_resnext"])
def test_a_detector_takes_over_the_trunk_and_nothing_else(neck, backbone, tmp_path):
    file = tmp_path / "trunk.safetensors"
    torch.manual_seed(0)
    classifier = Classifier(backbone, 6)
    save_file({k: v.contiguous() for k, v in classifier.body.state_dict().items()}, file)
    config = mini_config(7, backbone=backbone, neck=neck)
    model = mask_rcnn(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    start_from_classifier(model, file)
    after = model.state_dict()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    expected = ("backbone.body.", *(["roi_heads.shared_head."] if neck == "c4" else []))
    assert changed
    assert all(name.startswith(expected) for name in changed)
    assert torch.equal(after["backbone.body.conv1.weight"], classifier.body.conv1.weight)
    if neck == "c4":
        assert torch.equal(
            after["roi_heads.shared_head.0.conv1.weight"], classifier.body.layer4[0].conv1.weight
        )


def test_a_trunk_that_is_there_is_not_trained_again(tmp_path):
    file = tmp_path / "trunk.safetensors"
    file.write_bytes(b"kept")
    pretrain("mini", 0, torch.device("cpu"), file, steps=1)
    assert file.read_bytes() == b"kept"
