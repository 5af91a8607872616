// Sigmoid against softmax inside one RoI: whether one class's mask depends on another's logits.

import { showSigned } from "../../web/numbers.js";
import { unpack } from "../../web/packed.js";
import { compete } from "./compute.js";
import { drawAxes, drawLine, drawProbabilities } from "./draw.js";

const LINES = [
  ["before", "before", 2, [2, 3]],
  ["softmax", "softmax", 2.4, []],
  ["sigmoid", "prediction", 2.4, [7, 4]],
];
const HALF = 0.5;

/** The panel's figures, and how they follow the rival and what is added to its logits. */
export function makeCompetition(data, controls) {
  const logits = unpack(data.logits);
  const [classes, side] = data.logits.shape;
  const names = new Map(controls.find(({ name }) => name === "rival").options.map(([name, number]) => [number, name]));
  const fractions = [0, 0.25, 0.5, 0.75, 1];
  const step = Math.max(1, Math.round(side / 5));
  const columns = Array.from({ length: Math.ceil(side / step) }, (_, i) => i * step);
  const axes = {
    x: { at: (column) => column / Math.max(side - 1, 1), ticks: columns.map((column) => [column, String(column)]) },
    y: { at: (probability) => 0.02 + 0.96 * probability, ticks: fractions.map((fraction) => [fraction, String(fraction)]) },
    label: "column of the middle row",
  };
  const small = { area: [0, 0, side, side], shape: "map" };
  const above = (mask) => mask.filter((probability) => probability > HALF).length;
  const map = (name) => (view, found) => drawProbabilities(view, found[name], side);
  return {
    figures: { rival: small, sigmoid: small, softmax: small, row: { area: [0, 0, 1.35, 1], shape: "wide" } },
    legend: [["before", "softmax, before"], ["softmax", "softmax"], ["predicted", "sigmoid"]],
    compute: ({ rival, boost }) => compete(logits, [classes, side], data.of, rival, boost),
    draw: {
      rival: map("rival"),
      sigmoid: map("sigmoid"),
      softmax: map("softmax"),
      row: (view, found, { colors }) => {
        const place = drawAxes(view, axes, colors);
        const first = Math.floor(side / 2) * side;
        for (const [name, color, width, dash] of LINES) {
          const row = Array.from(found[name].slice(first, first + side));
          drawLine(view.context, row.map((probability, column) => place(column, probability)), colors[color], width, dash);
        }
      },
    },
    titles: (found, { rival }) => ({
      rival: `Rival: ${names.get(rival)} (sigmoid)`,
      sigmoid: `${data.name}: sigmoid`,
      softmax: `${data.name}: softmax`,
      row: `Probability of ${data.name}`,
    }),
    words: (found, { rival, boost }) =>
      `With ${showSigned(boost)} on the logits of ${names.get(rival)}, the mask of ${data.name} has ` +
      `${above(found.sigmoid)} cells above a half by sigmoid and ${above(found.softmax)} by softmax; ` +
      `before, ${above(found.before)} by softmax.`,
  };
}
