// What can be set, within which limits, and in which words a wrong value is answered.

import { limit, show, showSigned } from "../../web/numbers.js";
import { CAUSES, OPERATIONS, countEmptyBins, readBox, splitShift } from "./arithmetic.js";

export const STRIDES = [4, 8, 16, 32];
// Lowest and highest; a sampling ratio of 0 stands for one sample per cell.
export const LIMITS = { bins: [1, 14], sampling_ratio: [0, 6] };
export const SMALLEST_BOX = 1;
// How far a box may reach beyond the scene, in image pixels.
export const BEYOND = 32;
export const NAMES = {
  x: "left edge x1", y: "upper edge y1", width: "width", height: "height",
  bins: "bins per axis", sampling_ratio: "samples (0: auto)", row: "bin's row", column: "bin's column",
};

/** Change one of x, y, width, height of a box, keeping it in or near a scene of [height, width]. */
export function changeBox(roi, name, value, [sceneHeight, sceneWidth]) {
  const horizontal = name === "x" || name === "width";
  const [low, high] = horizontal ? [roi[0], roi[2]] : [roi[1], roi[3]];
  const length = horizontal ? sceneWidth : sceneHeight;
  const moves = name === "x" || name === "y";
  const range = moves ? [-BEYOND, length + BEYOND - (high - low)] : [SMALLEST_BOX, length + BEYOND - low];
  const kept = limit(value, range, NAMES[name], " px");
  const edges = moves ? [kept.value, kept.value + (high - low)] : [low, low + kept.value];
  const box = horizontal
    ? [edges[0], roi[1], edges[1], roi[3]]
    : [roi[0], edges[0], roi[2], edges[1]];
  return { roi: box, note: kept.note };
}

/** Move whole edges of a box by (dx, dy), for a drag; `edges` names them, "" moves the box. */
export function dragBox(roi, edges, dx, dy, [height, width]) {
  const [x1, y1, x2, y2] = roi;
  const within = (x, low, high) => Math.min(Math.max(x, low), high);
  if (edges === "") {
    const mx = within(dx, -BEYOND - x1, width + BEYOND - x2);
    const my = within(dy, -BEYOND - y1, height + BEYOND - y2);
    return [x1 + mx, y1 + my, x2 + mx, y2 + my];
  }
  return [
    edges.includes("w") ? within(x1 + dx, -BEYOND, x2 - SMALLEST_BOX) : x1,
    edges.includes("n") ? within(y1 + dy, -BEYOND, y2 - SMALLEST_BOX) : y1,
    edges.includes("e") ? within(x2 + dx, x1 + SMALLEST_BOX, width + BEYOND) : x2,
    edges.includes("s") ? within(y2 + dy, y1 + SMALLEST_BOX, height + BEYOND) : y2,
  ];
}

/** The bin that is followed: as chosen, or the middle one. */
export function followedBin({ bin, bins }) {
  const middle = Math.floor(bins / 2);
  return bin && bin[0] < bins && bin[1] < bins ? bin : [middle, middle];
}

/** Settings from elsewhere, each replaced by the one in `fallback` where it makes no sense. */
export function sensible(settings, fallback) {
  const [height, width] = settings.scene_size;
  const isWhole = (x, low, high) => Number.isInteger(x) && x >= low && x <= high;
  const isBox = (roi) => Array.isArray(roi) && roi.length === 4 && roi.every(Number.isFinite) &&
    Math.min(roi[0], roi[1]) >= -BEYOND && roi[2] <= width + BEYOND && roi[3] <= height + BEYOND &&
    roi[2] - roi[0] >= SMALLEST_BOX && roi[3] - roi[1] >= SMALLEST_BOX;
  const makesSense = {
    operation: (name) => Object.hasOwn(OPERATIONS, name),
    roi: isBox,
    stride: (stride) => STRIDES.includes(stride),
    bins: (bins) => isWhole(bins, ...LIMITS.bins),
    sampling_ratio: (ratio) => isWhole(ratio, -1, LIMITS.sampling_ratio[1]),
    bin: (bin) => bin === null || (Array.isArray(bin) && bin.length === 2 && bin.every((i) => isWhole(i, 0, LIMITS.bins[1] - 1))),
    axis: (axis) => axis === "x" || axis === "y",
    view: (view) => view === "picture" || view === "features",
    causes: (causes) => causes === "rounding" || causes === "all",
  };
  const kept = { ...settings };
  for (const [key, test] of Object.entries(makesSense)) if (!test(kept[key])) kept[key] = fallback[key];
  return kept;
}

