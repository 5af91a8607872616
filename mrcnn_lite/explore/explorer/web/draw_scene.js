// The scene and, with another viewport, the followed bin enlarged: what is read, and from where.

import { show } from "../../web/numbers.js";
import { HALO, INK, drawGrid, drawRuler, outline, placeIn, rectangleIn } from "../../web/viewport.js";
import { CAUSES, cellsOfBin } from "./arithmetic.js";
import { hatchBeyond } from "./draw_border.js";

// Opacity of a cell with next to no weight, and of the one with the most; over the whole scene, less.
const [FAINT, STRONG, STRONG_IN_SCENE] = [0.05, 0.5, 0.2];
// Bins of whole cells overlap; drawn a little smaller, each can be seen. In cells.
const INSET = 0.08;

/** A square around the followed bin, as it is and as it should be, with a cell on every side. */
export function aroundBin({ read, reference, row, column }, stride) {
  const span = (axis, p) => {
    const parts = [read[axis].bins[p], reference[axis].bins[p]];
    const cells = parts[0].cells.length ? [parts[0].cells[0], parts[0].cells[parts[0].cells.length - 1] + 1] : [];
    const all = [...parts.flatMap((part) => part.edges), ...cells].map((edge) => edge * stride);
    return [Math.min(...all), Math.max(...all)];
  };
  const [[left, right], [top, bottom]] = [span("x", column), span("y", row)];
  const side = Math.max(right - left, bottom - top) + stride * 0.7;
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return [x - side / 2, y - side / 2, x + side / 2, y + side / 2];
}

/**
 * Draw everything into a viewport; `enlarged` shows one bin alone, and writes its weights, `plain`
 * nothing but the boxes.
 */
export function drawScene(view, { picture, features, settings, measured, colors, plain }, enlarged) {
  const { context } = view;
  const { stride, roi, scene_size, operation } = settings;
  const { read, mapSize, row, column } = measured;
  const [height, width] = scene_size;
  const [place, rectangle] = [placeIn(view), rectangleIn(view)];
  const fine = enlarged ? 1.25 : 1;

  const shown = settings.view === "features" ? features : picture;
  if (shown) {
    const [cellsHigh, cellsWide] = settings.view === "features" ? mapSize.map((n) => n * stride) : scene_size;
    context.imageSmoothingEnabled = settings.view !== "features" && !enlarged;
    context.imageSmoothingQuality = "high";
    context.drawImage(shown, ...rectangle([0, 0, cellsWide, cellsHigh]));
    context.fillStyle = "rgba(255, 255, 255, 0.22)";
    context.fillRect(...rectangle([0, 0, cellsWide, cellsHigh]));
  }
  drawGrid(view, mapSize, stride);
  const end = mapSize.map((cells) => cells * stride);
  const reachesBeyond = roi[0] < 0 || roi[1] < 0 || roi[2] > end[1] || roi[3] > end[0];
  if (!enlarged) drawRuler(view, [height, width], colors);
  if (reachesBeyond) hatchBeyond(view, rectangle, end, colors, enlarged);

  const weights = enlarged ? weightsOfBin(read, row, column) : weightsOfAll(read);
  if (!plain) shadeCells(context, rectangle, weights, stride, colors["cells-read"], enlarged ? STRONG : STRONG_IN_SCENE);

  const dots = [1.2 * fine, 2.6 * fine];
  if (!enlarged && !plain) drawBins(context, rectangle, read, stride, 1.2, dots);
  if (!plain) drawBin(context, rectangle, read, stride, row, column, 2 * fine, dots);
  if (enlarged) outline(context, rectangle(edgesOfBin(measured.reference, row, column, stride)), colors["true-box"], 2.2, [3, 3]);
  const box = [read.x.start, read.y.start, read.x.start + read.x.size, read.y.start + read.y.size].map((e) => e * stride);
  if (operation !== "align") {
    outline(context, rectangle(box), colors["quantised-box"], 2.2 * fine, [7, 4]);
  }
  outline(context, rectangle(roi), colors["true-box"], 2.4 * fine, []);

  if (!plain) {
    drawPoints(context, place, read, stride, enlarged ? [row, column] : null, colors["cells-read"], view.zoom * stride);
    drawShift(context, place, measured, settings.causes, colors, fine);
  }
  if (enlarged) writeWeights(context, place, weights, stride, view.zoom * stride);
}

