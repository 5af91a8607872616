// An object that moves by a pixel at a time, and what each RoI operation reads of it.

import { outline, drawGrid, rectangleIn } from "../../web/viewport.js";
import { OPERATIONS } from "../../explorer/web/arithmetic.js";
import { moveObject } from "./compute.js";
import { drawImage, drawSquares, figureOfImage } from "./draw.js";

/** A picture's colours in 0..1, three for each pixel, as the package has them in float32. */
function coloursOf(picture, [height, width]) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const values = Float64Array.from({ length: height * width * 3 }, (_, i) => Math.fround(data[4 * Math.floor(i / 3) + (i % 3)] / 255));
  return { values, width };
}

/** The panel's figures, and how they follow the shift, the stride and the bins. */
export function makeMove(data) {
  const { window: side, top, largest_shift: largest } = data;
  const names = Object.keys(OPERATIONS);
  const labels = names.map((name) => OPERATIONS[name].label);
  const small = { area: [0, 0, 1, 1], shape: "given" };
  let colours = null;
  return {
    figures: { scene: figureOfImage([side, side]), ...Object.fromEntries(names.map((name) => [name, small])) },
    legend: [["true-box", "the box, which moves with the object"], ["grid", "feature cells"]],
    compute: ({ shift, stride, bins }, picture) => {
      if (!picture) return null;
      colours ??= coloursOf(picture, data.size);
      return moveObject(colours, data, shift, stride, bins);
    },
    draw: {
      scene: (view, { box }, { values: { shift, stride }, picture, colors }) => {
        drawImage(view, picture, [side, side], colors, [largest - shift, top, side, side]);
        drawGrid(view, [side / stride, side / stride], stride);
        outline(view.context, rectangleIn(view)(box), colors["true-box"], 2.2, []);
      },
      ...Object.fromEntries(names.map((name) => [name, (view, { read }, { values: { bins } }) =>
        drawSquares(view, bins, bins, (i) => [0, 1, 2].map((c) => 255 * read[name][3 * i + c]), [0, 0, 1, 1])])),
    },
    titles: ({ change }, { stride }) => ({
      scene: `The scene, stride ${stride}`,
      ...Object.fromEntries(names.map((name, i) => [name, `${labels[i]}: change ${change[name].toFixed(3)}`])),
    }),
    words: ({ change }, { shift }) =>
      `Moved by ${shift} pixels, the features change by ` +
      `${names.map((name, i) => `${change[name].toFixed(3)} with ${labels[i]}`).join("; ")}.`,
  };
}