/** All that is drawn and written, computed from the settings. */
export function measure(settings) {
  const { operation, roi, stride, bins, sampling_ratio, scene_size } = settings;
  const sampling = sampling_ratio > 0 ? sampling_ratio : -1;
  const mapSize = scene_size.map((length) => Math.ceil(length / stride));
  const arguments_ = [mapSize, roi, bins, stride, sampling];
  const [row, column] = followedBin(settings);
  const { errors, axes, steps } = splitShift(...arguments_, row, column);
  const reads = Object.fromEntries(Object.keys(OPERATIONS).map((name) => [name, readBox(name, ...arguments_)]));
  return {
    mapSize, row, column, axes, steps, errors, reads,
    error: errors[operation],
    read: reads[operation],
    reference: reads.align,
  };
}

/** How an operation comes by one edge of the box; `cell` is the edge that it reads. */
export function edgeInWords(operation, edge, cell, stride, last) {
  const cells = `${show(edge)} / ${stride} = ${show(edge / stride, 4)}`;
  const back = `${show(cell, 4)} \u00d7 ${stride} = ${show(cell * stride)} px`;
  if (operation === "align") return `${cells}, not rounded: ${show(edge)} px is read`;
  if (operation === "align_unaligned") return `${cells}, half a cell further on: ${back}`;
  const rounded = last ? cell - 1 : cell;
  const note = last ? `, and cell ${show(rounded)} is read too: ${back}` : `: ${back}`;
  return `${cells}, rounded ${show(rounded)}${note}`;
}

/** What an operation does where the box reaches beyond the map's last cell; "" where it does not. */
export function beyondInWords({ operation, roi, stride }, { mapSize, read }) {
  const [height, width] = mapSize.map((cells) => cells * stride);
  if (roi[0] >= 0 && roi[1] >= 0 && roi[2] <= width && roi[3] <= height) return "";
  const empty = countEmptyBins(read);
  const all = read.x.bins.length ** 2;
  const rule = operation === "pool"
    ? "RoIPool clips its bins to the map, and a bin without a cell gives 0"
    : `${OPERATIONS[operation].label} takes the cell at the border for samples up to half a cell beyond, and 0 for those farther off`;
  const count = empty === 0 ? "none of the bins is empty" : `${empty} of ${all} bins ${empty === 1 ? "gives" : "give"} 0`;
  return `The box reaches beyond the map, where there are no cells. ${rule}: ${count}.`;
}

/** One sentence for those who do not see the picture, and for those who want to be sure. */
export function summary(settings, measured) {
  const { read, row, column } = measured;
  const { operation, roi, stride, axis, causes } = settings;
  const label = OPERATIONS[operation].label;
  const [start, size] = [read[axis].start * stride, read[axis].size * stride];
  const [low, high] = axis === "x" ? [roi[0], roi[2]] : [roi[1], roi[3]];
  const along = measured.error[axis];
  const parts = CAUSES.map((name) => `${showSigned(along[name])} ${name.replace("_", " ")}`);
  const whole = along.total === 0 ? "no error" : `${parts.join(", ")}: ${showSigned(along.total)} pixels`;
  const error = causes === "all" ? whole : `rounding moves it by ${showSigned(along.rounding)} pixels`;
  return `${label} at stride ${stride}. Along ${axis} the box is ${show(low)} to ${show(high)}, ` +
    `and ${show(start)} to ${show(start + size)} is read. ` +
    [`Bin in row ${row}, column ${column}: ${error}.`, beyondInWords(settings, measured)].filter(Boolean).join(" ");
}
