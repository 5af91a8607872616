// What the panels compute: the twins of the functions that stand in mrcnn_lite/explore/panels, one
// each. A test runs both on thousands of random inputs and demands the same.
//
// Tensors are flat arrays, row by row. All expressions keep the order of the Python code, so that
// what is compared with a threshold falls to the same side.

import { OPERATIONS, readBox, roiFeature } from "../../explorer/web/arithmetic.js";

/** The pyramid level of a box of width x height image pixels: `assign_levels`. */
export function assignLevel(width, height, { canonical_size, canonical_level, finest, coarsest }) {
  const level = Math.floor(canonical_level + Math.log2(Math.sqrt(width * height) / canonical_size) + 1e-6);
  return Math.min(Math.max(level, finest), coarsest);
}

/** IoU of boxes i and j of many, [N, 4]. */
function overlap(boxes, i, j) {
  const at = (box, edge) => boxes[4 * box + edge];
  const area = (box) => (at(box, 2) - at(box, 0)) * (at(box, 3) - at(box, 1));
  const width = Math.max(0, Math.min(at(i, 2), at(j, 2)) - Math.max(at(i, 0), at(j, 0)));
  const height = Math.max(0, Math.min(at(i, 3), at(j, 3)) - Math.max(at(i, 1), at(j, 1)));
  const both = width * height;
  return both / (area(i) + area(j) - both);
}

/** Non-maximum suppression: the indices of the boxes [N, 4] that are kept, the best first. */
export function suppress(boxes, scores, threshold) {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const kept = [];
  for (const i of order) if (!kept.some((j) => overlap(boxes, j, i) > threshold)) kept.push(i);
  return kept;
}

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

/** One class's share of the softmax over all classes, at each of `size` places of [K, size]. */
function softmaxOf(logits, classes, size, label) {
  return Float64Array.from({ length: size }, (_, place) => {
    const all = Array.from({ length: classes }, (_, k) => logits[k * size + place]);
    const highest = Math.max(...all);
    const parts = all.map((logit) => Math.exp(logit - highest));
    return parts[label] / parts.reduce((sum, part) => sum + part, 0);
  });
}

/** The mask of `label` under both rules after the logits of `rival`, [K, m, m], were raised: `compete`. */
export function compete(logits, [classes, side], label, rival, boost) {
  const size = side * side;
  const raised = logits.map((logit, i) => (Math.floor(i / size) === rival ? logit + boost : logit));
  const of = (values, number) => values.slice(number * size, (number + 1) * size).map(sigmoid);
  return {
    sigmoid: of(raised, label),
    softmax: softmaxOf(raised, classes, size, label),
    before: softmaxOf(logits, classes, size, label),
    rival: of(raised, rival),
  };
}

/** Along one axis of `limit` pixels: the first whose centre lies in [start, end), and each one's two cells. */
function interpolation(start, end, limit, cells) {
  const first = Math.min(Math.max(Math.ceil(start - 0.5), 0), limit);
  const last = Math.min(Math.max(Math.ceil(end - 0.5), first), limit);
  const weights = Array.from({ length: last - first }, (_, i) => {
    const position = ((first + i + 0.5 - start) / Math.max(end - start, 1e-9)) * cells - 0.5;
    const inside = Math.min(Math.max(position, 0), cells - 1);
    const low = Math.min(Math.floor(inside), Math.max(cells - 2, 0));
    return [low, inside - low];
  });
  return { first, weights };
}

/** Paste a mask [m, m] into its box in an image of [height, width] pixels: `paste_masks`. */
export function pasteMask(small, cells, [x1, y1, x2, y2], [height, width]) {
  const pasted = new Float64Array(height * width);
  const [rows, columns] = [interpolation(y1, y2, height, cells), interpolation(x1, x2, width, cells)];
  const at = (row, column) => small[Math.min(row, cells - 1) * cells + Math.min(column, cells - 1)];
  rows.weights.forEach(([i, down], row) => columns.weights.forEach(([j, across], column) => {
    const upper = (1 - across) * at(i, j) + across * at(i, j + 1);
    const lower = (1 - across) * at(i + 1, j) + across * at(i + 1, j + 1);
    pasted[(rows.first + row) * width + columns.first + column] = (1 - down) * upper + down * lower;
  }));
  return pasted;
}

/**
 * Cut a pasted mask at a threshold and compare it with the truth: `paste_and_cut`.
 *
 * `where` says of each pixel: 0 in neither, 1 only in the truth, 2 only in the mask, 3 in both.
 */
export function cutAndCompare(pasted, truth, threshold) {
  const where = Uint8Array.from(truth, (inside, i) => inside + 2 * (pasted[i] > threshold));
  const counts = [0, 0, 0, 0];
  for (const value of where) counts[value] += 1;
  const union = counts[1] + counts[2] + counts[3];
  return { where, counts, iou: union ? counts[3] / union : 0 };
}

/** Mean colours of a picture's patches, [rows, columns, 3] of the window at (left, top). */
function meanColours({ values, width }, left, top, window, stride) {
  const cells = Math.floor(window / stride);
  const means = new Float64Array(cells * cells * 3);
  for (let y = 0; y < cells * stride; y++) for (let x = 0; x < cells * stride; x++) {
    const cell = Math.floor(y / stride) * cells + Math.floor(x / stride);
    const pixel = (top + y) * width + left + x;
    for (let c = 0; c < 3; c++) means[3 * cell + c] += values[3 * pixel + c];
  }
  return { rows: cells, columns: cells, channels: 3, values: means.map((sum) => sum / (stride * stride)) };
}

/**
 * Move an object and its box by moving the window over `picture` { values, width }, colours in 0..1:
 * `move_object`. Returns the box in the window, and of each operation the feature [bins, bins, 3] and
 * the root mean square of its difference from the feature without any shift.
 */
export function moveObject(picture, scene, shift, stride, bins) {
  const { window, top, largest_shift, sampling_ratio } = scene;
  const readAt = (by) => {
    const left = largest_shift - by;
    const box = scene.box.map((edge, i) => edge - (i % 2 ? top : left));
    const map = meanColours(picture, left, top, window, stride);
    const feature = (name) => roiFeature(readBox(name, [map.rows, map.columns], box, bins, stride, sampling_ratio), map);
    return { box, read: Object.fromEntries(Object.keys(OPERATIONS).map((name) => [name, feature(name)])) };
  };
  const [before, after] = [readAt(0), readAt(shift)];
  const change = Object.entries(after.read).map(([name, values]) => {
    const squares = values.map((value, i) => (value - before.read[name][i]) ** 2);
    return [name, Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length)];
  });
  return { ...after, change: Object.fromEntries(change) };
}
