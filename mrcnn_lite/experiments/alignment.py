"""What alignment alone is worth: one trained model, its RoI operation swapped, the box shifted.

Tables 2c and 2d train a model for each RoI operation, so part of a difference may lie in what was
learnt. Here nothing is trained: the same weights predict the masks of the same true boxes from what
each operation reads, with the box where it is and shifted by parts of a feature cell. Models that
were trained with RoIAlign and models that were trained with RoIPool both take part, since each
knows one of the operations better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import checkpoint_path, load_checkpoint, load_state
from mrcnn_lite.engine.evaluate import MASK_THRESHOLD
from mrcnn_lite.experiments.draw_alignment import figure_of_alignment
from mrcnn_lite.experiments.one_run import Run, build_model
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.experiments.results import gain, gain_text
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.paste import paste_masks
from mrcnn_lite.models.roi_features import make_roi_op
from mrcnn_lite.ops.masks import mask_iou

NAME = "alignment"
STRIDE = 16
# In image pixels, along x: up to half a cell either way, in eighths of a cell.
SHIFTS = tuple(range(-8, 9, 2))
# As the configuration names them: roi_op, roi_reduce, aligned.
OPERATIONS = {
    "RoIPool": ("pool", "max", True),
    "RoIWarp, max": ("warp", "max", True),
    "RoIWarp, mean": ("warp", "mean", True),
    "RoIAlign, half a pixel off": ("align", "mean", False),
    "RoIAlign, max": ("align", "max", True),
    "RoIAlign, mean": ("align", "mean", True),
}
BETTER, BASE = "RoIAlign, mean", "RoIPool"
SIZES = ("small", "medium", "large")
NUM_SCENES = 100


@torch.inference_mode()
def measure_shifts(
    model: MaskRCNN, scenes: ShapesDataset, shifts: Sequence[float] = SHIFTS
) -> tuple[Tensor, dict[str, Tensor]]:
    """Predict each object's mask from its true box, shifted, by each operation in turn.

    The class is the true one and the mask is pasted where it was read, so that nothing but the
    reading differs between operations.

    Args:
        model: single-map, in evaluation mode, for scenes of their own size.
        scenes: with M objects in all.
        shifts: along x, in image pixels.

    Returns:
        The objects' sizes (root of the box's area, in pixels) `Tensor[M]`; and for each operation
        the IoU of predicted and true mask, `Tensor[M, shifts]`. "the box itself" is the IoU that a
        perfect mask would have, which cannot leave its box.
    """
    config, heads = model.config, model.roi_heads
    own_op = heads.roi_op
    operations = {
        name: make_roi_op(replace(config, roi_op=op, roi_reduce=reduce, aligned=aligned))
        for name, (op, reduce, aligned) in OPERATIONS.items()
    }
    sizes, ious = [], {name: [] for name in (*operations, "the box itself")}
    try:
        for image, target in tqdm(scenes, "swapping operations", unit="scene", leave=False):
            batch, _ = model.transform([image])
            features = model.backbone(batch.tensors)
            boxes, masks = target["boxes"], target["masks"].bool()
            sizes.append(((boxes[:, 2:] - boxes[:, :2]).prod(dim=1)).sqrt())
            moves = boxes.new_tensor([[shift, 0, shift, 0] for shift in shifts])
            # All shifts of an object follow each other.
            shifted = (boxes[:, None] + moves).flatten(0, 1)
            labels = target["labels"].repeat_interleave(len(shifts))
            true_masks = masks.repeat_interleave(len(shifts), dim=0)
            for name, operation in operations.items():
                heads.roi_op = operation
                predicted = heads.predict_masks_of(batch, features, [shifted], labels)
                pasted = paste_masks(predicted, shifted, image.shape[-2:]) > MASK_THRESHOLD
                ious[name].append(mask_iou(pasted, true_masks).diagonal().view(-1, len(shifts)))
            inside = paste_masks(torch.ones(len(shifted), 1, 1), shifted, image.shape[-2:]) > 0
            best = mask_iou(inside & true_masks, true_masks).diagonal()
            ious["the box itself"].append(best.view(-1, len(shifts)))
    finally:
        heads.roi_op = own_op
    return torch.cat(sizes), {name: torch.cat(values) for name, values in ious.items()}


def size_classes(sizes: Tensor) -> tuple[Tensor, list[float]]:
    """Sort objects into thirds by size.

    Args:
        sizes: `Tensor[M]`.

    Returns:
        Each one's class, `Tensor[M]` of 0, 1 or 2, and the two sizes between the classes.
    """
    borders = sizes.quantile(sizes.new_tensor([1 / 3, 2 / 3]))
    return torch.bucketize(sizes, borders), borders.tolist()


def summarise_alignment(runs: Sequence[Run]) -> dict[str, Any]:
    """Measure every run's model, and put together what came out.

    Returns:
        What alignment.json holds: for each kind of training and each operation the mean IoU over
        objects, seed by seed, for every shift, and without a shift by size; and what RoIAlign gains
        over RoIPool without a shift (see `gain`), for all objects and by size.
    """
    trained: dict[str, list[dict[str, Any]]] = {}
    scenes = ShapesDataset(NUM_SCENES, seed=HELD_OUT_SEED)
    borders: list[float] = []
    for run in runs:
        model = build_model(run, scenes.num_classes)
        file = checkpoint_path(run.path)
        load_state(model, load_checkpoint(file)["model"], file)
        sizes, ious = measure_shifts(model.eval(), scenes)
        size_class, borders = size_classes(sizes)
        measured = {"seed": run.seed, "by_shift": {}, "by_size": {}}
        middle = SHIFTS.index(0)
        for name, values in ious.items():
            measured["by_shift"][name] = _rounded(values.mean(dim=0))
            means = [values[size_class == size, middle].mean() for size in range(len(SIZES))]
            measured["by_size"][name] = _rounded(torch.stack(means))
        trained.setdefault(run.model, []).append(measured)
    versions = runs[0].result()["versions"]
    num_seeds = len({run.seed for run in runs})
    return {
        "table": NAME,
        "command": f"mrcnn-lite ablate {NAME} --seeds {num_seeds} --steps {runs[0].steps}",
        "seeds": num_seeds,
        "steps": runs[0].steps,
        "shifts": list(SHIFTS),
        "stride": STRIDE,
        "scenes": NUM_SCENES,
        "size_borders": [round(border, 1) for border in borders],
        "versions": versions,
        "trained": trained,
        "gains": {model: _gains(measured) for model, measured in trained.items()},
    }


def write_alignment(out: Path, runs: Sequence[Run]) -> None:
    """Write alignment.json, alignment.md and alignment.png."""
    summary = summarise_alignment(runs)
    write_page(out, NAME, summary, page_of_alignment(summary), figure_of_alignment(summary))


def page_of_alignment(summary: Mapping[str, Any]) -> str:
    """Write the page: for each kind of training a table of operations by size and by shift."""
    low, high = summary["size_borders"]
    middle, last = summary["shifts"].index(0), summary["shifts"][-1]
    lines = [
        "# What alignment alone is worth",
        "",
        f"`{summary['command']}`: nothing is trained. The models of table 2c that were trained "
        f"with RoIAlign and with RoIPool, {summary['seeds']} seeds each, predict the masks of the "
        f"true boxes of {summary['scenes']} held-out scenes from what each operation reads on a "
        f"map of stride {summary['stride']}. IoU with the true mask, mean over objects, in percent "
        "(mean ± standard deviation over seeds). Small objects are those up to "
        f"{low:.0f} px (root of the box's area; {low / summary['stride']:.1f} cells), large ones "
        f"those above {high:.0f} px ({high / summary['stride']:.1f} cells): a third each.",
        "",
        f"![mask IoU against the shift of the box]({NAME}.png)",
    ]
    for model, measured in summary["trained"].items():
        trained_with = "RoIPool" if "pool" in model else "RoIAlign"
        rows = []
        for name in (*OPERATIONS, "the box itself"):
            columns = [[seed["by_shift"][name][middle] for seed in measured]]
            columns += [[seed["by_size"][name][k] for seed in measured] for k in range(len(SIZES))]
            columns.append([seed["by_shift"][name][-1] for seed in measured])
            rows.append([name, *map(_in_percent, columns)])
        gains = map(gain_text, summary["gains"][model].values())
        rows.append([f"{BETTER}, over {BASE} (95 %)", *gains, ""])
        header = ["read by", "all", *SIZES, f"box shifted by {last} px"]
        lines += ["", f"## Trained with {trained_with}", "", markdown_table(header, rows)]
    return "\n".join(lines) + "\n"


def _gains(measured: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    middle = SHIFTS.index(0)
    better, base = (
        [seed["by_shift"][name][middle] for seed in measured] for name in (BETTER, BASE)
    )
    gains = {"all": gain(better, base)}
    for place, size in enumerate(SIZES):
        better, base = (
            [seed["by_size"][name][place] for seed in measured] for name in (BETTER, BASE)
        )
        gains[size] = gain(better, base)
    return gains


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 5) for value in values.tolist()]


def _in_percent(values: list[float]) -> str:
    return mean_and_deviation([100 * value for value in values])
