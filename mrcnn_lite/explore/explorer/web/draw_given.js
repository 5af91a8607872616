// What the network is given: the feature of the box, as each operation computes it, in colours.

import { readsSomething, roiFeature } from "./arithmetic.js";
import { asPicture } from "./pictures.js";

// A pixel for each bin, for one feature after the other: to make a canvas takes longer than to fill it.
const pixelsOfBins = new OffscreenCanvas(1, 1);

/** Draw an operation's feature of the box over the whole canvas, a bin for each of its squares. */
export function drawGiven({ context, width, height }, read, features) {
  const bins = read.x.bins.length;
  const values = roiFeature(read, features);
  context.imageSmoothingEnabled = false;
  context.drawImage(asPicture({ rows: bins, columns: bins, values }, pixelsOfBins), 0, 0, width, height);
  crossOut(context, read, width / bins, height / bins);
}

/** A stroke through every bin that reads nothing: its 0 is no black of the picture. */
function crossOut(context, { x, y }, width, height) {
  const [columns, rows] = [x, y].map(({ bins }) => bins.map(readsSomething));
  context.beginPath();
  rows.forEach((inRow, p) => columns.forEach((inColumn, q) => {
    if (inRow && inColumn) return;
    context.moveTo(q * width, (p + 1) * height);
    context.lineTo((q + 1) * width, p * height);
  }));
  context.strokeStyle = "#8a919c";
  context.lineWidth = 1;
  context.stroke();
}

/** Draw what is truly in the box: the picture's part, as large. */
export function drawTruth({ context, width, height }, picture, [x1, y1, x2, y2], [sceneHeight, sceneWidth]) {
  const [across, down] = [picture.naturalWidth / sceneWidth, picture.naturalHeight / sceneHeight];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x1 * across, y1 * down, (x2 - x1) * across, (y2 - y1) * down, 0, 0, width, height);
}
