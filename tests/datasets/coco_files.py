"""Small annotation files and pictures for the tests of the reader."""

import json

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 20, 30
SQUARE = [6, 4, 12, 4, 12, 9, 6, 9]


def square_mask():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[4:9, 6:12] = 1
    return mask


def annotation(number, **changes):
    """A square of 6 x 5 pixels in image 5; a change to None takes a key away."""
    record = {
        "id": number,
        "image_id": 5,
        "category_id": 1,
        "bbox": [6, 4, 6, 5],
        "area": 30,
        "iscrowd": 0,
        "segmentation": [SQUARE],
        **changes,
    }
    return {key: value for key, value in record.items() if value is not None}


def annotation_file(*annotations, categories=((1, "kite"),), images=("5.png",)):
    """What a file holds: image 5, image 6, and so on."""
    return {
        "images": [
            {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for number, name in enumerate(images, start=5)
        ],
        "categories": [{"id": number, "name": name} for number, name in categories],
        "annotations": list(annotations),
    }


def write(path, content):
    """Write an annotation file, with the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_picture(path, grey=5):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (WIDTH, HEIGHT), grey).save(path)
    return path
