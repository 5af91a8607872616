"""Write Shapes as files: a COCO root that any tool can read."""

import json
import tempfile
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from mrcnn_lite.datasets.coco_format import collect_records
from mrcnn_lite.datasets.shapes import ShapesDataset
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder


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
    out = Path(out).absolute()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} already holds something; name a new or an empty folder")
    make_folder(out.parent)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.tmp.") as beside:
        root = Path(beside, "root")
        (root / split).mkdir(parents=True)
        (root / "annotations").mkdir()
        images, annotations = [], []
        scenes = dataset.described_scenes()
        for scene, record, instances in tqdm(scenes, f"writing {out}", len(dataset), unit="scene"):
            Image.fromarray(scene.image).save(root / split / record["file_name"], optimize=True)
            images.append(record)
            annotations += instances
        records = collect_records(images, annotations, dataset.categories)
        text = json.dumps(records, separators=(",", ":")) + "\n"
        (root / "annotations" / f"instances_{split}.json").write_text(text, encoding="utf-8")
        if out.exists():
            out.rmdir()
        root.rename(out)
    return out