function edgesOfBin(read, row, column, stride) {
  const [[x1, x2], [y1, y2]] = [read.x.bins[column].edges, read.y.bins[row].edges];
  return [x1, y1, x2, y2].map((edge) => edge * stride);
}

function weightsOfBin(read, row, column) {
  return cellsOfBin(read, row, column).filter(([, , weight]) => weight > 0);
}

/** The total weight of every cell over all bins; as a product of the two axes' totals. */
function weightsOfAll({ y, x }) {
  const total = ({ bins }) => {
    const sums = new Map();
    for (const { cells, weights } of bins) {
      cells.forEach((cell, i) => sums.set(cell, (sums.get(cell) ?? 0) + weights[i]));
    }
    return [...sums];
  };
  const columns = total(x);
  return total(y).flatMap(([cy, wy]) => columns.map(([cx, wx]) => [cx, cy, wx * wy])).filter((c) => c[2] > 0);
}

function shadeCells(context, rectangle, cells, stride, color, strong) {
  const most = Math.max(...cells.map((cell) => cell[2]), 1e-12);
  context.fillStyle = color;
  for (const [x, y, weight] of cells) {
    context.globalAlpha = FAINT + (strong - FAINT) * (weight / most);
    context.fillRect(...rectangle([x, y, x + 1, y + 1].map((e) => e * stride)));
  }
  context.globalAlpha = 1;
}

/** The spans of an axis's bins in cells, without those that are empty. */
function spansOfBins({ bins, whole }) {
  const inset = whole ? INSET : 0;
  return bins.map(({ edges: [low, high] }) => [low + inset, high - inset]).filter(([low, high]) => low < high);
}

/** Dotted edges of all bins; dots take long to draw, so an edge that bins have in common is drawn once. */
function drawBins(context, rectangle, read, stride, width, dots) {
  const box = (...edges) => rectangle(edges.map((edge) => edge * stride));
  const [columns, rows] = [spansOfBins(read.x), spansOfBins(read.y)];
  context.strokeStyle = HALO;
  context.lineWidth = width + 0.2;
  for (const [y1, y2] of rows) for (const [x1, x2] of columns) context.strokeRect(...box(x1, y1, x2, y2));
  context.strokeStyle = INK;
  context.lineWidth = width;
  context.setLineDash(dots);
  const line = (...ends) => {
    const [x, y, w, h] = box(...ends);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + w, y + h);
    context.stroke();
  };
  for (const y of new Set(rows.flat())) for (const [x1, x2] of joinSpans(columns)) line(x1, y, x2, y);
  for (const x of new Set(columns.flat())) for (const [y1, y2] of joinSpans(rows)) line(x, y1, x, y2);
  context.setLineDash([]);
}

