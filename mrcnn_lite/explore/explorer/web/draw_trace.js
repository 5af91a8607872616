// The error against the box's position: the sawtooth, the constant, the zero.

import { show } from "../../web/numbers.js";
import { strokePath } from "../../web/viewport.js";
import { CAUSES, traceErrors } from "./arithmetic.js";
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
function errorRange({ positions, errors }, stride, causes) {
  const unit = stride / 2;
  let [low, high] = causes === "all" ? [-unit, stride] : [-unit, unit];
  const last = positions[positions.length - 1] - BEYOND;
  for (const traces of Object.values(errors)) {
    for (const name of causes === "all" ? ["total", ...CAUSES] : ["rounding"]) {
      // Where the box lies inside the map.
      const inside = traces[name].filter((_, i) => positions[i] >= 0 && positions[i] <= last);
      const apart = Math.floor(inside.length * RARE);
      const [below, above] = [inside.filter((error) => error < low).sort(), inside.filter((error) => error > high).sort()];
      if (below.length > apart) low = below[apart];
      if (above.length > apart) high = above[above.length - 1 - apart];
    }
  }
  return [Math.floor(low / unit + 1e-6) * unit, Math.ceil(high / unit - 1e-6) * unit];
}

/** The traces of all operations; the former ones, if only the box's place differs, and not what they say. */
export function traceAll(former, { roi, stride, axis, causes }, { axes, steps }) {
  const size = axis === "x" ? roi[2] - roi[0] : roi[3] - roi[1];
  const across = steps[axis === "x" ? "y" : "x"];
  // Of the place along the other axis only these matter: all 1, unless the box leaves the map.
  const weights = [across.reference, across.shifted, ...Object.values(across.own)].map(([{ weight }]) => weight.toFixed(9));
  const of = JSON.stringify([size, axis, axes[axis], weights, causes]);
  if (former.of === of) return former;
  const traces = traceErrors(size, axes[axis], across, stride / STEPS_PER_CELL, BEYOND);
  return { of, ...traces, range: errorRange(traces, stride, causes) };
}

/** Where traces are drawn: from position and error to canvas pixels, and back. */
export function traceScales({ width, height }, positions, [low, high], margin = MARGIN) {
  const [w, h] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const first = positions[0];
  const length = positions[positions.length - 1] - first || 1;
  return {
    x: (position) => margin.left + ((position - first) / length) * w,
    y: (error) => margin.top + ((high - Math.min(Math.max(error, low), high)) / (high - low)) * h,
    position: (x) => first + ((x - margin.left) / w) * length,
  };
}

/** Draw one operation's causes and whole error, and where the box stands now. */
export function drawTrace({ context, width, height }, scales, { positions, errors, range }, operation, now, { axis, stride, causes, colors }) {
  const right = width - MARGIN.right;
  const last = positions[positions.length - 1];
  shadeBeyond(context, scales, [positions[0], 0, last - BEYOND, last], height, colors);
  drawAxes(context, scales, last, range, { axis, stride, colors, right, height });
  for (const [name, color, lineWidth, dash] of LINES) {
    if (causes !== "all" && name !== "rounding") continue;
    const trace = errors[operation][name];
    if (name !== "total" && trace.every((error) => Math.abs(error) < 1e-9)) continue;
    drawLine(context, scales, positions, trace, colors[color], lineWidth, dash);
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
export function drawSpark({ context, width, height }, { positions, range }, trace, now, colors) {
  const margin = { left: 2, right: 2, top: 6, bottom: 6 };
  const scales = traceScales({ width, height }, positions, range, margin);
  context.beginPath();
  context.moveTo(0, scales.y(0));
  context.lineTo(width, scales.y(0));
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.stroke();
  drawLine(context, scales, positions, trace, colors.ink, 1.6, []);
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

function drawLine(context, scales, positions, trace, color, width, dash) {
  const heights = trace.map(scales.y);
  // A rounded position jumps: lift the pen there.
  const jumps = (i) => Math.abs(trace[i] - trace[i - 1]) > 4 * (positions[i] - positions[i - 1]);
  context.beginPath();
  for (let i = 0; i < trace.length; i++) {
    const starts = i === 0 || jumps(i);
    const ends = i + 1 === trace.length || jumps(i + 1);
    // What lies on the line between its neighbours adds nothing but time.
    if (!starts && !ends && Math.abs(heights[i - 1] - 2 * heights[i] + heights[i + 1]) < 1e-9) continue;
    if (starts) context.moveTo(scales.x(positions[i]), heights[i]);
    else context.lineTo(scales.x(positions[i]), heights[i]);
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
