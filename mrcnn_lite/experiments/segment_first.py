"""Parallel prediction against "segment first, recognise later", on the same pictures.

    python -m mrcnn_lite.experiments.segment_first    # about ten minutes on two idle cores

Both begin with the shipped model's features and proposals. Mask R-CNN then predicts class and box
of every proposal side by side, and masks of what is left (Mask R-CNN, section 3). The other order,
which the paper's introduction and related work describe, makes a segment of every proposal first,
cuts it out of the picture, and has a second network say what it is. That network is the classifier
of `mrcnn_lite.experiments.pretrain`, trained here on the segments of training scenes, background
included. Seeds are those of the second network. It writes docs/results/segment_first.md and .json.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import score_results, to_coco_results
from mrcnn_lite.engine.recipe import TrainConfig, learning_rate_factor, make_optimizer
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.experiments.pretrain import CROP_SIZE, Classifier
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.mask_rcnn import to_original_image
from mrcnn_lite.ops import box_iou, roi_align

STEPS = 250
NUM_HELD_OUT = 200
# Of one scene, half of them objects.
SEGMENTS_PER_SCENE = 8
# What is not of the segment becomes this, the mean of all pictures.
BLANK = 0.5


def segment(model: MaskRCNN, image: Tensor) -> tuple[ImageBatch, Tensor, Tensor]:
    """Propose, and make one segment of each proposal, of whatever class: the likeliest mask's."""
    batch, _ = model.transform([image])
    features = model.backbone(batch.tensors)
    (proposals,), _ = model.rpn(batch, features)
    return batch, proposals, segment_boxes(model, batch, features, proposals)


def segment_boxes(
    model: MaskRCNN, batch: ImageBatch, features: list[Tensor], boxes: Tensor
) -> Tensor:
    """Make a segment of each box: probabilities `Tensor[P, m, m]`."""
    logits = model.roi_heads.predict_masks(batch, features[:-1], [boxes])
    return logits[:, 1:].amax(dim=1).sigmoid()


def cut_out_segments(image: Tensor, boxes: Tensor, segments: Tensor) -> Tensor:
    """Cut each segment out of the picture, everything else blank: `Tensor[P, 3, S, S]`."""
    crops = roi_align(image[None], [boxes], CROP_SIZE, aligned=True)
    masks = F.interpolate(segments[:, None], size=CROP_SIZE, mode="bilinear", align_corners=False)
    return BLANK + (crops - BLANK) * masks


