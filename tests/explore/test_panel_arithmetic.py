"""The panels' JavaScript against the package's functions, on the same random inputs."""

import json
import subprocess

import numpy as np
import pytest
import torch

from mrcnn_lite.explore.browser import FOLDER as SHARED
from mrcnn_lite.explore.browser import as_sent, join_modules, pack
from mrcnn_lite.explore.panels.anchors import Candidates, suppress
from mrcnn_lite.explore.panels.competition import compete
from mrcnn_lite.explore.panels.levels import COARSEST, FINEST, find_level
from mrcnn_lite.explore.panels.move import (
    LARGEST_SHIFT,
    SAMPLING_RATIO,
    STRIDES,
    TOP,
    WINDOW,
    make_wide_scene,
    move_object,
)
from mrcnn_lite.explore.panels.paste import paste_and_cut
from mrcnn_lite.explore.panels.web_sources import ARITHMETIC
from mrcnn_lite.models import MaskRCNNConfig
from mrcnn_lite.models.paste import paste_masks

pytestmark = pytest.mark.once
NUMBER = 2000
RUNNER = """
import { readFileSync } from "node:fs";
const { cases, packed } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const inputs = packed.map(unpack);
console.log(JSON.stringify(cases.map((values) => compute(values, inputs))));
"""


