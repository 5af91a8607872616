"""Parallel prediction against "segment first, recognise later", on the same pictures.

    python benchmarks/segment_first.py    # about ten minutes on two idle cores

Both begin with the shipped model's features and proposals. Mask R-CNN then predicts class and box
of every proposal side by side, and masks of what is left (Mask R-CNN, section 3). The other order,
which the paper's introduction and related work describe, makes a segment of every proposal first,
cuts it out of the picture, and has a second network say what it is. That network is the classifier
of `mrcnn_lite.experiments.pretrain`, trained here on the segments of training scenes, background
included. Seeds are those of the second network. It writes docs/results/segment_first.md and .json.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import score_results, to_coco_results
from mrcnn_lite.engine.recipe import TrainConfig, learning_rate_factor, make_optimizer
from mrcnn_lite.experiments.pretrain import CROP_SIZE, Classifier
from mrcnn_lite.files import SHIPPED_WEIGHTS, write_atomically
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.mask_rcnn import to_original_image
from mrcnn_lite.ops import box_iou, roi_align

STEPS = 250
NUM_HELD_OUT = 200
# Of one scene, half of them objects.
SEGMENTS_PER_SCENE = 8
# What is not of the segment becomes this, the mean of all pictures.
BLANK = 0.5


def segment(model: MaskRCNN, image: Tensor) -> tuple:
    """Propose, and make one segment of each proposal, of whatever class: the likeliest mask's."""
    batch, _ = model.transform([image])
    features = model.backbone(batch.tensors)
    (proposals,), _ = model.rpn(batch, features)
    return batch, proposals, segment_boxes(model, batch, features, proposals)


def segment_boxes(model: MaskRCNN, batch, features: list[Tensor], boxes: Tensor) -> Tensor:
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
                found = torch.where(ious >= 0.5, target["labels"][matched], 0)
                shuffled = torch.randperm(len(found))
                half = SEGMENTS_PER_SCENE // 2
                objects = shuffled[found[shuffled] > 0][:half]
                rest = shuffled[found[shuffled] == 0][: SEGMENTS_PER_SCENE - len(objects)]
                chosen = torch.cat([objects, rest])
                crops.append(cut_out_segments(image, proposals[chosen], segments[chosen]))
                labels.append(found[chosen])
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


def measure(ways: dict, scenes: ShapesDataset) -> tuple[dict, dict]:
    """Run the ways in turns over the scenes: seconds per picture, and AP."""
    seconds, results = {name: [] for name in ways}, {name: [] for name in ways}
    for index in tqdm(range(len(scenes)), "measuring", unit="scene"):
        image, _ = scenes[index]
        for name, way in ways.items():
            start = time.perf_counter()
            found = way(image)
            seconds[name].append(time.perf_counter() - start)
            results[name] += to_coco_results(scenes.image_id(index), found)
    scores = {name: score_results(scenes.coco, found) for name, found in results.items()}
    aps = {
        name: {kind: values["AP"] for kind, values in found.items()}
        for name, found in scores.items()
    }
    return {name: statistics.median(values) for name, values in seconds.items()}, aps


def main() -> None:
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
            "Mask R-CNN": lambda image: mask_rcnn(model, image),
            "Mask R-CNN, masks of all proposals": lambda image: masks_of_all_proposals(
                model, image
            ),
            "segment first, recognise later": lambda image, network=network: segment_first(
                model, network, image
            ),
        }
        seconds, aps = measure(ways, scenes)
        runs.append({"seed": seed, "seconds": seconds, "ap": aps})
    lines = []
    for name in ways:
        ratios = [run["seconds"][name] / run["seconds"]["Mask R-CNN"] for run in runs]
        cells = [f"{statistics.fmean(ratios):.2f} ± {statistics.stdev(ratios):.2f}"]
        for kind in ("segm", "bbox"):
            values = [100 * run["ap"][name][kind] for run in runs]
            cells.append(f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    text = "\n".join(
        [
            "# Parallel prediction, and segment first, recognise later",
            "",
            f"`python benchmarks/segment_first.py`: {len(scenes)} held-out scenes one by one, one "
            f"thread, the ways in turns; {options.seeds} second networks (torch "
            f"{torch.__version__}). Time per picture against Mask R-CNN's in the same run (median "
            "over pictures), mean ± standard deviation over seeds; AP in percent. Features and "
            "proposals are the same for all.",
            "",
            "| | time | mask AP | box AP |",
            "|---|---|---|---|",
            *lines,
            "",
            "What makes the gap small here: the second network is a small one for pictures of "
            f"{CROP_SIZE} x {CROP_SIZE} pixels, a picture has at most "
            f"{model.config.rpn_post_nms_top_n_test} proposals, and the segments come from Mask "
            "R-CNN's own mask branch, features shared. What makes it large: Mask R-CNN's "
            "branches are small, too. AP says little for or against the order as such: boxes are "
            "not refined in the second way, and its second network learnt for a minute.",
            "",
        ]
    )
    print(text)
    for suffix, content in ((".md", text), (".json", json.dumps(runs, indent=1) + "\n")):
        with write_atomically(options.output / f"segment_first{suffix}") as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
