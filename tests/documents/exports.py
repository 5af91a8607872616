"""What annotation tools write, made by hand: a few small pictures with two kinds of objects.

Each export lies in the folder that docs/your_own_data.md names, with the ids, the file names and
the gaps that its tool leaves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

NAMES = ("bolt", "nut")
WIDTH, HEIGHT = 96, 72
OUTLINES = ([10.0, 8.0, 50.0, 10.0, 44.0, 40.0, 12.0, 36.0], [55.0, 30.0, 90.0, 34.0, 70.0, 66.0])


def make_exports(folder: Path) -> None:
    """Write all exports, and `pictures` for those tools that leave pictures where they are."""
    for split, first in (("train2017", 0), ("val2017", 4)):
        names = make_pictures(folder / "coco" / split, first)
        file = folder / "coco" / "annotations" / f"instances_{split}.json"
        write(file, describe(names, categories={1: "bolt", 7: "nut"}))

    for split, first in (("train", 0), ("valid", 4), ("test", 8)):
        names = make_pictures(folder / "roboflow" / split, first)
        content = describe(names, first_id=0, categories={1: "bolt", 2: "nut"})
        for category in content["categories"]:
            category["supercategory"] = "parts"
        root = {"id": 0, "name": "parts", "supercategory": "none"}
        content["categories"].insert(0, root)
        write(folder / "roboflow" / split / "_annotations.coco.json", content)

    names = make_pictures(folder / "cvat" / "images" / "default")
    content = describe(names, categories={1: "bolt", 2: "nut"})
    for annotation in content["annotations"]:
        annotation["attributes"] = {"occluded": False}
    write(folder / "cvat" / "annotations" / "instances_default.json", content)

    names = make_pictures(folder / "label_studio" / "images")
    content = describe(
        [f"images/{name}" for name in names], first_id=0, categories={0: "bolt", 1: "nut"}
    )
    for annotation in content["annotations"]:
        annotation["ignore"] = 0
    write(folder / "label_studio" / "result.json", content)

    names = make_pictures(folder / "pictures")
    content = describe(names, first_id=0, categories={1: "bolt", 2: "nut"})
    for annotation in content["annotations"]:
        # Of the file's many oddities.
        annotation["image_id"] = str(annotation["image_id"])
        annotation["segmentation"] = annotation["segmentation"][0]
    write(folder / "via_project_coco.json", content)

    content = describe([f"../pictures/{name}" for name in names], categories={0: "bolt", 1: "nut"})
    del content["info"]
    write(folder / "labelme" / "dataset.json", content)


def make_pictures(folder: Path, first: int = 0) -> list[str]:
    """Write four pictures of noise with two polygons each; their names."""
    folder.mkdir(parents=True)
    names = [f"photo {number:03d}.jpg" for number in range(first, first + 4)]
    for seed, name in enumerate(names):
        noise = np.random.default_rng(seed).integers(0, 90, (HEIGHT, WIDTH, 3), np.uint8)
        picture = Image.fromarray(noise)
        for outline, colour in zip(OUTLINES, ("white", "orange")):
            ImageDraw.Draw(picture).polygon(outline, fill=colour)
        picture.save(folder / name)
    return names


def describe(names: list[str], categories: dict[int, str], first_id: int = 1) -> dict[str, Any]:
    """An annotation file's content, in which images and annotations count from `first_id`."""
    images, annotations = [], []
    for image_id, name in enumerate(names, start=first_id):
        size = {"width": WIDTH, "height": HEIGHT}
        images.append({"id": image_id, "file_name": name, **size})
        for outline, category in zip(OUTLINES, categories):
            (x1, y1), (x2, y2) = (f(np.reshape(outline, (-1, 2)), axis=0) for f in (np.min, np.max))
            annotations.append(
                {
                    "id": first_id + len(annotations),
                    "image_id": image_id,
                    "category_id": category,
                    "segmentation": [outline],
                    "bbox": [float(value) for value in (x1, y1, x2 - x1, y2 - y1)],
                    "area": float((x2 - x1) * (y2 - y1) / 2),
                    "iscrowd": 0,
                }
            )
    return {
        "info": {"description": "made by hand"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
    }


def write(file: Path, content: dict[str, Any]) -> None:
    """Write an annotation file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
