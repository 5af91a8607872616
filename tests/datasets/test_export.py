import pytest
import torch
from PIL import Image

from mrcnn_lite.datasets import CocoDataset, ShapesDataset, export
from mrcnn_lite.errors import InputError


@pytest.mark.parametrize("exists", [False, True])
def test_coco_reads_back_what_was_written(tmp_path, exists):
    dataset = ShapesDataset(6, seed=4, image_size=64, crowded=True)
    out = tmp_path / "new" / "shapes"
    if exists:
        out.mkdir(parents=True)
    assert export(dataset, out, "train") == out
    again = CocoDataset(out, "train")
    assert len(again) == len(dataset)
    assert again.categories == dataset.categories
    assert again.num_classes == dataset.num_classes
    for (image, target), (image_again, target_again) in zip(dataset, again):
        assert torch.equal(image, image_again)
        assert target.pop("image_id") == target_again.pop("image_id")
        for key, value in target.items():
            assert value.dtype == target_again[key].dtype
            assert torch.equal(value, target_again[key])
    assert again.coco.dataset["annotations"] == dataset.coco.dataset["annotations"]
    assert list(out.parent.iterdir()) == [out]


def test_what_is_there_already_is_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match=str(tmp_path)):
        export(ShapesDataset(1, seed=0), tmp_path, "train")
    with pytest.raises(InputError, match=r"mine\.txt"):
        export(ShapesDataset(1, seed=0), tmp_path / "mine.txt", "train")
    with pytest.raises(InputError, match=r"mine\.txt"):
        export(ShapesDataset(1, seed=0), tmp_path / "mine.txt" / "shapes", "train")
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == ["precious"]


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    saved = []
    save = Image.Image.save

    def save_two(image, path, **options):
        if len(saved) == 2:
            raise KeyboardInterrupt
        save(image, path, **options)
        saved.append(path)

    monkeypatch.setattr(Image.Image, "save", save_two)
    with pytest.raises(KeyboardInterrupt):
        export(ShapesDataset(5, seed=0), tmp_path / "shapes", "train")
    assert len(saved) == 2
    assert list(tmp_path.iterdir()) == []