@pytest.fixture
def run(node, tmp_path):
    """Run `compute(values, inputs)` in JavaScript on many cases; tensors come packed."""

    def run_it(compute: str, cases: list, packed: list[torch.Tensor]) -> list:
        script, file = tmp_path / "run.mjs", tmp_path / "cases.json"
        modules = join_modules([SHARED / "packed.js", *ARITHMETIC])
        script.write_text(f"{modules}\nconst compute = {compute};\n{RUNNER}", encoding="utf-8")
        content = {"cases": cases, "packed": [pack(values) for values in packed]}
        file.write_text(json.dumps(content), encoding="utf-8")
        done = subprocess.run(
            [node, str(script), str(file)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_it


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_tensors_arrive_as_they_are(run):
    generator = torch.Generator().manual_seed(0)
    floats = torch.randn(3, 5, 7, generator=generator)
    flags = torch.rand(5, 7, generator=generator) > 0.5
    got_floats, got_flags = run("(i, inputs) => Array.from(inputs[i])", [0, 1], [floats, flags])
    assert got_floats == as_sent(floats).flatten().tolist()
    assert got_flags == flags.flatten().int().tolist()


def test_levels(run, random):
    cases = [
        {"size": int(size), "canonical_size": int(canonical), "canonical_level": int(level)}
        for size, canonical, level in zip(
            random.integers(1, 1200, NUMBER),
            random.choice([56, 64, 112, 128, 224], NUMBER),
            random.integers(2, 6, NUMBER),
        )
    ]
    # Where levels change.
    for case in cases[::4]:
        case["size"] = case["canonical_size"] * 2 // int(random.choice([1, 2, 4]))
    computed = run(
        f"(v) => assignLevel(v.size, v.size, {{ ...v, finest: {FINEST}, coarsest: {COARSEST} }})",
        cases,
        [],
    )
    for case, level in zip(cases, computed):
        config = MaskRCNNConfig(
            roi_canonical_size=case["canonical_size"], roi_canonical_level=case["canonical_level"]
        )
        assert level == find_level(case["size"], (800, 800), config).level, case
    assert set(computed) == {2, 3, 4, 5}


def test_suppression(run, random):
    groups = []
    for _ in range(40):
        corners = torch.from_numpy(random.random((30, 2)) * 100)
        boxes = torch.cat([corners, corners + torch.from_numpy(random.random((30, 2)) * 60)], dim=1)
        # Some are equal, some overlap by simple fractions, some are empty.
        boxes[::3] = (boxes[::3] / 10).round() * 10
        scores = torch.from_numpy(random.random(30).round(1))
        groups.append((as_sent(boxes), as_sent(scores)))
    cases = [
        {"group": int(group), "threshold": float(threshold)}
        for group, threshold in zip(
            random.integers(0, len(groups), NUMBER), random.choice(np.arange(21) / 20, NUMBER)
        )
    ]
    computed = run(
        "(v, inputs) => suppress(inputs[2 * v.group], inputs[2 * v.group + 1], v.threshold)",
        cases,
        [tensor for group in groups for tensor in group],
    )
    for case, kept in zip(cases, computed):
        boxes, scores = groups[case["group"]]
        found = suppress([Candidates(boxes[:0], boxes, scores)], 0, case["threshold"])
        assert kept == found.kept.tolist(), case
    assert min(map(len, computed)) < 10
    assert max(map(len, computed)) == 30


def test_competition(run, random):
    classes, side = 4, 5
    groups = [
        as_sent(torch.from_numpy(random.normal(size=(classes, side, side)) * 8)) for _ in range(20)
    ]
    names = {label: str(label) for label in range(classes)}
    cases = [
        {"group": int(group), "label": int(label), "rival": int(rival), "boost": float(boost)}
        for group, label, rival, boost in zip(
            random.integers(0, len(groups), NUMBER),
            random.integers(0, classes, NUMBER),
            random.integers(0, classes, NUMBER),
            random.choice(np.arange(-20, 21) / 2, NUMBER),
        )
    ]
    computed = run(
        f"""({{ group, label, rival, boost }}, inputs) => {{
          const found = compete(inputs[group], [{classes}, {side}], label, rival, boost);
          return ["sigmoid", "softmax", "before", "rival"].map((name) => Array.from(found[name]));
        }}""",
        cases,
        groups,
    )
    for case, found in zip(cases, computed):
        expected = compete(
            groups[case["group"]], case["label"], case["rival"], case["boost"], names
        )
        masks = expected.sigmoid, expected.softmax, expected.before[1], expected.rival
        for mask, values in zip(masks, found):
            assert np.abs(mask.flatten().numpy() - values).max() < 1e-12, case


def test_paste(run, random):
    """Pixels at the very threshold may fall to either side; no other may."""
    height, width = 13, 17
    truth = torch.from_numpy(random.random((height, width)) > 0.5)
    sides = [1, 2, 7]
    smalls = [as_sent(torch.from_numpy(random.random((side, side)))) for side in sides]
    cases = []
    for number in range(NUMBER):
        x1, x2 = random.random(2) * (width + 16) - 8
        y1, y2 = random.random(2) * (height + 16) - 8
        box = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
        # On whole and half pixels, where a centre is on the border, and without area.
        if number % 3 == 0:
            box = [round(2 * edge) / 2 for edge in box]
        if number % 50 == 0:
            box[2] = box[0]
        which, threshold = int(random.integers(3)), float(random.choice(np.arange(21) / 20))
        cases.append({"box": box, "which": which, "threshold": threshold})
    computed = run(
        f"""({{ box, which, threshold }}, inputs) => {{
          const pasted = pasteMask(inputs[which], {sides}[which], box, [{height}, {width}]);
          const {{ where, counts, iou }} = cutAndCompare(pasted, inputs[3], threshold);
          return [Array.from(pasted), Array.from(where), counts, iou];
        }}""",
        cases,
        [*smalls, truth],
    )
    for number, (case, (values, where, counts, iou)) in enumerate(zip(cases, computed)):
        small, box = smalls[case["which"]], torch.tensor(case["box"], dtype=torch.float64)
        pasted = paste_masks(small[None], box[None], (height, width))[0]
        assert np.abs(pasted.flatten().numpy() - values).max() < 1e-12, case
        where = torch.tensor(where).view(height, width)
        clear = (pasted - case["threshold"]).abs() > 1e-12
        assert torch.equal(where[clear] >= 2, (pasted > case["threshold"])[clear]), case
        assert torch.equal(where % 2, truth.long())
        assert counts == where.flatten().bincount(minlength=4).tolist()
        if number % 10 == 0 and clear.all():
            found = paste_and_cut(small, box, truth, case["threshold"])
            assert iou == pytest.approx(found.iou, abs=1e-12)


@pytest.mark.parametrize("number", [60, pytest.param(NUMBER, marks=pytest.mark.slow)])
def test_moved_object(run, random, number):
    image, box = scene = make_wide_scene()
    settings = {
        "window": WINDOW,
        "top": TOP,
        "largest_shift": LARGEST_SHIFT,
        "sampling_ratio": SAMPLING_RATIO,
        "box": box.tolist(),
    }
    cases = [
        {"shift": int(shift), "stride": int(stride), "bins": int(bins)}
        for shift, stride, bins in zip(
            random.integers(0, LARGEST_SHIFT + 1, number),
            random.choice(STRIDES, number),
            random.integers(1, 15, number),
        )
    ]
    computed = run(
        f"""({{ shift, stride, bins }}, inputs) => {{
          const picture = {{ values: inputs[0], width: {image.shape[2]} }};
          const found = moveObject(picture, {json.dumps(settings)}, shift, stride, bins);
          for (const name in found.read) found.read[name] = Array.from(found.read[name]);
          return found;
        }}""",
        cases,
        [image.permute(1, 2, 0)],
    )
    for case, found in zip(cases, computed):
        expected = move_object(scene, **case)
        assert found["box"] == pytest.approx(expected.box, abs=1e-12)
        for name, values in found["read"].items():
            feature = expected.read[name].permute(1, 2, 0).flatten().numpy()
            assert np.abs(feature - values).max() < 1e-12, case
            assert found["change"][name] == pytest.approx(expected.change[name], abs=1e-12)