def train_second_network(model: MaskRCNN, seed: int, num_classes: int) -> Classifier:
    """Train the second network to name segments, or to say that they are none."""
    torch.manual_seed(seed)
    network = Classifier("mini", num_classes).to(memory_format=torch.channels_last)
    config = TrainConfig(steps=STEPS, warmup_steps=STEPS // 10)
    optimizer = make_optimizer(network, config)
    scenes = ShapesDataset(STEPS * config.batch_size, seed=2 * seed)
    for step in tqdm(range(STEPS), f"second network, seed {seed}", unit="step"):
        crops, labels = [], []
        for place in range(config.batch_size):
            image, target = scenes[step * config.batch_size + place]
            with torch.no_grad():
                _, proposals, segments = segment(model, image)
                ious, matched = box_iou(proposals, target["boxes"]).max(dim=1)
                names = torch.where(ious >= 0.5, target["labels"][matched], 0)
                shuffled = torch.randperm(len(names))
                half = SEGMENTS_PER_SCENE // 2
                objects = shuffled[names[shuffled] > 0][:half]
                rest = shuffled[names[shuffled] == 0][: SEGMENTS_PER_SCENE - len(objects)]
                chosen = torch.cat([objects, rest])
                crops.append(cut_out_segments(image, proposals[chosen], segments[chosen]))
                labels.append(names[chosen])
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * learning_rate_factor(step, config)
        optimizer.zero_grad()
        F.cross_entropy(network(torch.cat(crops)), torch.cat(labels)).backward()
        optimizer.step()
    return network.eval()


@torch.inference_mode()
def segment_first(model: MaskRCNN, network: Classifier, image: Tensor) -> dict[str, Tensor]:
    """Detect in the other order: segments of all proposals, then a name for each."""
    batch, proposals, segments = segment(model, image)
    scores = network(cut_out_segments(image, proposals, segments)).softmax(dim=1)
    boxes = proposals[:, None].expand(-1, scores.shape[1], 4)
    # A detection's box is its proposal's, clipped.
    kept = model.roi_heads.keep_best(boxes, scores, batch.sizes[0])
    number = box_iou(kept["boxes"], proposals).argmax(dim=1)
    kept["masks"] = segments[number]
    return to_original_image(kept, batch.sizes[0], batch.original_sizes[0])


@torch.inference_mode()
def masks_of_all_proposals(model: MaskRCNN, image: Tensor) -> dict[str, Tensor]:
    """Mask R-CNN with its mask branch on every proposal, too, side by side with class and box."""
    batch, _ = model.transform([image])
    features = model.backbone(batch.tensors)
    proposals, _ = model.rpn(batch, features)
    model.roi_heads.predict_masks(batch, features[:-1], proposals)
    detections, _ = model.roi_heads(batch, features, proposals)
    return to_original_image(detections[0], batch.sizes[0], batch.original_sizes[0])


@torch.inference_mode()
def mask_rcnn(model: MaskRCNN, image: Tensor) -> dict[str, Tensor]:
    """Mask R-CNN as it is: masks of the detections only."""
    return model([image])[0]


def measure(
    ways: dict[str, Callable[[Tensor], dict[str, Tensor]]], scenes: ShapesDataset
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Run the ways in turns over the scenes: seconds per picture, and AP."""
    seconds, results = {name: [] for name in ways}, {name: [] for name in ways}
    for index in tqdm(range(len(scenes)), "measuring", unit="scene"):
        image, _ = scenes[index]
        for name, way in ways.items():
            start = time.perf_counter()
            detections = way(image)
            seconds[name].append(time.perf_counter() - start)
            results[name] += to_coco_results(scenes.image_id(index), detections)
    scores = {name: score_results(scenes.coco, found) for name, found in results.items()}
    aps = {
        name: {kind: values["AP"] for kind, values in metrics.items()}
        for name, metrics in scores.items()
    }
    return {name: statistics.median(values) for name, values in seconds.items()}, aps


def page_of_segment_first(result: dict[str, Any]) -> str:
    """Write the page: a row for each way, with its time and its AP."""
    runs = result["runs"]
    rows = []
    for name in runs[0]["seconds"]:
        ratios = [run["seconds"][name] / run["seconds"]["Mask R-CNN"] for run in runs]
        masks, boxes = ([100 * run["ap"][name][kind] for run in runs] for kind in ("segm", "bbox"))
        rows.append(
            [
                name,
                mean_and_deviation(ratios, ".2f"),
                mean_and_deviation(masks),
                mean_and_deviation(boxes),
            ]
        )
    lines = [
        "# Parallel prediction, and segment first, recognise later",
        "",
        f"`python -m mrcnn_lite.experiments.segment_first`: {result['scenes']} held-out scenes one "
        f"by one, one thread, the ways in turns; {len(runs)} second networks (torch "
        f"{result['torch']}). Time per picture against Mask R-CNN's in the same run (median "
        "over pictures), mean ± standard deviation over seeds; AP in percent. Features and "
        "proposals are the same for all.",
        "",
        markdown_table(["", "time", "mask AP", "box AP"], rows),
        "",
        "What makes the gap small here: the second network is a small one for pictures of "
        f"{CROP_SIZE} x {CROP_SIZE} pixels, a picture has at most {result['max_proposals']} "
        "proposals, and the segments come from Mask R-CNN's own mask branch, features shared. "
        "What makes it large: Mask R-CNN's branches are small, too. AP says little for or against "
        "the order as such: boxes are not refined in the second way, and its second network "
        "learnt for a minute.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(SHIPPED_WEIGHTS).model
    scenes = ShapesDataset(NUM_HELD_OUT, seed=HELD_OUT_SEED)
    runs = []
    for seed in range(options.seeds):
        network = train_second_network(model, seed, scenes.num_classes)
        ways = {
            "Mask R-CNN": partial(mask_rcnn, model),
            "Mask R-CNN, masks of all proposals": partial(masks_of_all_proposals, model),
            "segment first, recognise later": partial(segment_first, model, network),
        }
        seconds, aps = measure(ways, scenes)
        runs.append({"seed": seed, "seconds": seconds, "ap": aps})
    result = {
        "torch": torch.__version__,
        "scenes": NUM_HELD_OUT,
        "max_proposals": model.config.rpn_post_nms_top_n_test,
        "runs": runs,
    }
    text = page_of_segment_first(result)
    print(text)
    write_page(options.output, "segment_first", result, text)


if __name__ == "__main__":
    main()
