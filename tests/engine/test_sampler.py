from collections import Counter

import pytest

from mrcnn_lite.engine.sampler import BatchSampler, aspect_ratio_groups


def test_sampler_sees_every_image_once_per_epoch():
    batches = list(BatchSampler(10, 4, steps=5, seed=3))
    positions = [image for batch in batches for image in batch]
    assert Counter(positions[:10]) == Counter(positions[10:]) == Counter(range(10))
    assert positions[:10] != positions[10:]


def test_sampler_goes_on_where_it_stopped():
    whole = list(BatchSampler(7, 3, steps=9, seed=1))
    assert list(BatchSampler(7, 3, steps=9, seed=1, start=4)) == whole[4:]
    assert list(BatchSampler(7, 3, steps=9, seed=2)) != whole


@pytest.mark.parametrize("groups", [None, [0, 1, 1, 0, 2] * 6])
def test_processes_share_each_step_whatever_their_number(groups):
    options = {"batch_size": 8, "steps": 11, "seed": 5, "groups": groups, "micro_batch_size": 2}
    alone = list(BatchSampler(30, **options))
    assert len(alone) == len(BatchSampler(30, **options)) == 11 * 4
    for number in (2, 4):
        parts = [
            BatchSampler(30, **options, process=k, num_processes=number) for k in range(number)
        ]
        assert len(parts[0]) == len(alone) // number
        together = [
            images for micro_batches in zip(*parts, strict=True) for images in micro_batches
        ]
        assert together == alone


def test_grouped_passes_hold_one_shape_and_every_image_once_per_epoch():
    groups = [k % 3 for k in range(50)]
    sampler = BatchSampler(50, 8, steps=25, seed=0, micro_batch_size=4, groups=groups)
    micro_batches = list(sampler)
    images = [image for images in micro_batches for image in images]
    for epoch in range(4):
        assert sorted(images[50 * epoch : 50 * (epoch + 1)]) == list(range(50))
    mixed = [images for images in micro_batches if len({groups[image] for image in images}) > 1]
    assert len(mixed) <= 3 * 4  # at most one a group and epoch
    assert (
        list(BatchSampler(50, 8, 25, 0, 9, micro_batch_size=4, groups=groups)) == micro_batches[18:]
    )


def test_groups_are_a_third_of_an_octave_wide():
    sizes = [(100, 300), (480, 640), (500, 500), (501, 500), (640, 480), (300, 100)]
    assert aspect_ratio_groups(sizes) == [0, 2, 4, 4, 5, 7]
