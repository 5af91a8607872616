// Which pyramid level a box is read from, against its size.

import { show } from "../../web/numbers.js";
import { drawGrid, outline, rectangleIn } from "../../web/viewport.js";
import { assignLevel } from "./compute.js";
import { drawAxes, drawImage, drawLine, drawMark, figureOfImage } from "./draw.js";

const SMALLEST_TICK = 8;

/** The panel's figures, and how they follow the size of the box. */
export function makeLevels(data) {
  const { size: imageSize, rule, sizes } = data;
  const of = (size) => assignLevel(size, size, rule);
  const levels = Array.from({ length: rule.coarsest - rule.finest + 1 }, (_, i) => rule.finest + i);
  const largest = sizes[sizes.length - 1];
  const share = (size) => Math.log2(size / SMALLEST_TICK) / Math.log2(largest / SMALLEST_TICK);
  const ticks = [];
  for (let size = SMALLEST_TICK; size <= largest; size *= 2) ticks.push([size, String(size)]);
  const axes = {
    x: { at: share, ticks },
    y: { at: (level) => (level - rule.finest + 0.3) / (levels.length - 0.4), ticks: levels.map((level) => [level, `P${level}`]) },
    label: "size of the box (root of its area, image pixels)",
  };
  return {
    figures: { box: figureOfImage(imageSize), rule: { area: [0, 0, 1.6, 1], shape: "wide" } },
    legend: [["true-box", "the box"], ["grid", "cells of its level"], ["ink", "level of a box of each size"]],
    compute: ({ size }) => {
      const [height, width] = imageSize;
      const box = [width - size, height - size, width + size, height + size].map((edge) => edge / 2);
      return { box, level: of(size), levels: sizes.map(of) };
    },
    draw: {
      box: (view, { box, level }, { picture, colors }) => {
        drawImage(view, picture, imageSize, colors);
        const stride = 2 ** level;
        drawGrid(view, imageSize.map((length) => Math.floor(length / stride)), stride);
        outline(view.context, rectangleIn(view)(box), colors["true-box"], 2.6, []);
      },
      rule: (view, found, { values, colors }) => {
        const place = drawAxes(view, axes, colors);
        // As steps: a size has its level up to the next one.
        const steps = sizes.flatMap((size, i) => [[size, found.levels[Math.max(i - 1, 0)]], [size, found.levels[i]]]);
        drawLine(view.context, steps.map(([size, level]) => place(size, level)), colors.ink, 2);
        drawMark(view.context, place(values.size, found.level), colors["true-box"], true);
      },
    },
    titles: ({ level }, { size }) => ({
      box: `Level P${level}: stride ${2 ** level}`,
      rule: `${size} pixels are ${show(size / 2 ** level, 1)} cells`,
    }),
    words: ({ level }, { size }) =>
      `A box of ${size} pixels is read from level P${level}, at stride ${2 ** level}: there it is ${show(size / 2 ** level, 1)} cells wide.`,
  };
}
