"""Pictures with instance annotations: Shapes, made on the spot; COCO and Penn-Fudan, from files.

Every dataset gives `(image, target)`. The image is a float32 `Tensor[3, H, W]` in 0..1. The target
holds "boxes", float32 `Tensor[N, 4]` (x1, y1, x2, y2 in image pixels), "labels", int64 `Tensor[N]`
(from 1; 0 is the background), "masks", uint8 `Tensor[N, H, W]`, and "image_id". An image without
objects has N = 0. With keypoints there are "keypoints", float32 `Tensor[N, K, 3]` (x, y in image
pixels; visibility 0 unknown, 1 hidden, 2 seen), and "mirrored_keypoints", int64 `Tensor[K]`: which
keypoint each becomes in a mirrored picture; the data set has `keypoint_names` and
`keypoint_sigmas`. Beside that each has `coco`, the same ground truth as pycocotools reads it,
`categories` (label to name), `num_classes` (largest label + 1), and, without reading pictures,
`image_id(index)`, `size(index)`, `has_objects(index)` and `fingerprint()`, which tells two data
sets apart.

Begin with one data set; `shapes` needs no files, `coco` is what your own data will go through.

    shapes           scenes of six shapes, made when they are asked for
    shape_outlines   where each shape is
    shape_keypoints  their centres, corners and tips
    shape_colours    what it looks like, and its background
    coco             annotation files in COCO's format
    coco_layouts     where annotation tools put the files
    coco_categories  which label a category gets
    coco_checks      mistakes in such a file, named before training starts
    coco_boxes       its boxes, compared with the masks
    coco_polygons    its polygons: clipped, measured, found empty
    coco_rle         its run-length encodings
    keypoints        its keypoints: names, left and right, how exact
    notes            what was left out, in a line
    hold_out         a part to measure on
    penn_fudan       170 photographs of pedestrians
    download         fetching them
    images           reading a picture from a file
    transforms       batches and random flips
    coco_format      COCO's records for the data sets that are not stored in its format
    export           Shapes written as files in COCO's format
"""

from mrcnn_lite.datasets.coco import CocoDataset
from mrcnn_lite.datasets.export import export
from mrcnn_lite.datasets.hold_out import hold_out
from mrcnn_lite.datasets.images import read_image
from mrcnn_lite.datasets.penn_fudan import PennFudanDataset, download_penn_fudan
from mrcnn_lite.datasets.shapes import Scene, ShapesDataset
from mrcnn_lite.datasets.transforms import collate, horizontal_flip, random_horizontal_flip

__all__ = [
    "CocoDataset",
    "PennFudanDataset",
    "Scene",
    "ShapesDataset",
    "collate",
    "download_penn_fudan",
    "export",
    "hold_out",
    "horizontal_flip",
    "random_horizontal_flip",
    "read_image",
]
