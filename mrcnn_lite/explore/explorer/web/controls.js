// The parts of the page around the pictures: choices, numbers with sliders, the table of causes.

import { CAUSES, OPERATIONS } from "./arithmetic.js";
import { NAMES, readNumber, show, showSigned } from "./settings.js";

// Each explorer in a notebook loads these modules for itself, so a count alone would give two of them
// the same names, and the radio buttons of both would be one group.
const OF_THIS_PAGE = crypto.getRandomValues(new Uint32Array(2)).join("-");
let numberOfParts = 0;

/** A name that no other element has, in this explorer or another one beside it. */
function uniqueName(name) {
  numberOfParts += 1;
  return `${name}-${OF_THIS_PAGE}-${numberOfParts}`;
}

/** Make an element: attributes, then children (nodes or texts). */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A choice of one among few, as radio buttons that look like one switch. */
export function makeChoice(legend, name, options, onChoose) {
  const group = uniqueName(name);
  const inputs = new Map();
  const labels = Object.entries(options).map(([value, content]) => {
    const input = make("input", { type: "radio", name: group, value, "data-choice": name, on: { change: () => onChoose(value) } });
    inputs.set(value, input);
    return make("label", {}, input, make("span", {}, ...[content].flat()));
  });
  const node = make("fieldset", { class: `choice ${name}` }, make("legend", {}, legend), make("div", {}, ...labels));
  const set = (value) => {
    inputs.get(String(value)).checked = true;
  };
  return { node, set };
}

/** A slider with its number field; `onChange(value)` gets numbers, `onError(text)` the rest. */
export function makeNumber(name, { whole = false, words = show, onChange, onError }) {
  const id = uniqueName("number");
  const slider = make("input", {
    type: "range", "data-slider": name, "aria-label": `${NAMES[name]}, slider`,
    on: { input: () => onChange(Number(slider.value)) },
  });
  const field = make("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", id, "data-field": name,
    on: { input: () => (typing = true), change: () => take(), keydown: (event) => step(event), blur: () => settle() },
  });
  let current = { value: 0, low: 0, high: 1 };
  let typing = false;
  const refuse = (text) => {
    field.setAttribute("aria-invalid", "true");
    onError(text);
  };
  const take = () => {
    typing = false;
    const { value, error } = readNumber(field.value, name, whole);
    if (error) refuse(error);
    else onChange(value);
  };
  const step = (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Escape") reset();
    // JupyterLab keeps the key from having its usual effect.
    if (event.key === "Enter") take();
    if (by === undefined) return;
    event.preventDefault();
    onChange(current.value + by);
  };
  const reset = () => {
    typing = false;
    field.removeAttribute("aria-invalid");
    field.value = show(current.value).replace("\u2212", "-");
  };
  // A refused text stays to be seen until the field is left.
  const settle = () => {
    typing = false;
    if (field.getAttribute("aria-invalid")) reset();
  };
  const set = (value, low, high) => {
    current = { value, low, high };
    [slider.min, slider.max, slider.step] = [low, high, 1];
    slider.value = value;
    slider.setAttribute("aria-valuetext", words(value));
    slider.style.setProperty("--share", `${(100 * (value - low)) / Math.max(high - low, 1e-9)}%`);
    if (!typing) reset();
  };
  const node = make("div", { class: "number" }, make("label", { for: id }, NAMES[name]), slider, field);
  return { node, set };
}

/** A switch that is on or off, with a note that says what it is about. */
export function makeSwitch(name, words, note, onChange) {
  const id = uniqueName(name);
  const input = make("input", { type: "checkbox", role: "switch", "data-switch": name, "aria-describedby": id, on: { change: () => onChange(input.checked) } });
  const node = make("div", { class: "switch" }, make("label", {}, input, words), make("p", { id }, note));
  const set = (on) => {
    input.checked = on;
  };
  return { node, set };
}

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
      row.bar.style.left = `${a}%`;
      row.bar.style.width = `${b - a}%`;
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
