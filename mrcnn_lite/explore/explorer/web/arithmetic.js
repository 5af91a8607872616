// What an RoI operation reads, and how far off that is: the twin of mrcnn_lite/ops/axis.py and of
// mrcnn_lite/explore/measure/misalignment.py. A test runs both on thousands of RoIs and demands the same.
//
// Feature cells are the unit, cell j covering [j, j + 1). All expressions keep the order of the
// Python code, so that an edge or a sample on a whole number falls to the same side.

export const OPERATIONS = {
  pool: { label: "RoIPool", halfACellOff: true },
  warp: { label: "RoIWarp", halfACellOff: true },
  align_unaligned: { label: "RoIAlign, aligned=False", halfACellOff: true },
  align: { label: "RoIAlign, aligned=True", halfACellOff: false },
};
// In the order in which they lead from what should be read to what is read.
export const CAUSES = ["half_pixel", "rounding", "maximum"];

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/** Round to the nearest whole number, halves away from zero, as C's `round` does. */
export function roundHalfAway(x) {
  const whole = Math.trunc(x);
  return whole + Math.sign(x) * (Math.abs(x - whole) >= 0.5 ? 1 : 0);
}

/** Start and size in whole cells that RoIPool and RoIWarp read; the last cell is included. */
function quantisedBox(low, high, scale) {
  const start = roundHalfAway(low * scale);
  return [start, Math.max(roundHalfAway(high * scale) - start + 1, 1)];
}

/** A bin of whole cells, from the floor of its start to the ceiling of its end. */
function wholeCells({ start, size }, bins, p, length) {
  const binSize = size / bins;
  const low = clamp(Math.floor(p * binSize) + start, 0, length);
  const high = Math.max(low, clamp(Math.ceil((p + 1) * binSize) + start, 0, length));
  const cells = Array.from({ length: high - low }, (_, i) => low + i);
  return { edges: [low, high], cells, weights: cells.map(() => 1), samples: [] };
}

/** The two cells around a position and their weights; here cell j's value stands at j. */
function neighbours(position, length) {
  const inside = clamp(position, 0, length - 1);
  const low = Math.floor(inside);
  const fraction = inside - low;
  // Beyond half a cell off the map a sample reads nothing, but still counts.
  const share = position >= -1 && position <= length ? 1 : 0;
  return [
    [low, share * (1 - fraction)],
    [Math.min(low + 1, length - 1), share * fraction],
  ];
}

/** A bin of bilinear samples at the centres of equal parts, weighted so that they are averaged. */
function bilinearSamples({ start, origin, size }, bins, p, length, sampling) {
  const binSize = size / bins;
  const number = sampling > 0 ? sampling : Math.max(Math.ceil(size / bins), 0);
  const samples = [];
  const total = new Map();
  for (let i = 0; i < number; i++) {
    const position = origin + p * binSize + ((i + 0.5) * binSize) / number;
    samples.push(position + 0.5);
    for (const [cell, weight] of neighbours(position, length)) {
      total.set(cell, (total.get(cell) ?? 0) + weight / number);
    }
  }
  const cells = [...total.keys()].sort((a, b) => a - b);
  const weights = cells.map((cell) => total.get(cell));
  return { edges: [start + p * binSize, start + (p + 1) * binSize], cells, weights, samples };
}

/**
 * The part of an axis that is read for a box from `low` to `high` in image pixels.
 *
 * `start` and `size` are in cells; `origin` is half a cell less, where cell j's value stands at j.
 */
export function boxThatIsRead(operation, low, high, stride) {
  const scale = 1 / stride;
  if (operation === "pool" || operation === "warp") {
    const [start, size] = quantisedBox(low, high, scale);
    return { start, size, origin: start - 0.5, whole: operation === "pool" };
  }
  const half = operation === "align" ? 0.5 : 0;
  const origin = low * scale - half;
  const extent = high * scale - half - origin;
  const size = operation === "align" ? extent : Math.max(extent, 1);
  return { start: origin + 0.5, size, origin, whole: false };
}

/** What bin `p` of `bins` along one axis reads: { edges, cells, weights, samples }, in cells. */
export function readBin(operation, low, high, bins, p, length, stride, sampling) {
  const box = boxThatIsRead(operation, low, high, stride);
  if (box.whole) return wholeCells(box, bins, p, length);
  return bilinearSamples(box, bins, p, length, sampling);
}

/** All bins along one axis, and the box that they divide. */
export function readAxis(operation, low, high, bins, length, stride, sampling) {
  const parts = Array.from({ length: bins }, (_, p) =>
    readBin(operation, low, high, bins, p, length, stride, sampling),
  );
  return { ...boxThatIsRead(operation, low, high, stride), bins: parts };
}

/** Both axes of an operation on a map of [height, width] cells. */
export function readBox(operation, mapSize, [x1, y1, x2, y2], bins, stride, sampling) {
  return {
    y: readAxis(operation, y1, y2, bins, mapSize[0], stride, sampling),
    x: readAxis(operation, x1, x2, bins, mapSize[1], stride, sampling),
  };
}

