// The error against the box's position: the sawtooth, the constant, the zero.

import { show } from "../../web/numbers.js";
import { strokePath } from "../../web/viewport.js";
import { CAUSES, OPERATIONS, traceError } from "./arithmetic.js";
import { BEYOND } from "./settings.js";

// Each line's colour, width and dash; causes may coincide, so the later one is thinner.
const LINES = [
  ["total", "ink", 3.2, []],
  ["maximum", "maximum", 3.4, [9, 3, 2, 3]],
  ["rounding", "rounding", 2.2, [7, 4]],
  ["half_pixel", "half-pixel", 2.4, [2, 3]],
];
const STEPS_PER_CELL = 16;
// The share of a trace, at either end, that may lie beyond the limits of the error axis.
const RARE = 0.06;
const MARGIN = { left: 40, right: 14, top: 12, bottom: 36 };

/**
 * Limits of the error axis: whole multiples of half a stride that hold nearly all of every trace.
 *
 * Where a box reaches over the map's border a few places have errors of many cells. They would make
 * everything else flat, so what is beyond the limits is drawn on them.
 */
function errorRange(traces, stride, causes) {
  const unit = stride / 2;
  let [low, high] = causes === "all" ? [-unit, stride] : [-unit, unit];
  for (const trace of traces) {
    for (const name of causes === "all" ? ["total", ...CAUSES] : ["rounding"]) {
      const values = trace.map((point) => point[name]).sort((a, b) => a - b);
      const apart = Math.floor(values.length * RARE);
      if (values.length === 0) continue;
      low = Math.min(low, values[apart]);
      high = Math.max(high, values[values.length - 1 - apart]);
    }
  }
  return [Math.floor(low / unit + 1e-6) * unit, Math.ceil(high / unit - 1e-6) * unit];
}

/** The traces of all operations; the former ones, if only the box's place along the axis differs. */
export function traceAll(former, { roi, stride, bins, axis, causes }, { mapSize, sampling, row, column }) {
  const [x1, y1, x2, y2] = roi;
  const beside = axis === "x" ? y1 : x1;
  const of = JSON.stringify([x2 - x1, y2 - y1, beside, mapSize, stride, bins, sampling, row, column, axis, causes]);
  if (former.of === of) return former;
  const all = {};
  for (const name of Object.keys(OPERATIONS)) {
    all[name] = traceError(name, mapSize, roi, bins, stride, sampling, row, column, axis, stride / STEPS_PER_CELL, BEYOND);
  }
  return { of, all, range: errorRange(Object.values(all).map(onTheMap), stride, causes) };
}

/** The part of a trace where the box lies inside the map. */
const onTheMap = (trace) => trace.filter(({ position }) => position >= 0 && position <= trace[trace.length - 1].position - BEYOND);

/** Where a trace is drawn: from position and error to canvas pixels, and back. */
export function traceScales({ width, height }, trace, [low, high], margin = MARGIN) {
  const [w, h] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const first = trace[0].position;
  const length = trace[trace.length - 1].position - first || 1;
  return {
    x: (position) => margin.left + ((position - first) / length) * w,
    y: (error) => margin.top + ((high - Math.min(Math.max(error, low), high)) / (high - low)) * h,
    position: (x) => first + ((x - margin.left) / w) * length,
  };
}

/** Draw one operation's causes and whole error, and where the box stands now. */
export function drawTrace({ context, width, height }, trace, now, range, { axis, stride, causes, colors }) {
  const scales = traceScales({ width, height }, trace, range);
  const right = width - MARGIN.right;
  const last = trace[trace.length - 1].position;
  shadeBeyond(context, scales, [trace[0].position, 0, last - BEYOND, last], height, colors);
  drawAxes(context, scales, last, range, { axis, stride, colors, right, height });
  for (const [name, color, lineWidth, dash] of LINES) {
    if (causes !== "all" && name !== "rounding") continue;
    if (name !== "total" && trace.every((point) => Math.abs(point[name]) < 1e-9)) continue;
    drawLine(context, scales, trace, name, colors[color], lineWidth, dash);
  }
  const [x, y] = [scales.x(now.position), scales.y(causes === "all" ? now.total : now.rounding)];
  context.beginPath();
  context.moveTo(x, MARGIN.top);
  context.lineTo(x, height - MARGIN.bottom);
  context.strokeStyle = colors.muted;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.stroke();
  dot(context, x, y, 5.5, colors);
}

/** Grey, where a part of the box is beyond the map. */
function shadeBeyond(context, scales, [first, start, end, last], height, { line }) {
  context.fillStyle = line;
  context.globalAlpha = 0.45;
  for (const [from, to] of [[first, start], [end, last]]) {
    context.fillRect(scales.x(from), MARGIN.top, scales.x(to) - scales.x(from), height - MARGIN.top - MARGIN.bottom);
  }
  context.globalAlpha = 1;
}

/** A small picture of one cause, or of the whole error, for the choice of an operation. */
export function drawSpark({ context, width, height }, trace, name, now, range, colors) {
  const margin = { left: 2, right: 2, top: 6, bottom: 6 };
  const scales = traceScales({ width, height }, trace, range, margin);
  context.beginPath();
  context.moveTo(0, scales.y(0));
  context.lineTo(width, scales.y(0));
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.stroke();
  drawLine(context, scales, trace, name, colors.ink, 1.6, []);
  dot(context, scales.x(now.position), scales.y(now.error), 3.6, colors);
}

function drawAxes(context, scales, last, [low, high], { axis, stride, colors, right, height }) {
  context.font = "11px system-ui, sans-serif";
  context.setLineDash([]);
  let unit = stride / 2;
  while ((high - low) / unit > 7) unit *= 2;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let error = Math.ceil(low / unit) * unit; error <= high; error += unit) {
    const y = Math.round(scales.y(error)) + 0.5;
    context.beginPath();
    context.moveTo(MARGIN.left, y);
    context.lineTo(right, y);
    context.strokeStyle = error === 0 ? colors.ink : colors.line;
    context.lineWidth = error === 0 ? 1 : 0.8;
    context.stroke();
    context.fillStyle = colors.muted;
    context.fillText(show(error), MARGIN.left - 7, y);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  let step = stride;
  while (scales.x(step) - scales.x(0) < 34) step *= 2;
  for (let position = 0; position <= last; position += step) {
    const x = scales.x(position);
    context.fillRect(x, height - MARGIN.bottom, 1, 4);
    context.fillText(show(position), x, height - MARGIN.bottom + 6);
  }
  context.textAlign = "left";
  const edge = axis === "x" ? "left edge x1" : "upper edge y1";
  context.fillText(`${edge} of the box (image pixels)`, MARGIN.left, height - 13);
}

function drawLine(context, scales, trace, name, color, width, dash) {
  context.beginPath();
  let previous = null;
  for (const point of trace) {
    const [x, y] = [scales.x(point.position), scales.y(point[name])];
    // A rounded position jumps: lift the pen there.
    const jumps = previous && Math.abs(point[name] - previous[name]) > 4 * (point.position - previous.position);
    if (previous && !jumps) context.lineTo(x, y);
    else context.moveTo(x, y);
    previous = point;
  }
  strokePath(context, color, width, dash);
}

function dot(context, x, y, radius, colors) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colors.ink;
  context.strokeStyle = colors.surface;
  context.lineWidth = 2;
  context.fill();
  context.stroke();
}
