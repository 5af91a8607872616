"""A start for the trunk: naming one shape in a small picture, as ImageNet asks for one object.

The paper's models all start from a trunk that learnt to classify ImageNet (section 3.1). This is
the same in miniature. It knows nothing of boxes, RoI operations, masks or score maps, so that it
favours none of the rivals that start from it.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import resized_crop
from tqdm import tqdm

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.recipe import TrainConfig, learning_rate_factor, make_optimizer
from mrcnn_lite.engine.sealed import load_sealed_tensors, save_sealed_tensors
from mrcnn_lite.models import mini_config
from mrcnn_lite.models.backbone import MINI_CHANNELS, mini_trunk
from mrcnn_lite.models.build import NECKS
from mrcnn_lite.models.weights import load_trunk

CROP_SIZE = 64
CROPS_PER_STEP = 64
STEPS = 300
# How much of its surroundings a crop shows: its side is up to this many times the object's.
WIDEST = 1.5
SMALLEST_CROP = 8


class Classifier(nn.Module):
    """A trunk of four stages, the mean over its last map, and a linear layer.

    Args:
        backbone: "mini" or "mini_resnext".
        num_classes: without a background.
    """

    def __init__(self, backbone: str, num_classes: int):
        super().__init__()
        config = mini_config(num_classes)
        self.register_buffer("mean", torch.tensor(config.image_mean)[:, None, None])
        self.register_buffer("std", torch.tensor(config.image_std)[:, None, None])
        self.body = mini_trunk(len(MINI_CHANNELS), backbone)
        self.fc = nn.Linear(MINI_CHANNELS[-1], num_classes)

    def forward(self, crops: Tensor) -> Tensor:
        """Map pictures `Tensor[N, 3, H, W]`, values in 0..1, to logits `Tensor[N, classes]`."""
        crops = ((crops - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.fc(self.body(crops)[-1].mean(dim=(2, 3)))


def train_classifier(backbone: str, seed: int, device: torch.device, steps: int) -> Classifier:
    """Train a classifier of single shapes, cut out of Shapes' training scenes of the same seed.

    Args:
        backbone: "mini" or "mini_resnext".
        seed: of the scenes, the crops and the first weights.
        device: where to train.
        steps: of `CROPS_PER_STEP` crops.
    """
    torch.manual_seed(seed)
    scenes = ShapesDataset(steps * CROPS_PER_STEP, seed=2 * seed)
    model = Classifier(backbone, scenes.num_classes - 1).to(device)
    model.to(memory_format=torch.channels_last)
    config = TrainConfig(steps=steps, warmup_steps=steps // 10)
    optimizer = make_optimizer(model, config)
    crops = cut_out(scenes, torch.Generator().manual_seed(seed))
    for step in tqdm(range(steps), f"naming single shapes ({backbone})", unit="step"):
        pictures, labels = zip(*(next(crops) for _ in range(CROPS_PER_STEP)))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * learning_rate_factor(step, config)
        optimizer.zero_grad()
        logits = model(torch.stack(pictures).to(device))
        F.cross_entropy(logits, torch.tensor(labels, device=device) - 1).backward()
        optimizer.step()
    return model.eval()


def cut_out(scenes: Dataset, generator: torch.Generator) -> Iterator[tuple[Tensor, int]]:
    """Cut every object out of scene after scene.

    The crop is a square around the object, up to half as wide again, and mirrored half of the time.

    Yields:
        `Tensor[3, CROP_SIZE, CROP_SIZE]` in 0..1, and the label.
    """
    for index in range(len(scenes)):
        image, target = scenes[index]
        for (x1, y1, x2, y2), label in zip(target["boxes"].tolist(), target["labels"].tolist()):
            widening, mirrored = torch.rand(2, generator=generator).tolist()
            side = max(x2 - x1, y2 - y1) * (1 + (WIDEST - 1) * widening)
            side = max(round(side), SMALLEST_CROP)
            top, left = round((y1 + y2 - side) / 2), round((x1 + x2 - side) / 2)
            # Beyond the border the crop is black.
            crop = resized_crop(image, top, left, side, side, [CROP_SIZE, CROP_SIZE])
            yield (crop.flip(-1) if mirrored < 0.5 else crop), label


def pretrain(backbone: str, seed: int, device: torch.device, file: Path, steps: int) -> None:
    """Train a classifier and write its trunk to `file`, unless that is there already."""
    if file.exists():
        return
    trunk = train_classifier(backbone, seed, device, steps).body
    state = {name: value.cpu().contiguous() for name, value in trunk.state_dict().items()}
    save_sealed_tensors(file, state, {})


def start_from_classifier(model: nn.Module, file: Path) -> None:
    """Copy a classifier's trunk into a detector, as many stages of it as the detector has."""
    state, _ = load_sealed_tensors(file)
    if not NECKS[model.config.neck].single_map:
        # The pyramid ends one stage earlier.
        last = f"layer{len(MINI_CHANNELS)}."
        state = {name: value for name, value in state.items() if not name.startswith(last)}
    load_trunk(model, state)
