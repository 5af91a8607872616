// A part of an image on a canvas, and what is drawn over any image: ruler, grid, outlines.

export const HALO = "rgba(255, 255, 255, 0.85)";
export const INK = "#111111";

/**
 * A viewport on a canvas of { width, height } in pixels of the page: scene pixel (x, y) is drawn at
 * ((x - left) * zoom, (y - top) * zoom). The size is handed in, since to ask for it between two
 * changes of the page would make the browser lay it out anew.
 */
export function fitViewport(canvas, { width, height }, [left, top, right, bottom]) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const zoom = Math.min(width / (right - left), height / (bottom - top));
  // Centred, where the proportions differ.
  return {
    context, width, height, zoom, ratio,
    left: left - (width / zoom - (right - left)) / 2,
    top: top - (height / zoom - (bottom - top)) / 2,
  };
}

/** A function from image pixels to the canvas's, and one for whole boxes. */
export const placeIn = ({ left, top, zoom }) => (x, y) => [(x - left) * zoom, (y - top) * zoom];
export const rectangleIn = ({ left, top, zoom }) => ([x1, y1, x2, y2]) =>
  [(x1 - left) * zoom, (y1 - top) * zoom, (x2 - x1) * zoom, (y2 - y1) * zoom];

/** The image's pixels along its lower and left edge. */
export function drawRuler(view, [height, width], colors) {
  const { context, zoom } = view;
  const place = placeIn(view);
  context.fillStyle = colors.muted;
  context.font = "11px system-ui, sans-serif";
  if (!(zoom > 0)) return;
  let step = 32;
  while (zoom * step < 34) step *= 2;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let x = 0; x <= width; x += step) {
    const [px, py] = place(x, height);
    context.fillText(`${x}`, px, py + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let y = 0; y <= height; y += step) {
    const [px, py] = place(0, y);
    context.fillText(`${y}`, px - 6, py);
  }
}

/** The edges of the feature cells of a map of [rows, columns]. */
export function drawGrid(view, [rows, columns], stride) {
  const { context } = view;
  const place = placeIn(view);
  context.beginPath();
  for (let j = 0; j <= columns; j++) {
    context.moveTo(...place(j * stride, 0));
    context.lineTo(...place(j * stride, rows * stride));
  }
  for (let i = 0; i <= rows; i++) {
    context.moveTo(...place(0, i * stride));
    context.lineTo(...place(columns * stride, i * stride));
  }
  context.strokeStyle = "rgba(40, 44, 52, 0.55)";
  // Close lines would cover the picture.
  context.lineWidth = Math.min(1, (stride * view.zoom) / 24);
  context.stroke();
}

/** Outline a rectangle of the canvas, with a light edge around the line. */
export function outline(context, [x, y, width, height], color, lineWidth, dash, halo = 1.8) {
  context.setLineDash([]);
  context.strokeStyle = HALO;
  context.lineWidth = lineWidth + halo;
  context.strokeRect(x, y, width, height);
  context.setLineDash(dash);
  context.strokeStyle = color;
  context.lineWidth = lineWidth;
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
}

/** Stroke the path that was begun, with round joins. */
export function strokePath(context, color, width, dash = []) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}
