"""Data of no use to a run are named: before it learns, and when it is measured."""

import warnings

import pytest
import torch

from mrcnn_lite.datasets import CocoDataset, ShapesDataset
from mrcnn_lite.engine.evaluate import evaluate, score_results
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mask_rcnn, mini_config
from tests.datasets.coco_files import annotation, annotation_file, write, write_picture


def model_for(dataset):
    torch.manual_seed(0)
    return mask_rcnn(mini_config(dataset.num_classes, min_size=64, max_size=96))


@pytest.mark.filterwarnings("ignore:.*left out of training")
@pytest.mark.parametrize(
    "annotations",
    [
        [],
        [annotation(1, iscrowd=1), annotation(2, iscrowd="1")],
        [annotation(1, bbox=[3, 3, 0, 5])],
        [annotation(1, segmentation=[[1, 1, 5, 5, 9, 9]])],
    ],
    ids=["nothing", "crowds", "no box", "no pixel"],
)
@pytest.mark.parametrize("skip", [True, False])
def test_nothing_to_learn_is_said_before_the_first_step(tmp_path, annotations, skip):
    write_picture(tmp_path / "5.png")
    content = annotation_file(*annotations)
    dataset = CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)
    config = TrainConfig(steps=1, batch_size=1, skip_empty_images=skip)
    with pytest.raises(InputError, match="nothing to learn: none of the 1 images"):
        train(model_for(dataset), dataset, config, tmp_path / "run")
    assert not list(tmp_path.glob("run/checkpoint*"))


@pytest.mark.parametrize("shift", [1, 5, 100])
def test_detections_of_unknown_categories_are_named(shift):
    dataset = ShapesDataset(3, seed=0)
    results = [
        {**record, "category_id": record["category_id"] + shift, "score": 1.0}
        for record in dataset.coco.anns.values()
    ]
    unknown = sorted({one["category_id"] for one in results} - set(dataset.categories))
    number = sum(one["category_id"] in unknown for one in results)
    message = rf"{number} of {len(results)} detections.*\({', '.join(map(str, unknown))}\)"
    with pytest.warns(UserWarning, match=message) as caught:
        score_results(dataset.coco, results)
    assert len(caught) == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_real_photographs_train_and_are_measured_without_a_warning(coco64, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        dataset = CocoDataset(coco64, "train2017")
        held_out = CocoDataset(coco64, "val2017", names=dataset.categories)
        held_out = held_out.only(held_out.image_ids[:4])
        model = model_for(dataset)
        train(model, dataset, TrainConfig(steps=1, batch_size=2), tmp_path / "run")
        metrics = evaluate(model, held_out)
    assert metrics["bbox"]["AP"] >= 0
