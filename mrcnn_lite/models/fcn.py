"""FCN: a class for every pixel, and no instances (Long, Shelhamer, Darrell 2015).

The baseline of instance segmentation: what is connected and of one class is called an instance. Two
objects of a class that touch are then one, however good the classification of pixels is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.arguments import as_images, as_targets
from mrcnn_lite.models.backbone import Trunk
from mrcnn_lite.models.components import connected_components
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.mask_rcnn import in_precision_of, precision_of
from mrcnn_lite.models.roi_heads import in_full_precision
from mrcnn_lite.ops.masks import semantic_map

# Smaller regions, in pixels, are taken for noise.
MIN_REGION_PIXELS = 16
NOT_TRAINED = -1


class FCN(nn.Module):
    """A trunk, class scores from each of its stages, and their sum at image resolution.

    Skips as in the paper's section 4.2, here down to stride 4: coarse stages know what is there,
    fine ones where it ends.

    Args:
        transform: images of any sizes to one batch.
        backbone: a trunk whose last stage has no stride.
        scores: for each stage's map, finest first, a layer to class scores.
        config: `num_classes`, the image fields and `box_detections_per_img` count.
    """

    method = "fcn"
    predicts_masks = True

    def __init__(
        self, transform: nn.Module, backbone: Trunk, scores: nn.ModuleList, config: MaskRCNNConfig
    ):
        super().__init__()
        self.config = config
        self.transform = transform
        self.backbone = backbone
        self.scores = scores

    @property
    def precision(self) -> torch.dtype:
        """The type of the layers' weights, as of a `MaskRCNN`."""
        return precision_of(self)

    def forward(
        self, images: list[Tensor], targets: list[dict] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Compute the loss in training mode, instances in evaluation mode.

        Args:
            images, targets: as for `MaskRCNN.forward`.

        Returns:
            In training "loss_semantic", the mean cross-entropy of all pixels. Otherwise what
            `find_instances` returns for each image.
        """
        images = as_images(images, self.config, self.precision)
        if not self.training:
            return [
                find_instances(probabilities, self.config.box_detections_per_img)
                for probabilities in self.predict_pixels(images)
            ]
        targets = as_targets(images, targets, self.config.num_classes)
        batch, targets = self.transform(images, targets)
        logits = self.compute_logits(batch.tensors)
        classes = torch.full_like(logits[:, 0], NOT_TRAINED, dtype=torch.int64)
        for padded, target, (height, width) in zip(classes, targets, batch.sizes):
            padded[:height, :width] = semantic_map(target["masks"], target["labels"])
        return {"loss_semantic": F.cross_entropy(logits, classes, ignore_index=NOT_TRAINED)}

    def compute_logits(self, images: Tensor) -> Tensor:
        """Score every pixel of a batch `Tensor[N, 3, H, W]`: logits `Tensor[N, K, H, W]`."""
        logits = None
        with in_precision_of(self):
            features = self.backbone(images)
            for feature, layer in zip(reversed(features), reversed(self.scores)):
                scores = in_full_precision(layer(feature))  # [N, K, H_k, W_k]
                logits = scores if logits is None else _resize(logits, scores.shape[-2:]) + scores
        return _resize(logits, images.shape[-2:])  # [N, K, H, W]

    def predict_pixels(self, images: list[Tensor]) -> list[Tensor]:
        """Compute each pixel's class probabilities: for each image `Tensor[K, H, W]`."""
        batch, _ = self.transform(images)
        logits = self.compute_logits(batch.tensors)
        return [
            _resize(image_logits[None, :, :height, :width], original_size)[0].softmax(dim=0)
            for image_logits, (height, width), original_size in zip(
                logits, batch.sizes, batch.original_sizes
            )
        ]


def find_instances(probabilities: Tensor, most: int) -> dict[str, Tensor]:
    """Call every connected region of a class an instance.

    Args:
        probabilities: `Tensor[K, H, W]`, of each pixel; a pixel's class is the likeliest.
        most: at most so many instances, the best.

    Returns:
        As `MaskRCNN.forward`, best first: "boxes" `Tensor[D, 4]`, tight around the regions;
        "labels" `Tensor[D]`; "scores" `Tensor[D]`, the class's mean probability within the region;
        and "masks" `Tensor[D, 1, H, W]`, 0 or 1.
    """
    classes = probabilities.argmax(dim=0)  # [H, W]
    best = probabilities.amax(dim=0)  # [H, W]
    masks, labels, scores, boxes = [], [], [], []
    for region in connected_components(classes):
        label = classes[region][0]
        if label == 0 or region.sum() < MIN_REGION_PIXELS:
            continue
        rows, columns = region.any(dim=1).nonzero(), region.any(dim=0).nonzero()
        ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        boxes.append(torch.stack(ends))
        masks.append(region)
        labels.append(label)
        scores.append(best[region].mean())
    if not masks:
        return {
            "boxes": probabilities.new_zeros(0, 4),
            "labels": classes.new_zeros(0),
            "scores": probabilities.new_zeros(0),
            "masks": probabilities.new_zeros(0, 1, *classes.shape),
        }
    scores = torch.stack(scores)
    order = scores.argsort(descending=True)[:most]
    return {
        "boxes": torch.stack(boxes)[order].to(probabilities),
        "labels": torch.stack(labels)[order],
        "scores": scores[order],
        "masks": torch.stack(masks)[order][:, None].to(probabilities),
    }


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
