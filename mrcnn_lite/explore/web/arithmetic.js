// What an RoI operation reads, and how far off that is: the twin of mrcnn_lite/ops/axis.py and of
// mrcnn_lite/explore/misalignment.py. A test runs both on thousands of RoIs and demands the same.
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

/** Bins of whole cells, from the floor of a bin's start to the ceiling of its end. */
function wholeCells(start, size, bins, length) {
  const binSize = size / bins;
  const parts = [];
  for (let p = 0; p < bins; p++) {
    const low = clamp(Math.floor(p * binSize) + start, 0, length);
    const high = Math.max(low, clamp(Math.ceil((p + 1) * binSize) + start, 0, length));
    const cells = Array.from({ length: high - low }, (_, i) => low + i);
    parts.push({ edges: [low, high], cells, weights: cells.map(() => 1), samples: [] });
  }
  return { start, size, bins: parts, whole: true };
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

/** Bins of bilinear samples at the centres of equal parts, weighted so that they are averaged. */
function bilinearSamples(origin, size, bins, length, sampling) {
  const binSize = size / bins;
  const number = sampling > 0 ? sampling : Math.max(Math.ceil(size / bins), 0);
  const parts = [];
  for (let p = 0; p < bins; p++) {
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
    const edges = [origin + 0.5 + p * binSize, origin + 0.5 + (p + 1) * binSize];
    parts.push({ edges, cells, weights: cells.map((cell) => total.get(cell)), samples });
  }
  return { start: origin + 0.5, size, bins: parts, whole: false };
}

/** What the bins along one axis read, for a box from `low` to `high` in image pixels. */
export function readAxis(operation, low, high, bins, length, stride, sampling) {
  const scale = 1 / stride;
  if (operation === "pool") return wholeCells(...quantisedBox(low, high, scale), bins, length);
  if (operation === "warp") {
    const [start, size] = quantisedBox(low, high, scale);
    return bilinearSamples(start - 0.5, size, bins, length, sampling);
  }
  const half = operation === "align" ? 0.5 : 0;
  const origin = low * scale - half;
  const extent = high * scale - half - origin;
  const size = operation === "align" ? extent : Math.max(extent, 1);
  return bilinearSamples(origin, size, bins, length, sampling);
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

/** The steps from what should be read to what is read, along one axis: a list, bin by bin. */
function stepsOfAxis(operation, low, high, bins, length, stride, sampling) {
  const read = (name, by) =>
    readAxis(name, low + by, high + by, bins, length, stride, sampling);
  const reference = read("align", 0);
  const shifted = OPERATIONS[operation].halfACellOff ? read("align", stride / 2) : reference;
  const own = read(operation, 0);
  return own.bins.map((bin, p) => ({
    reference: readRamp(reference.bins[p], false, stride),
    shifted: readRamp(shifted.bins[p], false, stride),
    own: readRamp(bin, own.whole, stride),
  }));
}

/** The error along one axis, whose bin has these steps beside a bin `across` on the other axis. */
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
 * The error of bins in image pixels and its causes, on a ramp along each axis.
 *
 * Returns a function of (row, column): { x, y }, each with half_pixel, rounding, maximum, total,
 * and with reference and read, the positions that should be and that are read.
 */
export function splitShift(operation, mapSize, [x1, y1, x2, y2], bins, stride, sampling) {
  const rows = stepsOfAxis(operation, y1, y2, bins, mapSize[0], stride, sampling);
  const columns = stepsOfAxis(operation, x1, x2, bins, mapSize[1], stride, sampling);
  return (row, column) => ({
    x: split(columns[column], rows[row]),
    y: split(rows[row], columns[column]),
  });
}

/** One bin's error along x or y as the box slides along that axis: [{ position, ...causes }]. */
export function traceError(operation, mapSize, roi, bins, stride, sampling, [row, column], axis, step) {
  const [low, high, length, across] =
    axis === "x" ? [roi[0], roi[2], mapSize[1], mapSize[0]] : [roi[1], roi[3], mapSize[0], mapSize[1]];
  const [bin, other] = axis === "x" ? [column, row] : [row, column];
  const [acrossLow, acrossHigh] = axis === "x" ? [roi[1], roi[3]] : [roi[0], roi[2]];
  const beside = stepsOfAxis(operation, acrossLow, acrossHigh, bins, across, stride, sampling)[other];
  const size = high - low;
  const trace = [];
  for (let position = 0; position <= length * stride - size; position += step) {
    const along = stepsOfAxis(operation, position, position + size, bins, length, stride, sampling);
    trace.push({ position, ...split(along[bin], beside) });
  }
  return trace;
}
