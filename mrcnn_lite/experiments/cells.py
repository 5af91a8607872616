"""How RoIAlign's gain falls as objects cover more feature cells, beside the paper's figures.

RoIPool's rounding moves an edge by up to half a cell, whatever the object's size: so it should cost
the more, the fewer cells the object covers. FPN's own rule sets that number: a RoI of canonical
size is read from level k_0, so with a smaller canonical size every RoI is read from a coarser map.
Two models, with RoIPool and with RoIAlign, are trained for each canonical size, and mask AP is
measured for small and large objects apart. If cells are what counts, then all these points lie on
one curve, whichever object and stride they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import checkpoint_path, load_checkpoint, load_state
from mrcnn_lite.engine.evaluate import collect_results, load_results
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.experiments.area_bins import AreaBins, score_in_bins
from mrcnn_lite.experiments.draw_cells import figure_of_cells
from mrcnn_lite.experiments.one_run import Run, build_model
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.experiments.results import gain, gain_text
from mrcnn_lite.experiments.tables import MODELS
from mrcnn_lite.models import MaskRCNNConfig
from mrcnn_lite.models.roi_features import assign_levels

NAME = "cells"
# The quarters of Shapes, by the root of the mask's area in pixels.
SIZE_BORDERS = (19, 26, 34)
FINEST_LEVEL, COARSEST_LEVEL = 2, 4


@dataclass(frozen=True)
class PaperPoint:
    """A gain that the paper reports, and how many cells an object of COCO covers there.

    Attributes:
        name: where the paper has it.
        pool, align: its mask APs, in percent.
        stride: of the map that a RoI of each of `COCO_SIZES` is read from, in pixels.
    """

    name: str
    pool: float
    align: float
    stride: tuple[int, int, int]

    @property
    def gain(self) -> float:
        """What RoIAlign gains, in parts of RoIPool's mask AP."""
        return self.align / self.pool - 1

    @property
    def cells(self) -> tuple[float, float, float]:
        """How many cells an object of each of `COCO_SIZES` covers."""
        return tuple(size / stride for size, stride in zip(COCO_SIZES, self.stride))


# Of COCO's objects 41 % are smaller than 32 pixels and 75 % smaller than 96 (root of the mask's
# area; cocodataset.org, "Detection evaluation"). Between the two, half are below 43, by the
# logarithm. The usual picture of 480 x 640 is enlarged to 800 x 1066, 5/3 times.
COCO_SIZES = (32 * 5 / 3, 43 * 5 / 3, 96 * 5 / 3)
PAPER = (
    PaperPoint("table 2c, C4, stride 16", 26.9, 30.3, (16, 16, 16)),
    PaperPoint("table 2d, C5, stride 32", 23.6, 30.9, (32, 32, 32)),
    # The text has the difference only: 1.5 points. Strides by FPN's equation 1.
    PaperPoint("section 4.2, FPN", 32.1, 33.6, (4, 4, 8)),
)


def summarise_cells(runs: Sequence[Run]) -> dict[str, Any]:
    """Measure every run's model by the size of objects, and put together what came out.

    Returns:
        What cells.json holds: for each canonical size and each bin of sizes the objects' mean size
        in cells, mask AP of both operations seed by seed, and the gain (see `gain`); and the
        paper's figures with COCO's sizes in cells.
    """
    scenes = ShapesDataset(runs[0].held_out, seed=HELD_OUT_SEED)
    sizes = mask_sizes(scenes)
    bins = bins_of_sizes()
    scores = {
        (run.model, run.seed): _score(run, scenes, bins)
        for run in tqdm(runs, "measuring by size", unit="model")
    }
    seeds = sorted({run.seed for run in runs})
    points = []
    for model in dict.fromkeys(run.model for run in runs):
        if model.endswith("-pool"):
            continue
        config = MODELS[model].config(scenes.num_classes)
        cells = cells_of(scenes, config)
        for name, (least, greatest) in bins.items():
            within = (sizes**2 >= least) & (sizes**2 <= greatest)
            by_operation = {
                operation: [scores[key, seed][name]["AP"] for seed in seeds]
                for operation, key in (("pool", f"{model}-pool"), ("align", model))
            }
            points.append(
                {
                    "canonical_size": config.roi_canonical_size,
                    "size": name,
                    "objects": int(within.sum()),
                    "cells": round(cells[within].mean().item(), 2),
                    **by_operation,
                    "gain": gain(by_operation["align"], by_operation["pool"]),
                }
            )
    return {
        "table": NAME,
        "command": f"mrcnn-lite ablate {NAME} --seeds {len(seeds)} --steps {runs[0].steps}",
        "seeds": len(seeds),
        "steps": runs[0].steps,
        "scenes": len(scenes),
        "seconds": round(sum(run.result()["seconds"] for run in runs)),
        "versions": runs[0].result()["versions"],
        "points": points,
        "paper": [
            {"name": point.name, "gain": point.gain, "cells": point.cells} for point in PAPER
        ],
    }