/** Spans in order, with those made one that touch each other. */
function joinSpans(spans) {
  const joined = [];
  for (const [low, high] of spans) {
    const last = joined[joined.length - 1];
    if (last && low <= last[1]) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return joined;
}

function drawBin(context, rectangle, read, stride, row, column, width, dots) {
  const [[x1, x2], [y1, y2]] = [read.x.bins[column].edges, read.y.bins[row].edges];
  if (x2 <= x1 || y2 <= y1) return;
  const inset = read.x.whole ? INSET : 0;
  const edges = [x1 + inset, y1 + inset, x2 - inset, y2 - inset].map((edge) => edge * stride);
  outline(context, rectangle(edges), INK, width, dots);
}

function drawPoints(context, place, read, stride, only, color, cell) {
  const rows = only ? [read.y.bins[only[0]]] : read.y.bins;
  const columns = only ? [read.x.bins[only[1]]] : read.x.bins;
  const radius = only ? 4 : Math.min(2.6, Math.max(1, cell / 9));
  const xs = columns.flatMap(({ samples }) => samples.map((x) => place(x * stride, 0)[0]));
  const ys = rows.flatMap(({ samples }) => samples.map((y) => place(0, y * stride)[1]));
  context.fillStyle = color;
  // Where thousands of points are a cell's fraction apart, squares are as good, and much faster.
  if (radius <= 1.2) return fillSquares(context, xs, ys, radius);
  context.beginPath();
  for (const y of ys) for (const x of xs) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
  context.strokeStyle = INK;
  context.lineWidth = only ? 1.2 : 0.8;
  context.stroke();
}

// Columns of points, of which the rows leave what is between them.
const columnsOfPoints = new OffscreenCanvas(1, 1);

/** Fill squares around all points of a grid: column by column, then all that lies between the rows is taken away. */
function fillSquares(context, xs, ys, radius) {
  const { width, height } = context.canvas;
  // To set a canvas's size clears it.
  [columnsOfPoints.width, columnsOfPoints.height] = [width, height];
  const own = columnsOfPoints.getContext("2d");
  own.setTransform(context.getTransform());
  own.fillStyle = context.fillStyle;
  const [top, bottom] = [ys[0] - radius, ys[ys.length - 1] + radius];
  for (const x of xs) own.fillRect(x - radius, top, 2 * radius, bottom - top);
  own.globalCompositeOperation = "destination-out";
  for (let i = 1; i < ys.length; i++) {
    const [end, start] = [ys[i - 1] + radius, ys[i] - radius];
    if (start > end) own.fillRect(0, end, width, start - end);
  }
  context.save();
  context.resetTransform();
  context.drawImage(columnsOfPoints, 0, 0);
  context.restore();
}

function writeWeights(context, place, cells, stride, cell) {
  if (cell < 24) return;
  context.font = `500 ${Math.min(13, cell / 3)}px system-ui, sans-serif`;
  context.textAlign = "center";
  // Below the middle, where sample points often are.
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const [x, y, weight] of cells) {
    const [px, py] = place((x + 0.5) * stride, (y + 0.8) * stride);
    context.strokeStyle = HALO;
    context.lineWidth = 3.5;
    context.strokeText(show(weight, 2), px, py);
    context.fillStyle = INK;
    context.fillText(show(weight, 2), px, py);
  }
}

/** From the middle of the true bin, cause by cause, to where the bin is read. */
function drawShift(context, place, { error }, causes, colors, fine) {
  let [x, y] = [error.x.reference, error.y.reference];
  const steps = CAUSES.filter((name) => causes === "all" || name === "rounding").map((name) => {
    const from = [x, y];
    [x, y] = [x + error.x[name], y + error.y[name]];
    return { name, from: place(...from), to: place(x, y) };
  });
  for (const { name, from, to } of steps) arrow(context, from, to, colors[name.replace("_", "-")], fine);
  const [cx, cy] = place(error.x.reference, error.y.reference);
  context.beginPath();
  context.arc(cx, cy, 4 * fine, 0, 2 * Math.PI);
  context.fillStyle = colors["true-box"];
  context.strokeStyle = "#ffffff";
  context.lineWidth = 1.6;
  context.fill();
  context.stroke();
}

function arrow(context, [x1, y1], [x2, y2], color, fine) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 1) return;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const head = Math.min(8 * fine, length);
  const stroke = (style, width) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2 - ux * head * 0.7, y2 - uy * head * 0.7);
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - ux * head - uy * head * 0.55, y2 - uy * head + ux * head * 0.55);
    context.lineTo(x2 - ux * head + uy * head * 0.55, y2 - uy * head - ux * head * 0.55);
    context.closePath();
    context.fillStyle = style;
    context.lineWidth = width > 4 ? 3 : 0.1;
    context.stroke();
    context.fill();
  };
  stroke("#ffffff", 6.5 * fine);
  stroke(color, 3.4 * fine);
}
