// What the explorer has beside its pictures: the table of causes, the operations, the legend.

import { make, makeChoice } from "../../web/elements.js";
import { showSigned } from "../../web/numbers.js";
import { CAUSES, OPERATIONS } from "./arithmetic.js";

/** The table of causes: each a bar that begins where the one before it ends. */
export function makeCauses() {
  const rows = new Map();
  const body = [...CAUSES, "total"].map((name) => {
    const bar = make("i", { class: `bar ${name}` });
    const [x, y] = ["x", "y"].map((axis) => make("td", { "data-value": `${name}-${axis}` }));
    rows.set(name, { bar, x, y });
    const words = name === "total" ? "whole error" : name.replace("_", " ");
    return make("tr", { class: name }, make("th", { scope: "row" }, make("i", { class: `swatch ${name}`, "aria-hidden": "true" }), words),
      make("td", { class: "track", "aria-hidden": "true" }, make("div", {}, bar)), x, y);
  });
  const heads = ["x", "y"].map((axis) => make("th", { scope: "col" }, `along ${axis}`));
  const along = make("th", { class: "along", "aria-hidden": "true" });
  const node = make("table", { class: "causes" },
    make("caption", {}, "How far it is moved, in image pixels"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "cause"), along, ...heads)),
    make("tbody", {}, ...body));
  const set = (error, axis, [low, high], causes) => {
    const share = (x) => (100 * (x - low)) / (high - low);
    along.textContent = `along ${axis}`;
    node.style.setProperty("--zero", `${share(0)}%`);
    let from = 0;
    for (const [name, row] of rows) {
      const value = error[axis][name];
      // Shown alone, rounding begins at zero, too.
      if (name === "total" || causes !== "all") from = 0;
      const [a, b] = [share(Math.min(from, from + value)), share(Math.max(from, from + value))];
      // Not moved but cut: no layout is asked for, not even by the transition.
      row.bar.style.clipPath = `inset(0 ${100 - b}% 0 ${a}% round 2px)`;
      row.bar.classList.toggle("none", Math.abs(value) < 1e-9);
      from += value;
      row.x.textContent = showSigned(error.x[name]);
      row.y.textContent = showSigned(error.y[name]);
      row.x.classList.toggle("current", axis === "x");
      row.y.classList.toggle("current", axis === "y");
    }
  };
  return { node, set };
}

const WAYS = {
  pool: "rounds, then takes the largest",
  warp: "rounds, then interpolates",
  align_unaligned: "half a cell off",
  align: "never rounds",
};

/** The four operations, each with a small picture of its error and its value now. */
export function makeOperations(onChoose) {
  const parts = new Map();
  const options = Object.fromEntries(Object.entries(OPERATIONS).map(([name, { label }]) => {
    const [title, note] = label.split(", ");
    const value = make("data", { "data-error": name });
    const canvas = make("canvas", { class: "spark", "aria-hidden": "true" });
    const given = make("canvas", { class: "given", "aria-hidden": "true" });
    parts.set(name, { value, canvas, given });
    return [name, [given, make("b", {}, title), value, make("small", {}, [note, WAYS[name]].filter(Boolean).join(": ")), canvas]];
  }));
  return { ...makeChoice("Operation", "operation", options, onChoose), parts };
}

/** What each line and colour in the scene means. */
export function makeLegend() {
  const entry = (kind, text) => make("li", { class: kind }, make("i", { class: `key ${kind}`, "aria-hidden": "true" }), text);
  const entries = {
    true: entry("true-box", "true box"),
    quantised: entry("quantised-box", "quantised box"),
    bins: entry("bins", "bins"),
    cells: entry("cells-read", "cells read, by weight"),
    points: entry("points", "sample points"),
  };
  const node = make("ul", { class: "legend", "aria-label": "What the lines and colours mean" }, ...Object.values(entries));
  const set = (operation) => {
    entries.quantised.hidden = operation === "align";
    entries.quantised.lastChild.textContent = operation === "align_unaligned" ? "box that is read" : "quantised box";
    entries.points.hidden = operation === "pool";
  };
  return { node, set };
}
