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
  return { low, high: Math.min(low + 1, length - 1), ofLow: share * (1 - fraction), ofHigh: share * fraction };
}

/** Add a weight to that of a cell; the cells stay in order. */
function addWeight(cells, weights, cell, weight) {
  // Samples follow each other, so that the cell is among the last, or new.
  let at = cells.length;
  while (at > 0 && cells[at - 1] > cell) at -= 1;
  if (at > 0 && cells[at - 1] === cell) weights[at - 1] += weight;
  else {
    cells.splice(at, 0, cell);
    weights.splice(at, 0, weight);
  }
}

/** A bin of bilinear samples at the centres of equal parts, weighted so that they are averaged. */
function bilinearSamples({ start, origin, size }, bins, p, length, sampling) {
  const binSize = size / bins;
  const number = sampling > 0 ? sampling : Math.max(Math.ceil(size / bins), 0);
  const [cells, weights, samples] = [[], [], []];
  for (let i = 0; i < number; i++) {
    const position = origin + p * binSize + ((i + 0.5) * binSize) / number;
    samples.push(position + 0.5);
    const { low, high, ofLow, ofHigh } = neighbours(position, length);
    addWeight(cells, weights, low, ofLow / number);
    addWeight(cells, weights, high, ofHigh / number);
  }
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

/** What bin `p` of `bins` of such a box reads along its axis: { edges, cells, weights, samples }, in cells. */
function readBin(box, bins, p, length, sampling) {
  return box.whole ? wholeCells(box, bins, p, length) : bilinearSamples(box, bins, p, length, sampling);
}

/** All bins along one axis, and the box that they divide. */
function readAxis(operation, low, high, bins, length, stride, sampling) {
  const box = boxThatIsRead(operation, low, high, stride);
  return { ...box, bins: Array.from({ length: bins }, (_, p) => readBin(box, bins, p, length, sampling)) };
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
  for (let i = 0; i < cells.length; i++) {
    weight += weights[i];
    sum += weights[i] * (cells[i] + 0.5) * stride;
  }
  if (!whole) return { weight, mean: sum, largest: sum };
  // Empty bins give 0, whatever the other axis holds.
  if (cells.length === 0) return { weight: 0, mean: 0, largest: 0 };
  return { weight: 1, mean: sum / weight, largest: (cells[cells.length - 1] + 0.5) * stride };
}

/**
 * The steps from what should be read to what is read, for one bin along one axis, by every operation.
 *
 * `boxes` are pairs [low, high] in image pixels along the axis, `axis` is { bin, bins, length, stride,
 * sampling }. Returns { reference, shifted, own: { operation: ramps } }: for each box what should be read,
 * the same half a cell off, and what each operation reads.
 */
function stepsOfBin(boxes, { bin, bins, length, stride, sampling }) {
  const read = (operation, by) => {
    let [former, ramp] = [null, null];
    return boxes.map(([low, high]) => {
      const box = boxThatIsRead(operation, low + by, high + by, stride);
      // In whole cells many boxes are the same, one after the other.
      if (box.start !== former?.start || box.size !== former.size) {
        ramp = readRamp(readBin(box, bins, bin, length, sampling), box.whole, stride);
      }
      former = box;
      return ramp;
    });
  };
  const own = Object.fromEntries(Object.keys(OPERATIONS).map((name) => [name, read(name, 0)]));
  return { reference: own.align, shifted: read("align", stride / 2), own };
}

/** The error along one axis, of the bin in box `i` of these steps, and in box `j` of the other axis's. */
function split(operation, along, i, across, j) {
  const half = OPERATIONS[operation].halfACellOff ? "shifted" : "reference";
  const [own, ownAcross] = [along.own[operation][i], across.own[operation][j]];
  const reference = along.reference[i].mean * across.reference[j].weight;
  const shifted = along[half][i].mean * across[half][j].weight;
  const averaged = own.mean * ownAcross.weight;
  const read = own.largest * ownAcross.weight;
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
 * One bin's error in image pixels and its causes, on a ramp along each axis, by every operation.
 *
 * Returns { errors, axes, steps }. errors[operation] is { x, y }, each with half_pixel, rounding, maximum
 * and total, and with reference and read, the positions that should be and that are read; axes and steps
 * are what `traceErrors` takes.
 */
export function splitShift(mapSize, [x1, y1, x2, y2], bins, stride, sampling, row, column) {
  const x = { bin: column, bins, length: mapSize[1], stride, sampling };
  const y = { bin: row, bins, length: mapSize[0], stride, sampling };
  const steps = { x: stepsOfBin([[x1, x2]], x), y: stepsOfBin([[y1, y2]], y) };
  const errors = Object.fromEntries(Object.keys(OPERATIONS).map((name) =>
    [name, { x: split(name, steps.x, 0, steps.y, 0), y: split(name, steps.y, 0, steps.x, 0) }],
  ));
  return { errors, axes: { x, y }, steps };
}

/**
 * One bin's error by every operation as a box of `size` image pixels slides along an axis, from `beyond`
 * image pixels before the map to as many behind it.
 *
 * `axis` is the one along which it slides, `across` the steps on the other. Returns { positions, errors }:
 * errors[operation][cause][i] belongs to positions[i].
 */
export function traceErrors(size, axis, across, step, beyond = 0) {
  const positions = [];
  const last = axis.length * axis.stride - size + beyond;
  for (let position = -beyond; position <= last; position += step) positions.push(position);
  const along = stepsOfBin(positions.map((position) => [position, position + size]), axis);
  const errors = {};
  for (const name of Object.keys(OPERATIONS)) {
    const traces = Object.fromEntries([...CAUSES, "total"].map((cause) => [cause, new Float64Array(positions.length)]));
    for (let i = 0; i < positions.length; i++) {
      const error = split(name, along, i, across, 0);
      for (const cause in traces) traces[cause][i] = error[cause];
    }
    errors[name] = traces;
  }
  return { positions, errors };
}
