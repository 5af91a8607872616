"""The gain against the size in cells: bins, cells, and a page from runs."""

import json

import numpy as np
import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import save_checkpoint
from mrcnn_lite.engine.evaluate import load_results
from mrcnn_lite.experiments.area_bins import score_in_bins
from mrcnn_lite.experiments.cells import (
    COARSEST_LEVEL,
    FINEST_LEVEL,
    PAPER,
    bins_of_sizes,
    cells_of,
    mask_sizes,
    page_of_cells,
    write_cells,
)
from mrcnn_lite.experiments.one_run import Run, build_model
from mrcnn_lite.experiments.pretrain import pretrain
from mrcnn_lite.experiments.tables import MODELS, TABLES
from mrcnn_lite.models import mask_rcnn
from tests.experiments.test_overlap import ALONE, LEFT, UPPER, result, truth_of


def test_every_object_is_in_one_bin():
    sizes = mask_sizes(ShapesDataset(30, seed=1))
    areas = sizes.square().round().numpy()
    inside = [(low <= areas) & (areas <= high) for low, high in bins_of_sizes().values()]
    assert np.sum(inside, axis=0).tolist() == [1] * len(areas)
    assert min(map(np.sum, inside)) > 0.1 * len(areas)


@pytest.mark.parametrize(("size", "stride"), [(8, 16), (64, 4)])
def test_the_canonical_size_sets_the_stride(size, stride):
    """At either end all but the largest objects are read from one level."""
    scenes = ShapesDataset(10, seed=1)
    config = MODELS[f"fpn-{size}" if size != 64 else "fpn"].config(scenes.num_classes)
    boxes = torch.cat([target["boxes"] for _, target in scenes])
    small = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt() < 60
    small &= (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt() >= 16
    strides = mask_sizes(scenes) / cells_of(scenes, config)
    assert strides[small].unique().tolist() == [stride]


def test_its_levels_are_those_that_the_model_reads():
    model = mask_rcnn(MODELS["fpn-8"].config(7)).eval()
    features = model.backbone(torch.zeros(1, 3, 128, 128))
    strides = [128 // feature.shape[-1] for feature in features]
    assert strides[:-1] == [2**level for level in range(FINEST_LEVEL, COARSEST_LEVEL + 1)]


def test_a_bin_counts_its_own_instances_only():
    """Of a large and two small ones of a class, one small one is found: AP 1, and 1/2 in 101."""
    truth = truth_of((LEFT, 1), (UPPER, 1), (ALONE, 1))
    results = [{**result(box, 1, 0.9), "bbox": None} for box in (LEFT, UPPER)]
    results = [{name: part for name, part in one.items() if name != "bbox"} for one in results]
    bins = {"small": (0, 250), "large": (251, 1000), "none": (1001, 2000)}
    found = score_in_bins(truth, load_results(truth, results), bins)
    assert found["large"]["AP"] == pytest.approx(1)
    assert found["small"]["AP"] == pytest.approx(51 / 101)
    assert found["none"] == {"AP": -1, "AP50": -1, "AP75": -1}


def test_the_papers_figures_lie_in_the_order_of_the_cells():
    by_cells = sorted(PAPER, key=lambda point: point.cells)
    assert [round(100 * point.gain) for point in by_cells] == [31, 13, 5]


def test_runs_become_a_page(tmp_path, monkeypatch):
    models = [row.model for row in TABLES["cells"].rows]
    runs = [Run(name, 0, 1, 1, 1, tmp_path / "runs") for name in models]
    for run in runs:
        pretrain("mini", 0, torch.device("cpu"), run.classifier, 1)
        run.path.mkdir(parents=True)
        save_checkpoint(run.path / "checkpoint-0000001.pt", build_model(run, 7), {}, {})
    monkeypatch.setattr(Run, "result", lambda self: {"versions": {"torch": "2"}, "seconds": 1})
    write_cells(tmp_path / "out", runs)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"cells.json", "cells.md", "cells.png"}
    summary = json.loads((tmp_path / "out" / "cells.json").read_text("utf-8"))
    assert {point["canonical_size"] for point in summary["points"]} == {8, 16, 32, 64}
    assert page_of_cells(summary) == (tmp_path / "out" / "cells.md").read_text("utf-8")
