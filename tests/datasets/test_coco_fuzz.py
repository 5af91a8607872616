"""Whatever an annotation file holds, it opens, or one line says what is wrong with which record."""

import copy
import json
import time
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets import CocoDataset
from mrcnn_lite.errors import InputError
from tests.datasets.coco_files import (
    HEIGHT,
    SQUARE,
    WIDTH,
    annotation,
    annotation_file,
    square_mask,
    write_picture,
)

NUMBERS = st.one_of(
    st.integers(-2, 40),
    st.sampled_from([10**9, -(10**9), 10**18, 2**63, 10**400, 1e9, 3e38, 1e308, -1e308, 0.5]),
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.floats(-50, 50),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        NUMBERS,
        st.text(max_size=6),
        st.sampled_from(["0", "1", "5", "\ud800", "5.png", "..\\5.png", "[", "A" * 70]),
    ),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def plain_file():
    compressed = coco_mask.encode(square_mask())
    compressed["counts"] = compressed["counts"].decode()
    return annotation_file(
        annotation(1),
        annotation(2, segmentation=compressed, category_id=7),
        annotation(3, segmentation={"size": [HEIGHT, WIDTH], "counts": [124, 5, 471]}),
        annotation(4, segmentation=[SQUARE, SQUARE], iscrowd=1),
        annotation(5, image_id=6),
        categories=[(1, "kite"), (7, "sofa")],
        images=["5.png", "6.png"],
    )


def places_in(value, path=()):
    """The way to everything in a file, from the outside in."""
    yield path
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield from places_in(value[key], (*path, key))


PLACES = [place for place in places_in(plain_file()) if place]


@st.composite
def files(draw):
    """A file in which one to four things have been replaced, taken away or doubled."""
    content = copy.deepcopy(plain_file())
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(PLACES))
        holder = content
        try:
            for key in way:
                holder = holder[key]
            what = draw(st.sampled_from(["replace", "replace", "number", "remove", "double"]))
            if what == "remove":
                del holder[last]
            elif what == "double" and isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            else:
                holder[last] = draw(NUMBERS if what == "number" else VALUES)
        # An earlier change may have taken the place away.
        except (KeyError, IndexError, TypeError):
            continue
    text = json.dumps(content)
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.sampled_from(["", "[", "]", "\0", "1e999", '"'])) + text[cut:]
    return text


def try_to_open(folder, text, masks):
    """Open a file and read all of it; only an InputError that names the file may come of it."""
    file = folder / "file.json"
    file.write_text(text, encoding="utf-8")
    began, message = time.perf_counter(), "file.json opened"
    with warnings.catch_warnings():
        # What was left out is said; nothing else is.
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=r".*file\.json: ", category=UserWarning)
        warnings.filterwarnings("ignore", message="__array__ implementation")
        try:
            dataset = CocoDataset.from_files(file, folder, masks=masks)
            for index in range(len(dataset)):
                _, target = dataset[index]
                boxes = target["boxes"]
                assert (boxes[:, :2] < boxes[:, 2:]).all()
                assert set(target["labels"].tolist()) <= set(dataset.categories)
                if masks:
                    assert target["masks"].flatten(1).any(dim=1).all()
            for record in dataset.coco.anns.values():
                if masks:
                    dataset.coco.annToMask(record)
        except InputError as error:
            message = str(error)
    assert "file.json" in message
    assert time.perf_counter() - began < 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("5.png", "6.png"):
        write_picture(folder / name)
    return folder


CALM = {"suppress_health_check": list(HealthCheck), "database": None}


@given(files(), st.booleans())
@settings(max_examples=60, derandomize=True, **CALM)
def test_changed_files_open_or_are_refused_in_a_line(folder, text, masks):
    try_to_open(folder, text, masks)


@pytest.mark.slow
@given(files(), st.booleans())
@settings(max_examples=2000, **CALM)
def test_two_thousand_changed_files_open_or_are_refused(folder, text, masks):
    try_to_open(folder, text, masks)
