// What the network is given: the feature of the box, as each operation computes it, in colours.

import { readBox, roiFeature } from "./arithmetic.js";
import { asPicture } from "./pictures.js";

/** Draw an operation's feature of the box over the whole canvas, a bin for each of its squares. */
export function drawGiven({ context, width, height }, operation, features, settings, { mapSize, sampling }) {
  const { roi, bins, stride } = settings;
  const read = readBox(operation, mapSize, roi, bins, stride, sampling);
  const values = roiFeature(read, features);
  context.imageSmoothingEnabled = false;
  context.drawImage(asPicture({ rows: bins, columns: bins, values }), 0, 0, width, height);
}

/** Draw what is truly in the box: the picture's part, as large. */
export function drawTruth({ context, width, height }, picture, [x1, y1, x2, y2], [sceneHeight, sceneWidth]) {
  const [across, down] = [picture.naturalWidth / sceneWidth, picture.naturalHeight / sceneHeight];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x1 * across, y1 * down, (x2 - x1) * across, (y2 - y1) * down, 0, 0, width, height);
}
