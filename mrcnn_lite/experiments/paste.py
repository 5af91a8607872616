"""What it changes to paste masks without rounding their boxes, as torchvision does round them.

    python -m mrcnn_lite.experiments.paste      # a minute or two

The shipped model detects on sets of held-out scenes of Shapes, each of a seed of its own. Each
detection's mask is pasted twice, by `paste_masks` and by torchvision's `paste_masks_in_image`; both
are scored, and compared pixel by pixel. It writes docs/results/paste.md and .json.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import MASK_THRESHOLD, score_results, to_coco_results
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.images import resize_boxes
from mrcnn_lite.models.paste import paste_masks

# Training scenes have even seeds.
SEEDS = (1, 3, 5, 7, 9)
SCENES = 200
BATCH = 8
CONFIDENT = 0.5
METRICS = {
    "AP": "mask AP",
    "AP75": "at IoU 0.75",
    "AP_small": "objects of less than 32 x 32 pixels",
    "AP_medium": "larger objects",
}
SIDES = ("rounded", "unrounded")


def detect(model: MaskRCNN, images: list[Tensor]) -> list[dict[str, Tensor]]:
    """Detections with masks `Tensor[D, m, m]`, not pasted yet, and boxes in the images' pixels."""
    batch, _ = model.transform(images)
    features = model.backbone(batch.tensors)
    proposals, _ = model.rpn(batch, features)
    detections, _ = model.roi_heads(batch, features, proposals)
    for detection, size, original_size in zip(detections, batch.sizes, batch.original_sizes):
        detection["boxes"] = resize_boxes(detection["boxes"], size, original_size)
    return detections


def edge_of(masks: Tensor) -> Tensor:
    """The pixels of bool `Tensor[D, H, W]` whose 3 x 3 neighbourhood lies partly in the mask."""
    share = F.avg_pool2d(masks[:, None].float(), 3, stride=1, padding=1, count_include_pad=False)
    return ((share > 0) & (share < 1))[:, 0]


def measure(model: MaskRCNN, seed: int) -> dict:
    """Score one set of scenes both ways, and count the pixels that differ."""
    scenes = ShapesDataset(SCENES, seed)
    results = {side: [] for side in SIDES}
    differ = marked = on_edge = 0
    for start in range(0, SCENES, BATCH):
        samples = [scenes[i] for i in range(start, min(start + BATCH, SCENES))]
        images, targets = zip(*samples)
        with torch.inference_mode():
            detections = detect(model, list(images))
        for detection, image, target in zip(detections, images, targets):
            size = tuple(image.shape[-2:])
            small, boxes = detection["masks"], detection["boxes"]
            pasted = {
                "rounded": paste_masks_in_image(small[:, None], boxes, size),
                "unrounded": paste_masks(small, boxes, size)[:, None],
            }
            for side, masks in pasted.items():
                results[side] += to_coco_results(target["image_id"], {**detection, "masks": masks})
            sure = detection["scores"] >= CONFIDENT
            theirs, ours = (pasted[side][sure, 0] > MASK_THRESHOLD for side in SIDES)
            differ += int((ours != theirs).sum())
            marked += int((ours | theirs).sum())
            on_edge += int((edge_of(ours) | edge_of(theirs)).sum())
    scores = {side: score_results(scenes.coco, results[side], kinds=("segm",)) for side in SIDES}
    return {
        "seed": seed,
        **{side: {name: scores[side]["segm"][name] for name in METRICS} for side in SIDES},
        "differing_of_marked": differ / marked,
        "differing_of_edge": differ / on_edge,
    }


def page_of_paste(result: dict[str, Any]) -> str:
    """Write the page: a row for each kind of AP, and how many pixels differ."""
    runs = result["rows"]
    marked, edge = (
        mean_and_deviation([100 * run[name] for run in runs])
        for name in ("differing_of_marked", "differing_of_edge")
    )
    rows = []
    for name, title in METRICS.items():
        theirs, ours = ([run[side][name] for run in runs] for side in SIDES)
        gains = [one - other for one, other in zip(ours, theirs)]
        rows.append(
            [
                title,
                mean_and_deviation(theirs, ".3f"),
                mean_and_deviation(ours, ".3f"),
                mean_and_deviation(gains, "+.3f"),
            ]
        )
    header = ["", "rounded, as torchvision", "not rounded", "difference, set by set"]
    lines = [
        "# Pasting masks without rounding the box",
        "",
        f"`python -m mrcnn_lite.experiments.paste`, torch {result['torch']}, torchvision "
        f"{result['torchvision']}. The shipped model (data/weights/mini.safetensors) on "
        f"{len(runs)} sets of {SCENES} held-out scenes of Shapes (seeds "
        f"{', '.join(str(run['seed']) for run in runs)}; 128 x 128 pixels). Each detection's mask "
        "is pasted twice: by torchvision's `paste_masks_in_image`, which first rounds the box "
        "outwards to whole pixels, and by this package's `paste_masks`, which does not. Mean ± "
        "standard deviation over the sets.",
        "",
        markdown_table(header, rows),
        "",
        f"Of the pixels that either of the two masks of a detection (score {CONFIDENT} or more) "
        f"covers, {marked} % differ; of those along its edge (3 x 3 pixels partly inside), "
        f"{edge} %.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    model = load_model(SHIPPED_WEIGHTS).model
    result = {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "rows": [measure(model, seed) for seed in SEEDS],
    }
    text = page_of_paste(result)
    print(text)
    write_page(options.output, "paste", result, text)


if __name__ == "__main__":
    main()
