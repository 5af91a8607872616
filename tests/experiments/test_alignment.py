"""The RoI operation swapped on one model: what is measured, and that nothing else changes."""

from dataclasses import replace

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import save_checkpoint
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments import alignment
from mrcnn_lite.experiments.alignment import (
    OPERATIONS,
    measure_shifts,
    page_of_alignment,
    size_classes,
    summarise_alignment,
    write_alignment,
)
from mrcnn_lite.experiments.one_run import Run, build_model
from mrcnn_lite.experiments.pretrain import pretrain
from mrcnn_lite.experiments.results import check_not_larger
from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.ops.masks import mask_iou


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(7, neck="c4")).eval()


def test_a_shift_is_a_shift_of_the_box(model):
    """Measured at 0 and at 8 px together or one by one, and with the boxes themselves moved."""
    scenes = ShapesDataset(2, seed=1)
    sizes, both = measure_shifts(model, scenes, (0, 8))
    _, alone = measure_shifts(model, scenes, (8,))
    assert len(sizes) == sum(len(target["boxes"]) for _, target in scenes)
    for name in OPERATIONS:
        torch.testing.assert_close(both[name][:, 1:], alone[name])
    assert both["the box itself"][:, 0].tolist() == [1] * len(sizes)
    _, target = scenes[0]
    first = target["masks"][0].bool()
    x1 = target["boxes"][0, 0].int()
    seen = first.clone()
    seen[:, : x1 + 8] = False
    expected = seen.sum() / first.sum()
    torch.testing.assert_close(both["the box itself"][0, 1], expected.float())


def test_the_model_keeps_its_own_operation(model):
    own = model.roi_heads.roi_op
    measure_shifts(model, ShapesDataset(1, seed=1), (0,))
    assert model.roi_heads.roi_op is own


def test_the_models_own_operation_gives_what_the_model_predicts(model):
    scenes = ShapesDataset(1, seed=4)
    image, target = scenes[0]
    _, ious = measure_shifts(model, scenes, (0,))
    with torch.inference_mode():
        batch, _ = model.transform([image])
        features = model.backbone(batch.tensors)
        masks = model.roi_heads.predict_masks_of(
            batch, features, [target["boxes"]], target["labels"]
        )
    pasted = paste_masks(masks, target["boxes"], image.shape[-2:]) > 0.5
    expected = mask_iou(pasted, target["masks"].bool()).diagonal()
    torch.testing.assert_close(ious["RoIAlign, mean"][:, 0], expected)


def test_thirds():
    classes, borders = size_classes(torch.tensor([10.0, 60, 20, 50, 30, 40]))
    assert classes.tolist() == [0, 2, 0, 2, 1, 1]
    assert 20 < borders[0] < 30 < 40 < borders[1] < 50


def test_runs_become_a_page(tmp_path, monkeypatch):
    monkeypatch.setattr(alignment, "NUM_SCENES", 1)
    runs = [Run(name, 0, 1, 1, 1, tmp_path / "runs") for name in ("c4-pool", "c4")]
    for run in runs:
        pretrain("mini", 0, torch.device("cpu"), run.classifier, 1)
        run.path.mkdir(parents=True)
        save_checkpoint(run.path / "checkpoint-0000001.pt", build_model(run, 7), {}, {})
    monkeypatch.setattr(Run, "result", lambda self: {"versions": {}})
    summary = summarise_alignment(runs)
    assert set(summary["trained"]) == {"c4-pool", "c4"}
    text = page_of_alignment(summary)
    assert text.index("Trained with RoIPool") < text.index("Trained with RoIAlign")
    write_alignment(tmp_path / "out", runs)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"alignment.json", "alignment.md", "alignment.png"}
    # Once more is allowed, with less it is not.
    check_not_larger(tmp_path / "out", "alignment", runs)
    fewer = [replace(run, steps=0) for run in runs]
    with pytest.raises(InputError, match="1 seeds of 1 steps"):
        check_not_larger(tmp_path / "out", "alignment", fewer)
