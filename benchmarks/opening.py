"""How long an annotation file of COCO's size takes to open, beside pycocotools' own reader.

    python benchmarks/opening.py    # ten minutes on two idle cores, 6 GB of memory

The file is made up: as many images, annotations and bytes as instances_train2017.json, polygons of
random shapes and sizes, and empty files for pictures. Each opening is a process of its own; the two
readers take turns. It writes docs/results/opening.md and .json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mrcnn_lite.datasets.coco_categories import COCO_CATEGORIES
from mrcnn_lite.experiments.pages import markdown_table, write_page

IMAGES, ANNOTATIONS = 118_287, 860_001
HEIGHT, WIDTH = 480, 640
# What a process does: `open_it` is timed, imports are not.
CHILD = """
import json, resource, sys, time
{imports}
began, began_cpu = time.perf_counter(), time.process_time()
opened = {call}
seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(seconds=seconds, cpu_seconds=cpu, peak_mib=peak)), file=sys.stderr)
"""
READERS = {
    "pycocotools": ("from pycocotools.coco import COCO", "COCO(sys.argv[1])"),
    "mrcnn_lite": (
        "from mrcnn_lite.datasets import CocoDataset",
        "CocoDataset.from_files(sys.argv[1], sys.argv[2])",
    ),
}


def write_annotation_file(path: Path, images: int, annotations: int) -> None:
    """Write an annotation file, one annotation after the other."""
    random = np.random.default_rng(0)
    names = [f"{number:012d}.jpg" for number in range(1, images + 1)]
    records = [
        {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH, "license": 3}
        for number, name in enumerate(names, start=1)
    ]
    categories = [{"id": number, "name": name} for number, name in COCO_CATEGORIES.items()]
    labels = random.choice(list(COCO_CATEGORIES), annotations)
    places = random.integers(1, images + 1, annotations)
    radii = np.exp(random.normal(3.3, 1.1, annotations)).clip(2, 240)
    lengths = random.geometric(1 / 23, annotations).clip(2, 200) + 6
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{"images":{_compact(records)},"categories":{_compact(categories)},')
        file.write('"annotations":[')
        for number in tqdm(range(annotations), "writing annotations", leave=False):
            outline = _outline(random, radii[number], lengths[number])
            (x1, y1), (x2, y2) = outline.min(axis=0), outline.max(axis=0)
            box = np.round([x1, y1, x2 - x1, y2 - y1], 2)
            record = {
                "segmentation": [outline.ravel().tolist()],
                "area": round(0.6 * float(box[2] * box[3]), 4),
                "iscrowd": 0,
                "image_id": int(places[number]),
                "bbox": box.tolist(),
                "category_id": int(labels[number]),
                "id": number + 1,
            }
            file.write(("," if number else "") + _compact(record))
        file.write("]}")


def _outline(random: np.random.Generator, radius: float, length: int) -> np.ndarray:
    """A wavy circle inside the image, `[length, 2]`, to two decimals."""
    angles = np.linspace(0, 2 * np.pi, length, endpoint=False)
    reach = radius * random.uniform(0.6, 1, length)
    middle = random.uniform(radius, (WIDTH - radius, HEIGHT - radius))
    return np.round(middle + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1), 2)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def open_in_a_process(reader: str, file: Path, folder: Path) -> dict[str, float]:
    """Open a file in a process of its own; its seconds and its peak memory."""
    imports, call = READERS[reader]
    code = CHILD.format(imports=imports, call=call)
    command = [sys.executable, "-c", code, str(file), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


def page_of_opening(result: dict) -> str:
    """The page, of medians."""
    medians = {
        name: {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
        for name, turns in result["readers"].items()
    }
    rows = [
        [
            f"`{name}`",
            f"{median['seconds']:.1f}",
            f"{median['cpu_seconds']:.1f}",
            f"{median['cpu_seconds'] / medians['pycocotools']['cpu_seconds']:.2f}",
            f"{median['peak_mib'] / 1024:.1f}",
        ]
        for name, median in medians.items()
    ]
    header = ["", "seconds", "of a processor", "to pycocotools'", "peak memory, GiB"]
    turns = len(next(iter(result["readers"].values())))
    lines = [
        "# Opening an annotation file of COCO's size",
        "",
        f"`python benchmarks/opening.py`: {result['images']:,} images, "
        f"{result['annotations']:,} annotations, {result['megabytes']:.0f} MB, Python "
        f"{result['python']}; medians of {turns} turns. Ours checks every record, and that the "
        "pictures are there.",
        "",
        markdown_table(header, rows, numbers=True),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--annotations", type=int, default=ANNOTATIONS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, pictures = Path(folder) / "instances.json", Path(folder) / "pictures"
        pictures.mkdir()
        for number in range(1, options.images + 1):
            (pictures / f"{number:012d}.jpg").touch()
        write_annotation_file(file, options.images, options.annotations)
        result = {
            "python": sys.version.split()[0],
            "images": options.images,
            "annotations": options.annotations,
            "megabytes": file.stat().st_size / 1e6,
            "readers": {name: [] for name in READERS},
        }
        for _ in tqdm(range(options.turns), "opening", unit="turn"):
            for name, turns in result["readers"].items():
                turns.append(open_in_a_process(name, file, pictures))
    text = page_of_opening(result)
    print(text)
    write_page(options.output, "opening", result, text)


if __name__ == "__main__":
    main()
