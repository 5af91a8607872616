"""Penn-Fudan from the command line: some pictures are to train on, others to measure on."""

from argparse import Namespace
from pathlib import Path

import pytest
import torch

from mrcnn_lite.cli import main
from mrcnn_lite.cli.data import describe_people, open_evaluation_data, open_training_data
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.engine.checkpoint import LoadedModel, save_checkpoint
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mask_rcnn, mini_config
from tests.penn_fudan_folder import write_penn_fudan

NETWORK = Namespace(predicts_masks=True, config=Namespace(num_keypoints=0))
PEOPLE = LoadedModel(NETWORK, {1: "person"})
TO_MEASURE = [13, 14, 15, 16, 17, 30, 31, 32, 33, 34]
TO_TRAIN = [number for number in range(1, 35) if number not in TO_MEASURE]


@pytest.fixture
def root(tmp_path) -> Path:
    return write_penn_fudan(tmp_path / "Übung 1", pictures=34)


def parse(root: Path, *words: str, command=("train", "--out", "x")) -> Namespace:
    data = ["--dataset", "penn-fudan", "--root", str(root)]
    return make_parser().parse_args([*command, *data, *words])


def ids_of(root: Path, *words: str) -> tuple[list[int], list[int] | None, list[int]]:
    """What is trained on, measured on meanwhile, and measured on by `evaluate`."""
    dataset, validation = open_training_data(parse(root, *words))
    options = parse(root, *words, command=("evaluate", "x"))
    measured = open_evaluation_data(options, PEOPLE).image_ids
    return dataset.image_ids, validation and validation.image_ids, measured


@pytest.mark.parametrize("inside", [False, True])
def test_what_is_measured_on_is_never_trained_on(root, inside):
    root = root / "PennFudanPed" if inside else root
    assert ids_of(root) == (TO_TRAIN, None, TO_MEASURE)
    assert ids_of(root, "--validation", "4") == (TO_TRAIN, [13, 15, 30, 32], [13, 15, 30, 32])
    assert ids_of(root, "--validation", "10%") == (TO_TRAIN, [13, 16, 31], [13, 16, 31])
    assert ids_of(root, "--validation", "99%") == (TO_TRAIN, TO_MEASURE, TO_MEASURE)
    with pytest.raises(InputError, match="--validation 11: 10 images are there to measure on"):
        ids_of(root, "--validation", "11")


def test_images_that_are_named_are_those(root):
    named = ["--image-ids", "14,2,3"]
    assert ids_of(root, *named) == ([14, 2, 3], None, [14, 2, 3])
    assert ids_of(root, *named, "--validation", "1") == ([2, 3], [14], [14])
    with pytest.raises(InputError, match="--validation 3 leaves none of 3 images to train on"):
        ids_of(root, *named, "--validation", "3")
    dataset, _ = open_training_data(parse(root, *named))
    expected = "3 of Penn-Fudan's images: 2 of the 120 to train on, 1 of the 50 to measure on"
    assert describe_people(dataset) == expected


def test_evaluate_says_on_what_it_measures(root, tmp_path, capsys):
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "c.pt", mask_rcnn(mini_config(2)), {1: "person"}, {})
    command = ["evaluate", str(tmp_path / "c.pt"), "--dataset", "penn-fudan", "--root", str(root)]
    assert main([*command, "--validation", "2"]) == 0
    said = capsys.readouterr().out
    expected = "measuring on 2 of Penn-Fudan's images: 0 of the 120 to train on, 2 of the 50 to"
    assert said.startswith(expected)
