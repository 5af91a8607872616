"""What fine-tuning is measured on, and where it starts."""

import json

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.experiments import fine_tuning
from mrcnn_lite.experiments.fine_tuning import STARTS, OneClass, ahead, measure
from mrcnn_lite.files import RESULTS, SHIPPED_WEIGHTS


def test_scenes_of_one_class_are_the_crowded_ones():
    image, target = OneClass(2, seed=3)[1]
    crowded_image, crowded = ShapesDataset(2, seed=3, crowded=True)[1]
    assert torch.equal(image, crowded_image)
    assert torch.equal(target["masks"], crowded["masks"])
    assert target["labels"].unique().tolist() == [1]
    assert {ann["category_id"] for ann in OneClass(2, seed=3).coco.dataset["annotations"]} == {1}


def test_a_run_starts_from_what_it_says(monkeypatch):
    """What a run is given to train: all shipped weights but those with an output per class."""
    given = []

    def note(model, pictures, config, folder, validation):
        given.append(model.state_dict())
        line = {"step": 1, **{kind: {"AP": 0.5} for kind in ("segm", "bbox")}}
        (folder := fine_tuning.Path(folder)).mkdir(exist_ok=True)
        (folder / "evaluations.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")

    monkeypatch.setattr(fine_tuning, "train", note)
    found = [measure(start, seed=0, steps=4) for start in STARTS]
    assert found[0] == {"seed": 0, "measured": [{"step": 1, "segm": 0.5, "bbox": 0.5}]}
    shipped = load_model(SHIPPED_WEIGHTS).model.state_dict()
    name, last = "backbone.body.conv1.weight", "roi_heads.box_predictor.cls_score.weight"
    name = name if name in shipped else next(iter(shipped))
    random, tuned = given
    assert not torch.equal(random[name], shipped[name])
    assert torch.equal(tuned[name], shipped[name])
    assert tuned[last].shape[0] == 2


def test_the_committed_runs_are_complete():
    result = json.loads((RESULTS / "fine_tuning.json").read_text("utf-8"))
    assert list(result["runs"]) == list(STARTS)
    assert all(len(runs) == fine_tuning.SEEDS for runs in result["runs"].values())
    assert min(ahead(result)) > 0