def bins_of_sizes() -> AreaBins:
    """Give each quarter of `SIZE_BORDERS` its name and its limits, as areas in pixels."""
    borders = (0, *SIZE_BORDERS, 1000)
    names = [f"up to {SIZE_BORDERS[0]}"]
    names += [f"{low} to {high}" for low, high in pairwise(SIZE_BORDERS)]
    names += [f"above {SIZE_BORDERS[-1]}"]
    # Areas are whole numbers of pixels, so no object lies in two bins.
    limits = [(low**2 + 0.5, high**2 + 0.5) for low, high in pairwise(borders)]
    return dict(zip(names, limits))


def mask_sizes(scenes: ShapesDataset) -> torch.Tensor:
    """Measure all objects of the scenes, the root of each mask's area in pixels: `Tensor[M]`."""
    return torch.cat([target["masks"].sum(dim=(1, 2)).double().sqrt() for _, target in scenes])


def cells_of(scenes: ShapesDataset, config: MaskRCNNConfig) -> torch.Tensor:
    """Say how many cells of its own level each object covers: `Tensor[M]`.

    It is the root of the mask's area over the stride of the level that the true box is read from.
    """
    boxes = torch.cat([target["boxes"] for _, target in scenes])  # [M, 4]
    levels = assign_levels(
        boxes,
        config.roi_canonical_size,
        config.roi_canonical_level,
        FINEST_LEVEL,
        COARSEST_LEVEL,
    )  # [M]
    return mask_sizes(scenes) / 2.0**levels


def write_cells(out: Path, runs: Sequence[Run]) -> None:
    """Write cells.json, cells.md and cells.png."""
    summary = summarise_cells(runs)
    write_page(out, NAME, summary, page_of_cells(summary), figure_of_cells(summary))


def page_of_cells(summary: dict[str, Any]) -> str:
    """Write the page: a row for each point of the curve, the paper's figures below."""
    rows = [
        [
            f"{point['cells']:.1f}",
            point["canonical_size"],
            f"{point['size']} px ({point['objects']})",
            *(mean_and_deviation([100 * ap for ap in point[name]]) for name in ("pool", "align")),
            gain_text(point["gain"]),
        ]
        for point in sorted(summary["points"], key=lambda point: point["cells"])
    ]
    header = ["cells", "canonical size", "objects", "RoIPool", "RoIAlign", "gain (95 %)"]
    paper = [
        [
            point["name"],
            *(f"{cells:.1f}" for cells in point["cells"]),
            f"{100 * point['gain']:+.0f} %",
        ]
        for point in summary["paper"]
    ]
    lines = [
        "# RoIAlign's gain over RoIPool against the object's size in feature cells",
        "",
        f"`{summary['command']}`: {summary['seeds']} seeds, {summary['steps']} steps of 8 scenes "
        f"of Shapes each, {summary['seconds'] / 60:.0f} minutes of training in all, one core a run "
        f"(torch {summary['versions']['torch']}). `mini` with FPN, trained with either operation "
        "for each of four canonical sizes: the smaller it is, the coarser the level that a RoI is "
        f"read from. Mask AP on {summary['scenes']} held-out scenes, in percent, mean ± standard "
        "deviation over seeds, for the quarters of the objects by size (root of the mask's area) "
        "apart; cells are that root over the stride of the level, mean over the objects.",
        "",
        f"![the gain against the size in cells]({NAME}.png)",
        "",
        markdown_table(header, rows, numbers=True),
        "",
        "The paper's gains, and how many cells an object of COCO covers there (41 %, half and 75 % "
        "of all objects are smaller than 32, 43 and 96 pixels, and are enlarged 5/3 times):",
        "",
        markdown_table(["", "41 %", "half", "75 %", "gain"], paper, numbers=True),
    ]
    return "\n".join(lines) + "\n"


def _score(run: Run, scenes: ShapesDataset, bins: AreaBins) -> dict[str, dict[str, float]]:
    model = build_model(run, scenes.num_classes)
    file = checkpoint_path(run.path)
    load_state(model, load_checkpoint(file)["model"], file)
    results = collect_results(model, scenes, TrainConfig.batch_size)
    # With a box at hand pycocotools would take its area for the mask's.
    masks = [{name: part for name, part in one.items() if name != "bbox"} for one in results]
    return score_in_bins(scenes.coco, load_results(scenes.coco, masks), bins)
