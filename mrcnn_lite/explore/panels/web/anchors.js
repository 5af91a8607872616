// Anchors of one level, and what non-maximum suppression leaves of their proposals.

import { show } from "../../web/numbers.js";
import { unpack } from "../../web/packed.js";
import { INK, outline, placeIn, rectangleIn } from "../../web/viewport.js";
import { suppress } from "./compute.js";
import { drawImage, figureOfImage } from "./draw.js";

const boxAt = (boxes, i) => Array.from(boxes.slice(4 * i, 4 * i + 4));

/** The higher the score the stronger; the best lie on top. */
function drawScored(view, { boxes, scores }, indices, color) {
  const { context } = view;
  const rectangle = rectangleIn(view);
  context.strokeStyle = color;
  context.setLineDash([6, 3]);
  for (const i of [...indices].sort((a, b) => scores[a] - scores[b])) {
    context.globalAlpha = 0.5 + 0.5 * scores[i];
    context.lineWidth = 1 + 1.6 * scores[i];
    context.strokeRect(...rectangle(boxAt(boxes, i)));
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The panel's figures, and how they follow the level and the threshold. */
export function makeAnchors(data) {
  const levels = data.levels.map((level) =>
    Object.fromEntries(["anchors", "boxes", "scores"].map((name) => [name, unpack(level[name])])));
  const figure = figureOfImage(data.size);
  const image = (view, { picture, colors }) => drawImage(view, picture, data.size, colors);
  return {
    figures: { cell: figure, candidates: figure, kept: figure },
    legend: [["dotted", "anchor"], ["cells-read dot", "middle of its cell"], ["predicted", "candidate, the stronger the higher its score"]],
    compute: ({ level, threshold }) => {
      const found = levels[level];
      return { ...found, all: Array.from(found.scores.keys()), kept: suppress(found.boxes, found.scores, threshold) };
    },
    draw: {
      cell: (view, found, scene) => {
        image(view, scene);
        for (let i = 0; i < found.anchors.length / 4; i++) {
          outline(view.context, rectangleIn(view)(boxAt(found.anchors, i)), INK, 1.6, [1.6, 3]);
        }
        const [x1, y1, x2, y2] = boxAt(found.anchors, 0);
        const [x, y] = placeIn(view)((x1 + x2) / 2, (y1 + y2) / 2);
        view.context.beginPath();
        view.context.arc(x, y, 4.5, 0, 2 * Math.PI);
        view.context.fillStyle = scene.colors["cells-read"];
        view.context.fill();
      },
      candidates: (view, found, scene) => {
        image(view, scene);
        drawScored(view, found, found.all, scene.colors.prediction);
      },
      kept: (view, found, scene) => {
        image(view, scene);
        drawScored(view, found, found.kept, scene.colors.prediction);
      },
    },
    titles: (found, { threshold }) => ({
      cell: "The anchors of one cell",
      candidates: `The ${found.all.length} best candidates`,
      kept: `Kept at an IoU of ${show(threshold)}: ${found.kept.length}`,
    }),
    words: (found, { level, threshold }) =>
      `Level ${level}: of the ${found.all.length} best candidates ${found.kept.length} are kept, ` +
      `those whose IoU with every better one that is kept is at most ${show(threshold)}.`,
  };
}
