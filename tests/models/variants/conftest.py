import pytest
import torch
from torch import Tensor


@pytest.fixture
def batch() -> tuple[list[Tensor], list[dict]]:
    """Two pictures of 128 px, two objects on the first and one on the second."""
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(3, 128, 128, generator=generator) for _ in range(2)]
    all_boxes = [[[30, 20, 90, 80], [10, 50, 70, 95]], [[20, 40, 110, 120]]]
    all_labels = [[1, 3], [2]]
    targets = []
    for boxes, labels in zip(all_boxes, all_labels):
        masks = torch.zeros(len(boxes), 128, 128, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1:y2, x1:x2] = 1
        targets.append(
            {
                "boxes": torch.tensor(boxes, dtype=torch.float32),
                "labels": torch.tensor(labels),
                "masks": masks,
            }
        )
    return images, targets
