"""Images in, batch out: normalise, resize, pad (Fast R-CNN's image-centric training).

Steps and rounding are those of torchvision's `GeneralizedRCNNTransform`, so that the same picture
gives the same pixels to the network.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Five halvings lie between the image and C5; a padded side divisible by 32 keeps all maps aligned.
SIZE_DIVISOR = 32


@dataclass
class ImageBatch:
    """A batch of images padded to one size.

    Attributes:
        tensors: `Tensor[N, 3, H, W]`, normalised, zero beyond each image's own size.
        sizes: (height, width) of each image after resizing, before padding.
        original_sizes: (height, width) of each image as it came.
    """

    tensors: Tensor
    sizes: list[tuple[int, int]]
    original_sizes: list[tuple[int, int]]

    @property
    def padded_size(self) -> tuple[int, int]:
        """Height and width that all images of the batch are padded to."""
        return tuple(self.tensors.shape[-2:])


class ImageTransform(nn.Module):
    """Normalise and resize images (and their targets), then pad them to one batch.

    Args:
        min_size: length of the shorter side after resizing; of several, training draws one at
            random per image and evaluation takes the last.
        max_size: the longer side is at most this, if need be at the expense of `min_size`.
        image_mean, image_std: per channel, for values in 0..1.
    """

    def __init__(
        self,
        min_size: tuple[int, ...],
        max_size: int,
        image_mean: tuple[float, ...],
        image_std: tuple[float, ...],
    ):
        super().__init__()
        self.min_size = min_size
        self.max_size = max_size
        self.image_mean = image_mean
        self.image_std = image_std

    def forward(
        self, images: list[Tensor], targets: list[dict] | None = None
    ) -> tuple[ImageBatch, list[dict] | None]:
        """Make one batch of images of any sizes.

        Args:
            images: each `Tensor[3, H, W]` with values in 0..1.
            targets: boxes, masks and keypoints are resized with their image; the dictionaries
                passed in stay as they are.
        """
        original_sizes = [tuple(image.shape[-2:]) for image in images]
        resized = [self._resize(self._normalise(image)) for image in images]
        sizes = [tuple(image.shape[-2:]) for image in resized]
        if targets is not None:
            targets = [
                resize_target(target, old, new)
                for target, old, new in zip(targets, original_sizes, sizes)
            ]
        return ImageBatch(pad_to_batch(resized), sizes, original_sizes), targets

    def _normalise(self, image: Tensor) -> Tensor:
        mean = image.new_tensor(self.image_mean)[:, None, None]
        std = image.new_tensor(self.image_std)[:, None, None]
        # In place: of a phone's picture each copy is 144 MB.
        return (image - mean).div_(std)

    def _resize(self, image: Tensor) -> Tensor:
        shorter, longer = sorted(image.shape[-2:])
        min_size = self.min_size[-1]
        if self.training and len(self.min_size) > 1:
            min_size = self.min_size[int(torch.randint(len(self.min_size), ()))]
        scale = min(min_size / shorter, self.max_size / longer)
        if scale == 1:
            return image
        # At least one pixel, however long and thin the picture.
        size = [max(int(side * scale), 1) for side in image.shape[-2:]]
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def resize_target(target: dict, old_size: tuple[int, int], new_size: tuple[int, int]) -> dict:
    """Scale a target's boxes, masks and keypoints from an image's old (height, width) to its new.

    Masks and keypoints are those that it has.
    """
    if old_size == new_size:
        return target
    resized = dict(target, boxes=resize_boxes(target["boxes"], old_size, new_size))
    if "masks" in target:
        masks = target["masks"][:, None]
        if len(masks):
            # As bytes: in floating point, twenty masks of 800 x 1333 would take 85 MB.
            resized_masks = F.interpolate(masks.byte(), size=new_size, mode="nearest")
        else:
            resized_masks = masks.new_zeros((0, 1, *new_size))
        resized["masks"] = resized_masks[:, 0].to(masks.dtype)
    if "keypoints" in target:
        resized["keypoints"] = resize_keypoints(target["keypoints"], old_size, new_size)
    return resized


def resize_boxes(boxes: Tensor, old_size: tuple[int, int], new_size: tuple[int, int]) -> Tensor:
    """Scale boxes `Tensor[N, 4]` (image pixels) from one image (height, width) to another."""
    return boxes * _ratios(boxes, old_size, new_size).repeat(2)


def resize_keypoints(
    keypoints: Tensor, old_size: tuple[int, int], new_size: tuple[int, int]
) -> Tensor:
    """Scale keypoints `Tensor[N, K, 3]` (x, y in image pixels, and visibility) likewise."""
    points, rest = keypoints.split([2, 1], dim=-1)  # [N, K, 2], [N, K, 1]
    return torch.cat([points * _ratios(points, old_size, new_size), rest], dim=-1)


def _ratios(like: Tensor, old_size: tuple[int, int], new_size: tuple[int, int]) -> Tensor:
    """By what x and y are multiplied, `Tensor[2]`."""
    # Torchvision rounds the ratios to float32, for boxes of any type. So do we: in float64 its
    # boxes and losses are then ours to the last digits, which shows every other difference.
    ratios = like.new_tensor(new_size[::-1], dtype=torch.float32)
    return ratios / like.new_tensor(old_size[::-1], dtype=torch.float32)


def pad_to_batch(images: list[Tensor]) -> Tensor:
    """Stack images of different sizes, padded at the right and the bottom with zeros.

    Returns:
        `Tensor[N, 3, H, W]`, channels last in memory (the fastest layout for convolutions and the
        RoI operations), H and W the largest sides rounded up to multiples of 32.
    """
    height, width = (
        -(-max(image.shape[axis] for image in images) // SIZE_DIVISOR) * SIZE_DIVISOR
        for axis in (-2, -1)
    )
    batch = images[0].new_zeros((len(images), 3, height, width))
    batch = batch.to(memory_format=torch.channels_last)
    # By number: autograd refuses to write into the parts that a loop over the batch would give.
    for i, image in enumerate(images):
        batch[i, :, : image.shape[-2], : image.shape[-1]] = image
    return batch
