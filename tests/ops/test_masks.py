import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.ops.masks import semantic_map


def test_semantic_map_is_the_shapes_own():
    _, target = ShapesDataset(1, seed=3, crowded=True)[0]
    classes = semantic_map(target["masks"], target["labels"])
    for mask, label in zip(target["masks"], target["labels"]):
        assert (classes[mask.bool()] == label).all()
    assert (classes > 0).sum() == target["masks"].any(dim=0).sum()


def test_where_masks_overlap_the_first_counts():
    masks = torch.tensor([[[1, 1, 0, 0]], [[0, 1, 1, 0]]])
    assert semantic_map(masks, torch.tensor([5, 3])).tolist() == [[5, 5, 3, 0]]
    assert semantic_map(masks[:0], torch.tensor([], dtype=torch.int64)).tolist() == [[0] * 4]
