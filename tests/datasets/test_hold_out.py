import pytest

from mrcnn_lite.datasets import CocoDataset, hold_out
from mrcnn_lite.errors import InputError
from tests.datasets.coco_files import annotation, annotation_file, write, write_picture


def dataset_of(folder, number):
    names = [f"{k}.png" for k in range(5, 5 + number)]
    annotations = [annotation(k, image_id=k) for k in range(5, 5 + number)]
    for name in names:
        write_picture(folder / name)
    # One box without a width, so that there is something to be said.
    annotations.append(annotation(1, bbox=[3, 3, 0, 5]))
    content = annotation_file(*annotations, images=names)
    return CocoDataset.from_files(write(folder / "file.json", content), folder)


@pytest.mark.filterwarnings("ignore:.*left out of training")
@pytest.mark.parametrize(
    ("number", "share", "expected"), [(20, 0.1, 2), (3, 0.01, 1), (3, 0.99, 2), (40, 0.25, 10)]
)
def test_the_parts_make_the_whole(tmp_path, number, share, expected):
    dataset = dataset_of(tmp_path, number)
    training, held_out = hold_out(dataset, share)
    assert len(held_out) == expected
    assert sorted(training.image_ids + held_out.image_ids) == dataset.image_ids
    assert training.image_ids == sorted(training.image_ids)
    for part in (training, held_out):
        assert list(part.coco.imgs) == part.image_ids
        assert all(record["image_id"] in part.image_ids for record in part.coco.anns.values())
        for index, (_, target) in enumerate(part):
            assert target["image_id"] == part.image_id(index)
            assert len(target["boxes"]) == 1
    assert len({dataset.fingerprint(), training.fingerprint(), held_out.fingerprint()}) == 3


@pytest.mark.filterwarnings("ignore:.*left out of training")
def test_the_same_images_are_held_out_every_time(tmp_path):
    dataset = dataset_of(tmp_path, 40)
    _, held_out = hold_out(dataset, 0.2)
    _, again = hold_out(dataset.only(dataset.image_ids[::-1]), 0.2)
    assert sorted(again.image_ids) == held_out.image_ids
    # Not the first nor the last ones, and not every fifth.
    assert held_out.image_ids != list(range(held_out.image_ids[0], held_out.image_ids[0] + 8))
    assert len({b - a for a, b in zip(held_out.image_ids, held_out.image_ids[1:])}) > 1
    _, of_fewer = hold_out(dataset.only(dataset.image_ids[:-2]), 0.2)
    assert len(set(of_fewer.image_ids) & set(held_out.image_ids)) >= 6


def test_parts_say_nothing_again(tmp_path, recwarn):
    dataset = dataset_of(tmp_path, 4)
    assert len(recwarn) == len(dataset.notes) == 1
    hold_out(dataset, 0.5)
    assert len(recwarn) == 1


@pytest.mark.filterwarnings("ignore:.*left out of training")
def test_what_cannot_be_split_is_refused(tmp_path):
    dataset = dataset_of(tmp_path, 2)
    for share in (0, 1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="share"):
            hold_out(dataset, share)
    with pytest.raises(InputError, match=r"file\.json.*1 image"):
        hold_out(dataset.only([5]), 0.5)
    with pytest.raises(InputError, match="no image 99"):
        dataset.only([99])
