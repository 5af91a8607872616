"""The explorer's JavaScript against the package, on thousands of random RoIs."""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np
import torch

from mrcnn_lite.explore.explorer.web_sources import FOLDER
from mrcnn_lite.explore.measure.misalignment import split_shift
from mrcnn_lite.ops.by_name import OPERATIONS

# For every RoI: all bins' cells and weights, their causes along x and y, the feature, and how many
# bins are empty.
RUNNER = """
import { readFileSync } from "node:fs";
const encode = (numbers) => Buffer.from(new Float64Array(numbers).buffer).toString("base64");
const groups = JSON.parse(readFileSync(process.argv[2], "utf8"));
const results = groups.map(({ operation, size, rois, bins, stride, sampling, values }) => {
  const [counts, cells, weights, causes, features, empty] = [[], [], [], [], [], []];
  const map = { rows: size[0], columns: size[1], channels: 2, values };
  for (const roi of rois) {
    const read = readBox(operation, size, roi, bins, stride, sampling);
    features.push(...roiFeature(read, map));
    empty.push(countEmptyBins(read));
    for (let row = 0; row < bins; row++) for (let column = 0; column < bins; column++) {
      const bin = cellsOfBin(read, row, column);
      counts.push(bin.length);
      for (const [x, y, weight] of bin) { cells.push(y * size[1] + x); weights.push(weight); }
      const { x, y } = splitShift(size, roi, bins, stride, sampling, row, column).errors[operation];
      for (const name of [...CAUSES, "total"]) causes.push(x[name], y[name]);
    }
  }
  return [counts, cells, weights, causes, features, empty].map(encode);
});
process.stdout.write(JSON.stringify(results));
"""
# For every slide: its positions, and per operation the error and its causes at each of them.
TRACER = """
import { readFileSync } from "node:fs";
const slides = JSON.parse(readFileSync(process.argv[2], "utf8"));
const results = slides.map(({ size, roi, bins, stride, sampling, bin, axis, step }) => {
  const { axes, steps } = splitShift(size, roi, bins, stride, sampling, ...bin);
  const length = axis === "x" ? roi[2] - roi[0] : roi[3] - roi[1];
  const across = steps[axis === "x" ? "y" : "x"];
  const { positions, errors } = traceErrors(length, axes[axis], across, step, 32);
  for (const traces of Object.values(errors)) {
    for (const cause in traces) traces[cause] = [...traces[cause]];
  }
  return { positions, errors };
});
process.stdout.write(JSON.stringify(results));
"""
ROIS_PER_GROUP = 12


def make_groups() -> list[dict]:
    """Every operation at every stride and sampling, on boxes of all kinds."""
    random = np.random.default_rng(0)
    groups = []
    for operation in OPERATIONS:
        for stride in (4, 8, 16, 32):
            for sampling in (-1, 1, 2, 3):
                for _ in range(7):
                    height, width = (int(size) for size in random.integers(1, 20, 2))
                    groups.append(
                        {
                            "operation": operation,
                            "stride": stride,
                            "sampling": sampling,
                            "bins": int(random.integers(1, 8)),
                            "size": [height, width],
                            "rois": make_rois(random, height * stride, width * stride),
                            # Row by row, cell by cell, two channels.
                            "values": random.normal(size=height * width * 2).tolist(),
                        }
                    )
    return groups


def make_rois(random, height, width) -> list[list[float]]:
    """Boxes inside, across the border, off the map, tiny, empty, inverted; many on half cells."""
    extent = np.array([width, height, width, height])
    rois = (random.random((ROIS_PER_GROUP, 4)) * 1.6 - 0.3) * extent
    # Ordered, but for the last two; some on a grid of eighths, where all ties are.
    rois[:-2] = np.concatenate(
        [np.minimum(rois[:-2, :2], rois[:-2, 2:]), np.maximum(rois[:-2, :2], rois[:-2, 2:])], axis=1
    )
    rois[::2] = (rois[::2] * 8).round() / 8
    rois[1::4] = rois[1::4].round()
    rois[0, 2:] = rois[0, :2]
    rois[1, 2:] = rois[1, :2] + random.random(2) * 3
    return rois.tolist()


