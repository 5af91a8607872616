"""The whole model against torchvision's on a CPU: same weights, same pictures, time and memory.

    python benchmarks/model.py                  # some minutes on two idle cores
    python benchmarks/model.py --output FOLDER  # default: docs/results

docs/results/amx is from a processor with amx_bf16: `--repeats 10 --output docs/results/amx`.
docs/results is from one without, and older than Winograd's convolutions in the prepared model.

It prints a table and writes model.md and model.json. Torchvision's model runs as published: in
float32, with frozen batch norm and three trainable stages. Both models' calls take turns in one
process, and the fastest of each counts: what else the machine does disturbs both alike, and the
ratios say more than the seconds.

Random weights say about the same of every box. So batch norm's statistics are measured on a
picture, and each predictor is scaled to a given spread over its boxes: then 1,000 proposals and 100
detections pass, as in a trained model.

Peak memory is the highest resident memory of a process of its own that makes one model and calls it
twice (Linux only), the model and PyTorch itself included. The C library's allocator is told to
return what is freed: else it keeps some of it, more or less as it comes, by some 60 MiB.
"""

import argparse
import copy
import ctypes
import gc
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torchvision.models import resnet50
from torchvision.models.detection import MaskRCNN as TorchvisionMaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.experiments.pages import markdown_table, write_page
from mrcnn_lite.experiments.turns import race
from mrcnn_lite.models import mask_rcnn_resnet50_fpn
from mrcnn_lite.models.fast.prepare import prepare_for_inference

THREADS = 2
NUM_CLASSES = 91
TILE = 160  # pixels; scenes of this size, three rows of four, make a picture of 480 x 640
SMALL = {"min_size": 480, "max_size": 640}
LARGE = {"min_size": 800, "max_size": 1333}
BF16 = torch.bfloat16
# name, what is done, sizes, images, instances of each
CASES = [
    ("inference, 480 x 640", "detect", SMALL, 1, 15),
    ("training step, 480 x 640, 2 images of 15 instances", "train", SMALL, 2, 15),
    ("inference, 800/1333, 100 detections", "detect", LARGE, 1, 15),
    ("training step, 800/1333, 1 image of 20 instances", "train", LARGE, 1, 20),
]
INSTRUCTIONS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
SIDES = ("torchvision", "float32", "bf16")


def make_pictures(number, instances):
    """Pictures of 480 x 640 of twelve scenes each; the first so many shapes are the targets."""
    images, targets = [], []
    for n in range(number):
        scenes = ShapesDataset(12, seed=100 + n, image_size=TILE)
        rows = []
        boxes, labels, masks = [], [], []
        for row in range(3):
            tiles = []
            for column in range(4):
                image, target = scenes[4 * row + column]
                tiles.append(image)
                y, x = row * TILE, column * TILE
                for box, label, mask in zip(target["boxes"], target["labels"], target["masks"]):
                    boxes.append(box + torch.tensor([x, y, x, y]))
                    labels.append(label)
                    masks.append(torch.zeros(3 * TILE, 4 * TILE, dtype=torch.uint8))
                    masks[-1][y : y + TILE, x : x + TILE] = mask
            rows.append(torch.cat(tiles, dim=2))
        images.append(torch.cat(rows, dim=1))
        every = torch.linspace(0, len(boxes) - 1, instances).long()
        parts = {"boxes": boxes, "labels": labels, "masks": masks}
        targets.append({name: torch.stack(values)[every] for name, values in parts.items()})
    return images, targets


def make_torchvision(sizes):
    """Torchvision's default model with random weights that behave like trained ones."""
    torch.manual_seed(0)
    image = make_pictures(1, 1)[0][0]
    measured = resnet50(weights=None)
    for module in measured.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics of the one batch that follows
    with torch.no_grad():
        measured.train()((image[None] - 0.45) / 0.225)
    trunk = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
    trunk.load_state_dict(measured.state_dict(), strict=False)
    layers = {f"layer{k}": str(k - 1) for k in range(1, 5)}
    backbone = BackboneWithFPN(trunk, layers, [256, 512, 1024, 2048], 256)
    model = TorchvisionMaskRCNN(backbone, NUM_CLASSES, **sizes)
    for name, parameter in model.backbone.body.named_parameters():
        parameter.requires_grad_(name.startswith(("layer2", "layer3", "layer4")))
    spread_predictions(model, image)
    return model


def spread_predictions(model, image):
    """Scale each predictor to a spread that is typical of a trained model."""
    heads, hooks = model.roi_heads, {}
    spreads = {
        model.rpn.head.cls_logits: 2.0,
        model.rpn.head.bbox_pred: 0.3,
        heads.box_predictor.cls_score: 3.0,
        heads.box_predictor.bbox_pred: 1.0,
        heads.mask_predictor.mask_fcn_logits: 2.0,
    }
    for layer, spread in spreads.items():

        def scale(layer, inputs, output, spread=spread):
            hooks[layer].remove()
            axes = [axis for axis in range(output.dim()) if axis != 1]
            factor = spread / output.std(dim=axes)
            layer.weight *= factor.view(-1, *[1] * (layer.weight.dim() - 1))
            layer.bias -= output.mean(dim=axes)
            layer.bias *= factor
            return layer(*inputs)

        hooks[layer] = layer.register_forward_hook(scale)
    with torch.no_grad():
        model.eval()([image])


