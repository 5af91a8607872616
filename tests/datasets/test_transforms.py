import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.ops import masks_to_boxes

from mrcnn_lite.datasets import ShapesDataset, collate, horizontal_flip, random_horizontal_flip


def flipped(images, originals):
    return [not torch.equal(image, original) for image, original in zip(images, originals)]


def batch(count=8):
    return collate([ShapesDataset(count, seed=1, image_size=64)[i] for i in range(count)])


def test_boxes_stay_around_their_masks():
    image, target = ShapesDataset(1, seed=2)[0]
    mirrored, mirrored_target = horizontal_flip(image, target)
    assert torch.equal(mirrored, image.flip(-1))
    assert torch.equal(mirrored_target["masks"], target["masks"].flip(-1))
    tight = masks_to_boxes(target["masks"].flip(-1)) + torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert torch.equal(mirrored_target["boxes"], tight)
    assert type(mirrored_target["boxes"]) is torch.Tensor
    assert mirrored_target["labels"] is target["labels"]
    assert mirrored_target["image_id"] == target["image_id"]


def test_twice_is_as_before_and_the_original_is_untouched():
    image, target = ShapesDataset(1, seed=2)[0]
    boxes = target["boxes"].clone()
    again, target_again = horizontal_flip(*horizontal_flip(image, target))
    assert torch.equal(target["boxes"], boxes)
    assert torch.equal(again, image)
    for key in ("boxes", "labels", "masks"):
        assert torch.equal(target_again[key], target[key])


def test_keypoints_change_sides_and_twice_is_as_before():
    image, target = ShapesDataset(1, seed=2, keypoints=True)[0]
    target["keypoints"][0, 1] = 0  # unknown
    mirrored, mirrored_target = horizontal_flip(image, target)
    names = ("centre", "top", "right", "bottom", "left")
    counterpart = {"right": "left", "left": "right"}
    for of_object, of_mirrored in zip(target["keypoints"], mirrored_target["keypoints"]):
        for place, name in enumerate(names):
            x, y, visibility = of_mirrored[place].tolist()
            expected = of_object[names.index(counterpart.get(name, name))].tolist()
            assert [x, y, visibility] == (
                [128 - expected[0], *expected[1:]] if expected[2] else [0, 0, 0]
            )
    _, again = horizontal_flip(mirrored, mirrored_target)
    assert torch.equal(again["keypoints"], target["keypoints"])
    assert not torch.equal(mirrored_target["keypoints"], target["keypoints"])


def test_keypoints_of_unknown_counterparts_are_named():
    target = {"boxes": torch.zeros(1, 4), "keypoints": torch.zeros(1, 2, 3)}
    with pytest.raises(ValueError, match="needs mirrored_keypoints"):
        horizontal_flip(torch.rand(3, 5, 7), target)


def test_boxes_alone_are_mirrored_too():
    target = {"boxes": torch.tensor([[1.0, 2, 3, 4]]), "labels": torch.tensor([1])}
    _, mirrored = horizontal_flip(torch.rand(3, 5, 7), target)
    assert mirrored["boxes"].tolist() == [[4, 2, 6, 4]]
    assert mirrored.keys() == target.keys()


def test_an_image_without_objects():
    target = {"boxes": torch.zeros(0, 4), "masks": torch.zeros(0, 5, 7, dtype=torch.uint8)}
    _, mirrored = horizontal_flip(torch.rand(3, 5, 7), target)
    assert mirrored["boxes"].shape == (0, 4)
    assert mirrored["masks"].shape == (0, 5, 7)


def test_probability():
    images, targets = batch()
    assert not any(flipped(random_horizontal_flip(images, targets, probability=0.0)[0], images))
    assert all(flipped(random_horizontal_flip(images, targets, probability=1.0)[0], images))
    generator = torch.Generator().manual_seed(0)
    count = sum(
        sum(flipped(random_horizontal_flip(images, targets, 0.25, generator)[0], images))
        for _ in range(50)
    )
    assert 60 < count < 140  # of 400, 100 expected


def test_the_generator_decides():
    images, targets = batch()
    generator = torch.Generator().manual_seed(3)
    state = generator.get_state()
    first = flipped(random_horizontal_flip(images, targets, generator=generator)[0], images)
    after = generator.get_state()
    generator.set_state(state)
    again = flipped(random_horizontal_flip(images, targets, generator=generator)[0], images)
    assert first == again
    generator.set_state(state)
    random_horizontal_flip(images, targets, probability=0.0, generator=generator)
    assert torch.equal(generator.get_state(), after)

    torch.manual_seed(3)
    assert flipped(random_horizontal_flip(images, targets)[0], images) == first


def test_collate_in_a_loader():
    dataset = ShapesDataset(5, seed=1, image_size=40)
    batches = list(DataLoader(dataset, batch_size=2, collate_fn=collate))
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    images, targets = batches[1]
    assert isinstance(images, list)
    assert isinstance(targets, list)
    assert torch.equal(images[1], dataset[3][0])
    assert targets[1]["image_id"] == 3
