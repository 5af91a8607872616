"""Keypoints of the Shapes agree with the masks, which know nothing of corners."""

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset, horizontal_flip
from mrcnn_lite.datasets.shape_keypoints import NAMES


def samples(number=150, **settings):
    scenes = ShapesDataset(number, seed=9, keypoints=True, **settings)
    return [scenes[i] for i in range(number)]


def is_whole(target, index):
    """Whether an object is neither hidden in part nor cut off: it has all keypoints, all seen."""
    x1, y1, x2, y2 = target["boxes"][index].tolist()
    inside = min(x1, y1) > 1 and max(x2, y2) < 127
    return inside and bool((target["keypoints"][index, :, 2] == 2).all())


@pytest.mark.parametrize("mirrored", [False, True])
def test_outermost_keypoints_lie_at_the_masks_edges(mirrored):
    """In the mirror, too: there "left" is at the left edge again."""
    seen = set()
    for image, target in samples():
        if mirrored:
            image, target = horizontal_flip(image, target)
        for index in range(len(target["labels"])):
            if not is_whole(target, index):
                continue
            # A hole or an edge that something in front cuts into a mask moves its centre.
            centre, top, right, bottom, left = target["keypoints"][index].tolist()
            x1, y1, x2, y2 = target["boxes"][index].tolist()
            assert abs(top[1] - (y1 + 0.5)) <= 1.5
            assert abs(bottom[1] - (y2 - 0.5)) <= 1.5
            assert abs(left[0] - (x1 + 0.5)) <= 1.5
            assert abs(right[0] - (x2 - 0.5)) <= 1.5
            seen.add(int(target["labels"][index]))
            others = torch.cat([target["boxes"][:index], target["boxes"][index + 1 :]])
            apart = (others[:, 0] >= x2) | (others[:, 2] <= x1)
            apart |= (others[:, 1] >= y2) | (others[:, 3] <= y1)
            if apart.all():
                rows, columns = target["masks"][index].nonzero().double().T
                assert abs(columns.mean() + 0.5 - centre[0]) <= 1
                assert abs(rows.mean() + 0.5 - centre[1]) <= 1
    assert seen == {1, 2, 3, 4, 5, 6}


def test_a_keypoint_is_seen_where_its_pixel_is_its_objects_and_hidden_behind_another():
    counts = [0, 0, 0]
    for _, target in samples(40, crowded=True) + samples(60):
        masks, keypoints, labels = target["masks"].bool(), target["keypoints"], target["labels"]
        for index, of_object in enumerate(keypoints):
            for place, (x, y, visibility) in enumerate(of_object.tolist()):
                counts[int(visibility)] += 1
                if visibility == 0:
                    assert (x, y) == (0, 0)
                    continue
                assert (x % 1, y % 1) == (0.5, 0.5)
                column = masks[:, int(y), int(x)]
                is_in_a_hole = place == 0 and labels[index] == 5
                if visibility == 1:
                    assert column[:index].any()
                elif is_in_a_hole:
                    assert not column[: index + 1].any()
                else:
                    assert column[index]
    assert min(counts) > 30


def test_scenes_are_the_same_with_and_without_keypoints():
    assert NAMES == ("centre", "top", "right", "bottom", "left")
    plain, more = ShapesDataset(3, seed=1), ShapesDataset(3, seed=1, keypoints=True)
    for (image, target), (same, others) in zip(plain, more):
        assert torch.equal(image, same)
        assert others.keys() - target.keys() == {"keypoints", "mirrored_keypoints"}
        assert torch.equal(target["masks"], others["masks"])
    assert plain.fingerprint() == more.fingerprint()
    assert more[0][1]["mirrored_keypoints"].tolist() == [0, 1, 4, 3, 2]
    assert "keypoints" not in plain.coco.dataset["annotations"][0]