def run_javascript(node: str, runner: str, cases: list[dict], folder: Path):
    """What a runner, appended to the module, writes as JSON for these cases."""
    script, file = folder / "run.mjs", folder / "cases.json"
    script.write_text((FOLDER / "arithmetic.js").read_text("utf-8") + runner, encoding="utf-8")
    file.write_text(json.dumps(cases), encoding="utf-8")
    run = subprocess.run(
        [node, str(script), str(file)], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_javascript_reads_the_cells_that_the_package_reads(node, tmp_path):
    groups = make_groups()
    assert sum(len(group["rois"]) for group in groups) >= 5000
    worst_weight = worst_error = worst_feature = 0.0
    for group, result in zip(groups, run_javascript(node, RUNNER, groups, tmp_path)):
        counts, cells, weights, causes, features, empty = (
            np.frombuffer(base64.b64decode(text)) for text in result
        )
        rois = torch.tensor(group["rois"], dtype=torch.float64)
        rois = torch.cat([torch.zeros(len(rois), 1, dtype=torch.float64), rois], dim=1)
        bins, stride, sampling = group["bins"], group["stride"], group["sampling"]
        operation = OPERATIONS[group["operation"]]
        matrix = operation.bags(group["size"], rois, bins, 1 / stride, sampling).matrix()
        bin_of, expected_cells = matrix.indices().numpy()
        assert np.array_equal(np.repeat(np.arange(len(counts)), counts.astype(int)), bin_of), group
        assert np.array_equal(cells, expected_cells), group
        if len(cells):
            worst_weight = max(worst_weight, np.abs(weights - matrix.values().numpy()).max())
        read = torch.sparse.sum(matrix, dim=1).to_dense().view(len(rois), -1) > 0
        assert np.array_equal(empty, (~read).sum(dim=1).numpy()), group
        error = split_shift(group["operation"], group["size"], rois, bins, stride, sampling)
        parts = [error.half_pixel, error.rounding, error.maximum, error.total]
        expected = torch.stack(parts, dim=-1).permute(0, 2, 3, 4, 1).flatten().numpy()
        worst_error = max(worst_error, np.abs(causes - expected).max())
        values = torch.tensor(group["values"], dtype=torch.float64)
        map_of_group = values.view(1, *group["size"], 2).permute(0, 3, 1, 2)  # [1, 2, H, W]
        feature = operation.read(map_of_group, rois, bins, 1 / stride, sampling)
        expected = feature.permute(0, 2, 3, 1).flatten().numpy()
        worst_feature = max(worst_feature, np.abs(features - expected).max())
    assert worst_weight < 1e-12
    assert worst_feature < 1e-12
    assert worst_error < 1e-9


def test_traces_are_the_packages_errors_at_every_position(node, tmp_path):
    """Every box slides from beyond one border to beyond the other; half lie beyond a third."""
    slides = [
        {"size": [9, 12], "bins": 5, "stride": stride, "sampling": sampling, "bin": bin_}
        | {"axis": axis, "step": stride / 4, "roi": [stride * edge for edge in roi]}
        for stride in (4, 16)
        for sampling in (-1, 3)
        for bin_, roi in (([1, 3], [2.3, 1.6, 7.1, 6.5]), ([4, 0], [-1.2, 5.3, 6.4, 10.1]))
        for axis in "xy"
    ]
    for slide_, traced in zip(slides, run_javascript(node, TRACER, slides, tmp_path)):
        along = "xy".index(slide_["axis"])
        rois = torch.tensor(slide_["roi"], dtype=torch.float64).repeat(len(traced["positions"]), 1)
        extent = rois[:, along + 2] - rois[:, along]
        rois[:, along] = torch.tensor(traced["positions"], dtype=torch.float64)
        rois[:, along + 2] = rois[:, along] + extent
        rois = torch.cat([torch.zeros(len(rois), 1, dtype=torch.float64), rois], dim=1)
        for operation in OPERATIONS:
            arguments = (slide_["size"], rois, slide_["bins"], slide_["stride"])
            error = split_shift(operation, *arguments, slide_["sampling"])
            for cause, trace in traced["errors"][operation].items():
                row, column = slide_["bin"]
                expected = getattr(error, cause)[:, along, row, column].numpy()
                assert np.abs(np.array(trace) - expected).max() < 1e-9, (slide_, operation, cause)