def make_call(side, action, sizes, theirs, pictures):
    """A function without arguments: detections of the pictures, or one step of training."""
    if side == "torchvision":
        model = theirs
    else:
        torchvisions = {"frozen_batch_norm": True, "trainable_backbone_layers": 3}
        model = mask_rcnn_resnet50_fpn(num_classes=NUM_CLASSES, **torchvisions, **sizes)
        model.load_state_dict(theirs.state_dict(), strict=True)
        model.to(memory_format=torch.channels_last)
        if action == "detect":
            model = prepare_for_inference(model, BF16 if side == "bf16" else torch.float32)
    precision = torch.autocast("cpu", BF16, enabled=side == "bf16")
    images, targets = pictures

    if action == "detect":
        model.eval()

        def detect():
            with torch.inference_mode(), precision:
                return model(images)

        return detect

    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.0, momentum=0.9, weight_decay=1e-4)

    def train():
        with precision:
            losses = model(images, copy.deepcopy(targets))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        return losses

    return train


def share_of_products(call):
    """Which part of a call's time goes into convolutions and matrix products."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        call()
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    products = [time for key, time in times.items() if "conv" in key or "mm" in key]
    return sum(products) / sum(times.values())


def count_boxes(model, pictures):
    """How many proposals and detections the first picture gives."""
    seen = []
    hook = model.rpn.register_forward_hook(lambda _, __, output: seen.append(len(output[0][0])))
    with torch.inference_mode():
        detections = model.eval()(pictures[0][:1])
    hook.remove()
    return {"proposals": seen[0], "detections": len(detections[0]["boxes"])}


def measure_time(case, repeats):
    _, action, sizes, number, instances = case
    pictures = make_pictures(number, instances)
    theirs = make_torchvision(sizes)
    counts = count_boxes(theirs, pictures)
    calls = [make_call(side, action, sizes, theirs, pictures) for side in SIDES]
    return {
        **counts,
        "seconds": dict(zip(SIDES, race(calls, repeats))),
        "share_of_products": dict(zip(SIDES, map(share_of_products, calls))),
    }


def measure_memory(case, side):
    """The peak of resident memory, in MiB, of this process, which should do nothing else."""
    _, action, sizes, number, instances = case
    pictures = make_pictures(number, instances)
    call = make_call(side, action, sizes, make_torchvision(sizes), pictures)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what making the model left behind would count
    # Sets the peak to what is resident now.
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    for _ in range(2):
        call()
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10


def measure_memory_apart(number, side):
    if not sys.platform.startswith("linux"):
        return None
    command = [sys.executable, __file__, "--memory", str(number), side]
    # A fixed threshold; by default glibc raises it with what the program frees.
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": str(2**17)}
    output = subprocess.check_output(command, text=True, env=environment)
    return float(output.splitlines()[-1])


def describe_processor():
    """Its instructions decide what bf16 is worth: with amx_bf16 a product takes a fraction."""
    capabilities = torch.cpu.get_capabilities()
    names = [name for name in INSTRUCTIONS if capabilities.get(name)]
    return f"{platform.machine()} with {', '.join(names) or 'none of ' + ', '.join(INSTRUCTIONS)}"


def page_of_model(result):
    rows = []
    for row in result["rows"]:
        theirs, float32, bf16 = (row["seconds"][side] for side in SIDES)
        by_side = [
            f"{row['seconds'][side]:.3f} ({100 * row['share_of_products'][side]:.0f} %)"
            for side in SIDES
        ]
        ratios = [f"**{theirs / ours:.2f}**" for ours in (float32, bf16)]
        peaks = ["-" if peak is None else f"{peak:.0f}" for peak in row["peak_mib"].values()]
        times = [by_side[0], by_side[1], ratios[0], by_side[2], ratios[1]]
        rows.append([row["name"], f"{row['proposals']}, {row['detections']}", *times, *peaks])
    times = ["torchvision", "float32", "ratio", "bf16", "ratio"]
    header = ["", "proposals, detections", *times, "memory: torchvision", "float32", "bf16"]
    lines = [
        "# The whole model: this package against torchvision",
        "",
        f"`python benchmarks/model.py`, {result['machine']}, {result['threads']} threads, torch "
        f"{result['torch']}, torchvision {result['torchvision']}. ResNet-50 with FPN, 91 classes, "
        "the same weights: random ones, scaled so that as many proposals and detections pass as in "
        "a trained model. Torchvision's model runs in float32, as published. Times in seconds, the "
        "fastest of several, the models taking turns, and in brackets the part of it that goes "
        "into convolutions and matrix products; peak resident memory in MiB of a process that does "
        "nothing else.",
        "",
        markdown_table(header, rows),
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each call")
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.memory:
        number, side = arguments.memory
        print(measure_memory(CASES[int(number)], side))
        return
    rows = []
    for number, case in enumerate(CASES):
        row = {"name": case[0], **measure_time(case, arguments.repeats)}
        row["peak_mib"] = {side: measure_memory_apart(number, side) for side in SIDES}
        rows.append(row)
        print(row, file=sys.stderr)
    result = {
        "machine": describe_processor(),
        "threads": THREADS,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "rows": rows,
    }
    text = page_of_model(result)
    print(text)
    write_page(arguments.output, "model", result, text)


if __name__ == "__main__":
    main()
