// A panel: controls, figures that follow them, and a sentence. An anywidget, and a page's script.

import { make, makeChoice, makeNumber } from "../../web/elements.js";
import { limit, show } from "../../web/numbers.js";
import { fitViewport } from "../../web/viewport.js";
import { watchLooks } from "../../web/looks.js";
import { makeVoice } from "../../web/voice.js";
import { withRuler } from "./draw.js";
import { makeAnchors } from "./anchors.js";
import { makeLevels } from "./levels.js";
import { makeCompetition } from "./competition.js";
import { makePaste } from "./paste.js";
import { makeMove } from "./move.js";

const KINDS = { anchors: makeAnchors, levels: makeLevels, competition: makeCompetition, paste: makePaste, move: makeMove };
const COLORS = ["true-box", "cells-read", "ground-truth", "prediction", "before", "softmax", "ink", "muted", "line"];
const SAVE_EVERY_MS = 60;

/** The controls as [name, control], each with `node` and `set(value)`; `change(name, value, note)` gets what is set. */
function makeControls(specs, change, refuse) {
  return specs.map(({ name, label, options, low, high, step, unit }) => {
    if (options) {
      const values = Object.fromEntries(options.map(([text, value]) => [value, text]));
      const { node, set } = makeChoice(label, name, values, (value) => change(name, Number(value)));
      return [name, { node, set }];
    }
    const number = makeNumber(name, unit ? `${label} (${unit})` : label, {
      step, whole: Number.isInteger(step), onError: refuse,
      words: (value) => [show(value), unit].filter(Boolean).join(" "),
      onChange: (value) => {
        const kept = limit(value, [low, high], label);
        // Whole steps, without the dust of their sum.
        change(name, Number((Math.round(kept.value / step) * step).toFixed(6)), kept.note);
      },
    });
    return [name, { node: number.node, set: (value) => number.set(value, low, high) }];
  });
}

function render({ model, el }) {
  const [data, specs] = [model.get("data"), model.get("controls")];
  const kind = KINDS[model.get("kind")](data, specs);
  let values = { ...model.get("values") };
  const atTheBeginning = { ...values };

  // --- state ---------------------------------------------------------------------------------
  let [frame, saving] = [0, 0];
  const save = () => {
    saving = 0;
    model.save_changes();
  };
  /** Change values, draw soon, and tell the kernel, while a slider moves now and then. */
  const change = (changes, note = "") => {
    values = { ...values, ...changes };
    model.set("values", { ...values });
    voice.refuse(note);
    if (!saving) saving = setTimeout(save, SAVE_EVERY_MS);
    schedule();
  };
  const schedule = () => {
    if (!frame) frame = requestAnimationFrame(draw);
  };

  // --- parts ---------------------------------------------------------------------------------
  const controls = makeControls(specs, (name, value, note) => change({ [name]: value }, note), (text) => voice.refuse(text));
  const figures = Object.entries(kind.figures).map(([name, { area, ruler, shape }]) => {
    const canvas = make("canvas", { role: "img" });
    const box = make("div", { class: "picture" }, canvas);
    box.style.aspectRatio = `${area[2] - area[0]} / ${area[3] - area[1]}`;
    const title = make("figcaption");
    const node = make("figure", { class: shape, "data-figure": name }, title, box);
    return { name, area, ruler, canvas, title, node };
  });
  const legend = kind.legend.map(([key, text]) => ({ text, node: make("li", {}, make("i", { class: `key ${key}`, "aria-hidden": "true" }), typeof text === "string" ? text : "") }));
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const alert = make("p", { class: "alert", role: "alert" });
  const reset = make("button", { type: "button", "data-do": "reset", on: { click: () => change(atTheBeginning) } }, "Reset");
  const root = make("div", { class: "mrcnn-view mrcnn-panel", role: "group", "aria-label": model.get("label") },
    make("div", { class: "controls" }, ...controls.map(([, control]) => control.node), reset),
    alert,
    make("div", { class: "figures" }, ...figures.map((figure) => figure.node)),
    make("ul", { class: "legend", "aria-label": "What the lines and colours mean" }, ...legend.map((entry) => entry.node)),
    status);
  const voice = makeVoice({ status, alert });
  el.append(root);
  // JupyterLab takes keys for its own commands, unless the very element that has the focus says no.
  for (const node of root.querySelectorAll("input, button")) node.setAttribute("data-lm-suppress-shortcuts", "true");
  const picture = data.picture ? Object.assign(new Image(), { onload: schedule, src: data.picture }) : null;

  // --- drawing -----------------------------------------------------------------------------------
  const draw = () => {
    frame = 0;
    if (!root.isConnected || root.clientWidth === 0) return;
    // First what is asked of the page, then what is changed in it: so it is laid out once.
    const sizes = figures.map(({ canvas }) => canvas.getBoundingClientRect());
    const style = getComputedStyle(root);
    const colors = Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const loaded = picture?.complete && picture.naturalWidth > 0 ? picture : null;
    const computed = kind.compute(values, loaded);
    if (!computed) return;
    figures.forEach(({ name, area, ruler, canvas }, i) => {
      const view = fitViewport(canvas, sizes[i], ruler ? withRuler(area, sizes[i]) : area);
      kind.draw[name](view, computed, { values, picture: loaded, colors });
    });
    for (const [name, control] of controls) control.set(values[name]);
    const titles = kind.titles(computed, values);
    for (const { name, canvas, title } of figures) {
      title.textContent = titles[name];
      canvas.setAttribute("aria-label", titles[name]);
    }
    for (const { text, node } of legend) if (typeof text === "function") node.lastChild.textContent = text(computed);
    voice.say(kind.words(computed, values));
  };

  // --- life ----------------------------------------------------------------------------------------
  const onModel = () => {
    values = { ...model.get("values") };
    schedule();
  };
  model.on("change:values", onModel);
  const looks = watchLooks(root, schedule);
  schedule();
  return () => {
    model.off("change:values", onModel);
    for (const part of [looks, voice]) part.end();
    clearTimeout(saving);
    cancelAnimationFrame(frame);
    root.remove();
  };
}

export default { render };
