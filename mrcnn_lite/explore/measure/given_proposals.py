"""Proposals that no detector has learnt, as Fast R-CNN was given them; what proposals are worth.

Fast R-CNN took its boxes from Selective Search (Uijlings et al. 2013): start from small patches,
and merge the two neighbours that are most alike, again and again. Every region that ever existed
gives a box. `merge_regions` is that idea with a single measure of likeness.
"""

import heapq
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.ops import box_iou


def merge_regions(image: Tensor, patch: int = 4) -> Tensor:
    """Propose the boxes of regions of similar colour.

    Two neighbours are the more alike, the less the squared distance of the pixels' colours from
    their region's mean would grow by merging them (Ward 1963).

    Args:
        image: `Tensor[3, H, W]`, values in 0..1; height and width are multiples of `patch`.
        patch: side of the first regions, in image pixels.

    Returns:
        `Tensor[P, 4]`, (x1, y1, x2, y2) in image pixels: each box once, the region merged last
        first, so that large ones come early. The first is the image itself.

    Raises:
        ValueError: the image cannot be divided into whole patches.
    """
    if image.shape[-2] % patch or image.shape[-1] % patch:
        raise ValueError(
            f"height and width of image should be multiples of patch = {patch}, "
            f"got {list(image.shape[-2:])}"
        )
    colors = F.avg_pool2d(image[None], patch)[0]
    rows, columns = colors.shape[1:]
    means = dict(enumerate(colors.flatten(1).T.tolist()))
    sizes = dict.fromkeys(means, 1)
    boxes = {y * columns + x: (x, y, x + 1, y + 1) for y in range(rows) for x in range(columns)}
    neighbours = _grid_neighbours(rows, columns)

    def cost(one: int, other: int) -> float:
        distance = sum((p - q) ** 2 for p, q in zip(means[one], means[other]))
        return distance * sizes[one] * sizes[other] / (sizes[one] + sizes[other])

    queue = [(cost(a, b), a, b) for a in neighbours for b in neighbours[a] if a < b]
    heapq.heapify(queue)
    while queue:
        _, a, b = heapq.heappop(queue)
        if a not in neighbours or b not in neighbours:
            continue  # one of them has been merged with another region since
        merged = len(boxes)
        sizes[merged] = sizes[a] + sizes[b]
        means[merged] = [
            (p * sizes[a] + q * sizes[b]) / sizes[merged] for p, q in zip(means[a], means[b])
        ]
        (left, top, right, bottom), (x1, y1, x2, y2) = boxes[a], boxes[b]
        boxes[merged] = min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)
        neighbours[merged] = (neighbours.pop(a) | neighbours.pop(b)) - {a, b}
        for near in neighbours[merged]:
            neighbours[near] -= {a, b}
            neighbours[near].add(merged)
            heapq.heappush(queue, (cost(near, merged), near, merged))
    # Merges only: a single patch is no region. A dictionary keeps the first of equal boxes.
    found = dict.fromkeys(boxes[region] for region in reversed(range(rows * columns, len(boxes))))
    return torch.tensor(list(found), dtype=torch.float32).view(-1, 4) * patch


def recall_by_number(
    proposals: Sequence[Tensor],
    boxes: Sequence[Tensor],
    numbers: Sequence[int],
    iou_threshold: float,
) -> list[float]:
    """Which share of the objects the first so many proposals of each image cover.

    Args:
        proposals: for each image `Tensor[P, 4]`, best first.
        boxes: for each image the objects' boxes, `Tensor[G, 4]`; at least one in all.
        numbers: how many proposals of each image to look at.
        iou_threshold: an object is covered by a proposal of at least this IoU.

    Returns:
        The recall, 0 to 1, for each of `numbers`.
    """
    recalls = []
    overlaps = [box_iou(true, found) for true, found in zip(boxes, proposals)]
    for number in numbers:
        covered = [(overlap[:, :number] >= iou_threshold).any(dim=1) for overlap in overlaps]
        recalls.append(torch.cat(covered).float().mean().item())
    return recalls


def count_found(
    detections: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    score_threshold: float = 0.5,
    iou_threshold: float = 0.5,
) -> tuple[int, int]:
    """Count the objects that are found, and the detections that are wrong.

    Args:
        detections: for each image "boxes", "labels" and "scores".
        targets: for each image "boxes" and "labels".
        score_threshold: detections below it do not count.
        iou_threshold: an object is found by a detection of its class with at least this IoU.

    Returns:
        The number of objects found, each once, and of detections that find none.
    """
    found, wrong = 0, 0
    for detected, target in zip(detections, targets):
        sure = detected["scores"] >= score_threshold
        boxes, labels = detected["boxes"][sure], detected["labels"][sure]
        right = box_iou(target["boxes"], boxes) >= iou_threshold
        right &= target["labels"][:, None] == labels
        found += int(right.any(dim=1).sum())
        wrong += int((~right.any(dim=0)).sum())
    return found, wrong


def _grid_neighbours(rows: int, columns: int) -> dict[int, set[int]]:
    """The cells above, below, left and right of each cell of a grid, numbered row by row."""
    neighbours = {}
    for cell in range(rows * columns):
        y, x = divmod(cell, columns)
        around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        neighbours[cell] = {
            row * columns + column
            for row, column in around
            if 0 <= row < rows and 0 <= column < columns
        }
    return neighbours