/** The cells of one bin, row by row, with their weights: [[x, y, weight], ...]. */
export function cellsOfBin({ y, x }, row, column) {
  const [rows, columns] = [y.bins[row], x.bins[column]];
  return rows.cells.flatMap((cy, i) =>
    columns.cells.map((cx, j) => [cx, cy, rows.weights[i] * columns.weights[j]]),
  );
}

/**
 * What an operation makes of a box on a map: the mean of each bin's samples, or RoIPool's maximum.
 *
 * `map` is { rows, columns, channels, values }, the values row by row, cell by cell; the result is
 * bins x bins x channels numbers in the same order. An empty bin gives 0.
 */
export function roiFeature({ y, x }, { columns, channels, values }) {
  const bins = y.bins.length;
  const feature = new Float64Array(bins * bins * channels);
  y.bins.forEach((inRow, p) => x.bins.forEach((inColumn, q) => {
    const empty = inRow.cells.length === 0 || inColumn.cells.length === 0;
    for (let c = 0; c < channels; c++) {
      let result = x.whole && !empty ? -Infinity : 0;
      inRow.cells.forEach((i, k) => inColumn.cells.forEach((j, l) => {
        const value = values[(i * columns + j) * channels + c];
        if (x.whole) result = Math.max(result, value);
        else result += inRow.weights[k] * inColumn.weights[l] * value;
      }));
      feature[(p * bins + q) * channels + c] = result;
    }
  }));
  return feature;
}

/** Whether a bin of one axis reads any cell at all. */
export const readsSomething = ({ weights }) => weights.some((weight) => weight > 0);

/** How many bins read nothing on the map, so that they give 0. */
export function countEmptyBins({ x, y }) {
  const full = (bins) => bins.filter(readsSomething).length;
  return x.bins.length * y.bins.length - full(x.bins) * full(y.bins);
}

/** What a bin reads on a ramp along its axis, as mean and as maximum; `weight`: of all cells. */
function readRamp({ cells, weights }, whole, stride) {
  let [weight, sum] = [0, 0];
  cells.forEach((cell, i) => {
    weight += weights[i];
    sum += weights[i] * (cell + 0.5) * stride;
  });
  if (!whole) return { weight, mean: sum, largest: sum };
  // Empty bins give 0, whatever the other axis holds.
  if (cells.length === 0) return { weight: 0, mean: 0, largest: 0 };
  return { weight: 1, mean: sum / weight, largest: (cells[cells.length - 1] + 0.5) * stride };
}

/** The steps from what should be read to what is read, for one bin along one axis. */
function stepsOfBin(operation, low, high, bins, p, length, stride, sampling) {
  const read = (name, by) => {
    const whole = name === "pool";
    return readRamp(readBin(name, low + by, high + by, bins, p, length, stride, sampling), whole, stride);
  };
  const reference = read("align", 0);
  const shifted = OPERATIONS[operation].halfACellOff ? read("align", stride / 2) : reference;
  return { reference, shifted, own: read(operation, 0) };
}

/** The error along one axis, of a bin with these steps and with others across, on the other axis. */
function split(along, across) {
  const reference = along.reference.mean * across.reference.weight;
  const shifted = along.shifted.mean * across.shifted.weight;
  const averaged = along.own.mean * across.own.weight;
  const read = along.own.largest * across.own.weight;
  return {
    reference,
    read,
    half_pixel: shifted - reference,
    rounding: averaged - shifted,
    maximum: read - averaged,
    total: read - reference,
  };
}

/**
 * One bin's error in image pixels and its causes, on a ramp along each axis.
 *
 * Returns { x, y }, each with half_pixel, rounding, maximum and total, and with reference and read,
 * the positions that should be and that are read.
 */
export function splitShift(operation, mapSize, [x1, y1, x2, y2], bins, stride, sampling, row, column) {
  const x = stepsOfBin(operation, x1, x2, bins, column, mapSize[1], stride, sampling);
  const y = stepsOfBin(operation, y1, y2, bins, row, mapSize[0], stride, sampling);
  return { x: split(x, y), y: split(y, x) };
}

/**
 * One bin's error along x or y as the box slides along that axis: [{ position, ...causes }], from
 * `beyond` image pixels before the map to as many behind it.
 */
export function traceError(operation, mapSize, roi, bins, stride, sampling, row, column, axis, step, beyond = 0) {
  const along = { low: roi[0], high: roi[2], bin: column, length: mapSize[1] };
  const across = { low: roi[1], high: roi[3], bin: row, length: mapSize[0] };
  const [a, b] = axis === "x" ? [along, across] : [across, along];
  const beside = stepsOfBin(operation, b.low, b.high, bins, b.bin, b.length, stride, sampling);
  const size = a.high - a.low;
  const trace = [];
  for (let position = -beyond; position <= a.length * stride - size + beyond; position += step) {
    const end = position + size;
    const steps = stepsOfBin(operation, position, end, bins, a.bin, a.length, stride, sampling);
    trace.push({ position, ...split(steps, beside) });
  }
  return trace;
}
