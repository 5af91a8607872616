// What several panels draw: pictures with a ruler, maps of numbers, lines over axes.

import { drawRuler, rectangleIn, strokePath } from "../../web/viewport.js";

const MARGIN = { left: 34, right: 16, top: 10, bottom: 36 };
// Around an image, for the numbers of its ruler; in pixels of the page.
const RULER = { left: 28, right: 12, top: 8, bottom: 22 };

/** The figure of an image of [height, width] pixels with its ruler. */
export const figureOfImage = ([height, width]) => ({ area: [0, 0, width, height], ruler: true });

/** An area, enlarged so that on a canvas of { width, height } there is room for a ruler beside it. */
export function withRuler([left, top, right, bottom], { width, height }) {
  const across = (width - RULER.left - RULER.right) / (right - left);
  const down = (height - RULER.top - RULER.bottom) / (bottom - top);
  const zoom = Math.max(Math.min(across, down), 1e-6);
  return [left - RULER.left / zoom, top - RULER.top / zoom, right + RULER.right / zoom, bottom + RULER.bottom / zoom];
}

/** Draw an image of [height, width] pixels with its ruler; `part` is what is shown of the picture. */
export function drawImage(view, picture, size, colors, part = null) {
  const { context } = view;
  const whole = rectangleIn(view)([0, 0, size[1], size[0]]);
  context.imageSmoothingQuality = "high";
  if (picture && part) context.drawImage(picture, ...part, ...whole);
  else if (picture) context.drawImage(picture, ...whole);
  drawRuler(view, size, colors);
}

/** Fill an area of the view with rows x columns squares; `colour(i)` gives [red, green, blue] in 0..255. */
export function drawSquares(view, rows, columns, colour, [x1, y1, x2, y2] = [0, 0, columns, rows]) {
  const pixels = new Uint8ClampedArray(rows * columns * 4).fill(255);
  for (let i = 0; i < rows * columns; i++) pixels.set(colour(i), 4 * i);
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext("2d").putImageData(new ImageData(pixels, columns, rows), 0, 0);
  view.context.imageSmoothingEnabled = false;
  view.context.drawImage(canvas, ...rectangleIn(view)([x1, y1, x2, y2]));
  view.context.imageSmoothingEnabled = true;
}

/** A map of probabilities, black for 0 and white for 1. */
export function drawProbabilities(view, values, side) {
  drawSquares(view, side, side, (i) => Array(3).fill(255 * values[i]));
}

/**
 * Draw axes over the whole view. `x` and `y` are { at, ticks }: `at(value)` in 0..1, and ticks as
 * [value, text]; `label` says what x is. Returns a function from values to places on the canvas.
 */
export function drawAxes({ context, width, height }, { x, y, label }, colors) {
  const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  const place = (a, b) => [MARGIN.left + x.at(a) * w, MARGIN.top + (1 - y.at(b)) * h];
  context.font = "11px system-ui, sans-serif";
  context.strokeStyle = colors.line;
  context.fillStyle = colors.muted;
  context.lineWidth = 0.8;
  context.setLineDash([]);
  context.beginPath();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of y.ticks) {
    const at = MARGIN.top + (1 - y.at(value)) * h;
    context.moveTo(MARGIN.left, at);
    context.lineTo(MARGIN.left + w, at);
    context.fillText(text, MARGIN.left - 6, at);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [value, text] of x.ticks) {
    const at = MARGIN.left + x.at(value) * w;
    context.moveTo(at, MARGIN.top);
    context.lineTo(at, MARGIN.top + h);
    context.fillText(text, at, MARGIN.top + h + 5);
  }
  context.stroke();
  context.fillText(label, MARGIN.left + w / 2, height - 14);
  return place;
}

/** Draw a line through places of the canvas. */
export function drawLine(context, places, color, width, dash = []) {
  context.beginPath();
  places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  strokePath(context, color, width, dash);
}

/** Draw a filled mark with a light edge, round or square, at a place of the canvas. */
export function drawMark(context, [x, y], color, square = false) {
  context.beginPath();
  if (square) context.rect(x - 5.5, y - 5.5, 11, 11);
  else context.arc(x, y, 4.5, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.strokeStyle = "#ffffff";
  context.lineWidth = 1.6;
  context.fill();
  context.stroke();
}
