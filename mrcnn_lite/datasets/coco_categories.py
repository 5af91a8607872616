"""From the category ids of an annotation file to labels, which a classifier has an output for each.

A file's categories get the labels 1, 2, 3, ... in the order of their ids; 0 is the background. Two
files are exceptions:

- COCO's own 80 categories keep their ids, 1 to 90 with gaps, as labels: all published weights have
  91 classes.
- A model that is there has labels already. Then a category gets the label that the model knows its
  name by, whatever the file's ids are; names that the model does not know come after its last.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

from mrcnn_lite.datasets.notes import listed
from mrcnn_lite.errors import InputError

_PUBLISHED = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
COCO_CATEGORIES = {
    label: name for label, name in enumerate(_PUBLISHED) if name not in ("__background__", "N/A")
}


def without_unused_root(
    records: Sequence[dict[str, Any]], used: Collection[int]
) -> list[dict[str, Any]]:
    """Leave category 0 out if it only stands above others, as in what Roboflow exports.

    Args:
        records: the file's categories: "id", "name" and maybe "supercategory".
        used: the category ids of its annotations.
    """
    above = {record.get("supercategory") for record in records if record["id"] != 0}
    return [
        record
        for record in records
        if record["id"] != 0 or 0 in used or record["name"] not in above
    ]


def number_categories(
    categories: Mapping[int, str], names: Mapping[int, str] | None = None
) -> dict[int, int]:
    """Give each category its label; see the head of this file for the rule.

    Args:
        categories: category id to name.
        names: label to name, as a model has them.

    Returns:
        Label to category id, the labels ascending.

    Raises:
        InputError: the model knows none of the names.
    """
    ids = sorted(categories)
    if names is None:
        if categories == COCO_CATEGORIES:
            return {number: number for number in ids}
        return dict(enumerate(ids, start=1))
    labels = {}
    free = {label: name for label, name in sorted(names.items()) if label > 0}
    strangers = []
    for number in ids:
        label = next((k for k, name in free.items() if name == categories[number]), None)
        if label is None:
            strangers.append(number)
        else:
            labels[label] = number
            del free[label]
    if ids and names and not labels:
        own, known = (listed(list(kind.values()), most=10) for kind in (categories, names))
        raise InputError(f"the model knows none of its categories ({own}), but others ({known})")
    labels |= dict(enumerate(strangers, start=max(names, default=0) + 1))
    return dict(sorted(labels.items()))
