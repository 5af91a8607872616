"""Write Shapes as files: a COCO root that any tool can read."""

import json
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from mrcnn_lite.datasets.coco_format import collect_records
from mrcnn_lite.datasets.shapes import ShapesDataset
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_new_folder


def export(dataset: ShapesDataset, out: str | Path, split: str) -> Path:
    """Write `annotations/instances_SPLIT.json` and `SPLIT/*.png` into a new folder.

    The folder appears whole, by a rename, once everything is written. Interrupted, it leaves
    nothing.

    Args:
        dataset: the scenes to write.
        out: the folder to make. It may exist if it is empty.
        split: name of the split, for example "train".

    Returns:
        `out`.

    Raises:
        InputError: `out` is not a new or an empty folder, or cannot be written.
    """
    if Path(split).name != split:
        raise InputError(f"split should be a plain name such as train, got {split!r}")
    with write_new_folder(out) as root:
        (root / split).mkdir()
        (root / "annotations").mkdir()
        images, annotations = [], []
        scenes = dataset.described_scenes()
        for scene, record, instances in tqdm(scenes, f"writing {out}", len(dataset), unit="scene"):
            Image.fromarray(scene.image).save(root / split / record["file_name"], optimize=True)
            images.append(record)
            annotations += instances
        records = collect_records(images, annotations, dataset.categories, dataset.keypoint_names)
        text = json.dumps(records, separators=(",", ":")) + "\n"
        (root / "annotations" / f"instances_{split}.json").write_text(text, encoding="utf-8")
    return Path(out).absolute()
