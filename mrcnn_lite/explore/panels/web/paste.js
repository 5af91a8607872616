// From a small mask to the image's pixels: paste it, and cut it at a threshold.

import { show } from "../../web/numbers.js";
import { unpack } from "../../web/packed.js";
import { HALO, outline, placeIn, rectangleIn } from "../../web/viewport.js";
import { cutAndCompare, pasteMask } from "./compute.js";
import { drawImage, drawProbabilities, drawSquares, figureOfImage } from "./draw.js";

/** The border of the pixels for which `inside(y, x)` is true, as one path. */
function traceBorder(view, [height, width], inside) {
  const place = placeIn(view);
  view.context.beginPath();
  const edge = (from, to) => {
    view.context.moveTo(...place(...from));
    view.context.lineTo(...place(...to));
  };
  for (let y = 0; y <= height; y++) for (let x = 0; x <= width; x++) {
    if (inside(y, x) !== inside(y - 1, x)) edge([x, y], [x + 1, y]);
    if (inside(y, x) !== inside(y, x - 1)) edge([x, y], [x, y + 1]);
  }
}

/** [red, green, blue] of a colour such as #aabbcc. */
const asBytes = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));

/** The panel's figures, and how they follow the threshold. */
export function makePaste(data) {
  const { size, box } = data;
  const [small, truth, side] = [unpack(data.small), unpack(data.truth), data.small.shape[0]];
  const pasted = pasteMask(small, side, box, size);
  const figure = figureOfImage(size);
  return {
    // Beside images with rulers, and as large.
    figures: { small: { area: [0, 0, side, side], ruler: true }, pasted: figure, overlap: figure },
    legend: [
      ["predicted", "box, and outline of the mask"],
      ["ground-truth square", ({ counts }) => `only in the truth: ${counts[1]} pixels`],
      ["predicted square", ({ counts }) => `only in the prediction: ${counts[2]} pixels`],
      ["black square", ({ counts }) => `in both: ${counts[3]} pixels`],
    ],
    compute: ({ threshold }) => cutAndCompare(pasted, truth, threshold),
    draw: {
      small: (view) => drawProbabilities(view, small, side),
      pasted: (view, { where }, { picture, colors }) => {
        drawImage(view, picture, size, colors);
        const inside = (y, x) => y >= 0 && x >= 0 && y < size[0] && x < size[1] && where[y * size[1] + x] >= 2;
        for (const [color, width] of [[HALO, 4], [colors.prediction, 2.2]]) {
          traceBorder(view, size, inside);
          view.context.strokeStyle = color;
          view.context.lineWidth = width;
          view.context.stroke();
        }
        outline(view.context, rectangleIn(view)(box), colors.prediction, 1.6, [6, 3]);
      },
      overlap: (view, { where }, { colors }) => {
        const shades = [[255, 255, 255], asBytes(colors["ground-truth"]), asBytes(colors.prediction), [0, 0, 0]];
        drawSquares(view, ...size, (i) => shades[where[i]]);
        drawImage(view, null, size, colors);
        outline(view.context, rectangleIn(view)([0, 0, size[1], size[0]]), colors.line, 1, [], 0);
      },
    },
    titles: ({ iou }, { threshold }) => ({
      small: `${side} \u00d7 ${side} probabilities`,
      pasted: `Pasted, above ${show(threshold)}`,
      overlap: `IoU with the truth: ${show(iou, 2)}`,
    }),
    words: ({ counts, iou }, { threshold }) =>
      `Above ${show(threshold)} the mask has ${counts[2] + counts[3]} pixels, ${counts[2]} of them not in the truth; ` +
      `${counts[1]} of the truth are missing. IoU ${show(iou, 2)}.`,
  };
}
