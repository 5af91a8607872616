// What the explorer consists of, made once: pictures, choices, numbers and words.

import { make, makeChoice, makeNumber, makeSwitch } from "../../web/elements.js";
import { limit, show } from "../../web/numbers.js";
import { LIMITS, NAMES, STRIDES, changeBox, followedBin } from "./settings.js";
import { makeCauses, makeLegend, makeOperations } from "./controls.js";

/**
 * Make the parts. `change(changes, { note, dragging })` changes settings, `refuse(text)` answers what
 * cannot be taken, `reset()` returns to the beginning, and `take(file)` gets the reader's own picture.
 *
 * Returns the parts by name; `root` holds all of them.
 */
export function makeParts({ settings, change, refuse, reset, take }) {
  const operations = makeOperations((operation) => change({ operation }));
  const stride = makeChoice("Stride (image pixels per cell)", "stride", Object.fromEntries(STRIDES.map((s) => [s, String(s)])),
    (value) => change({ stride: Number(value) }));
  const axis = makeChoice("Axis", "axis", { x: "x", y: "y" }, (value) => change({ axis: value }));
  const view = makeChoice("Scene shows", "view", { picture: "picture", features: "features" }, (value) => change({ view: value }));
  const more = makeSwitch("causes", "More: half pixel and maximum",
    "Half pixel: a cell's value is taken to stand at its edge, not its centre; half a stride, always (aligned=False). Maximum: on a ramp the largest cell lies beyond the bin's middle; a ramp's doing.",
    (on) => change({ causes: on ? "all" : "rounding" }));
  const box = Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, makeNumber(name, NAMES[name], {
    words: (value) => `${show(value)} pixels`, onError: refuse,
    onChange: (value) => {
      const { roi, note } = changeBox(settings.roi, name, value, settings.scene_size);
      change({ roi }, { note, dragging: !note });
    },
  })]));
  const whole = Object.fromEntries(["bins", "sampling_ratio"].map((name) => [name, makeNumber(name, NAMES[name], {
    whole: true, onError: refuse,
    words: (value) => (name === "sampling_ratio" && value === 0 ? "automatic: one per cell" : show(value)),
    onChange: (value) => {
      const kept = limit(value, LIMITS[name], NAMES[name]);
      const bin = name === "bins" && settings.bin?.some((i) => i >= kept.value) ? { bin: null } : {};
      change({ [name]: kept.value, ...bin }, { note: kept.note });
    },
  })]));
  const bin = Object.fromEntries(["row", "column"].map((name, i) => [name, makeNumber(name, NAMES[name], {
    whole: true, onError: refuse,
    onChange: (value) => {
      const kept = limit(value, [0, settings.bins - 1], NAMES[name]);
      const followed = [...followedBin(settings)];
      followed[i] = kept.value;
      change({ bin: followed }, { note: kept.note });
    },
  })]));
  const [causes, legend] = [makeCauses(), makeLegend()];
  const sceneCanvas = make("canvas", { role: "img" });
  const sceneBox = make("div", { class: "scene" }, sceneCanvas);
  const beyond = make("p", { class: "beyond" });
  const binCanvas = make("canvas", { role: "img" });
  const truthCanvas = make("canvas", { role: "img", class: "given", "aria-label": "What is in the box" });
  const traceCanvas = make("canvas", { role: "img" });
  const traceTitle = make("h2", { class: "trace-title" });
  const edges = [make("li"), make("li")];
  const binTitle = make("h2", {});
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const alert = make("p", { class: "alert", role: "alert" });
  const slideButton = make("button", { type: "button", "data-do": "slide" });
  const resetButton = make("button", { type: "button", "data-do": "reset", on: { click: reset } }, "Reset");
  const chooser = make("input", { type: "file", accept: "image/*", class: "file", "aria-label": "Your own picture",
    on: { change: () => chooser.files.length && take(chooser.files[0]).finally(() => (chooser.value = "")) } });
  const fileButton = make("label", { class: "button" }, "Your own picture \u2026", chooser);
  const nodesOf = (numbers) => Object.values(numbers).map((part) => part.node);

  const root = make("div", { class: "mrcnn-view roi-explorer" },
    make("div", { class: "what-is-given" },
      make("p", { class: "truth" }, truthCanvas, make("b", {}, "In the box"), make("small", {}, "and what the network is given of it:")),
      operations.node),
    make("div", { class: "main" },
      make("div", { class: "stage" }, sceneBox, legend.node, beyond),
      make("div", { class: "beside" },
        make("section", { class: "bin" }, make("div", { class: "enlarged" }, binCanvas),
          make("div", { class: "words" }, binTitle, make("p", {}, "Click or tap a bin to follow it. The arrows lead from where it should be read to where it is read, cause by cause.")),
          make("ul", { class: "edges", "aria-label": "How the edges of the box are read" }, ...edges)),
        make("div", {}, causes.node, more.node),
        make("section", { class: "trace" }, traceTitle, make("div", { class: "plot" }, traceCanvas), make("div", { class: "row" }, axis.node, slideButton)))),
    alert,
    make("div", { class: "controls" },
      make("div", { class: "numbers" }, ...nodesOf(box)),
      make("div", { class: "numbers" }, ...nodesOf(whole), ...nodesOf(bin)),
      make("div", { class: "row choices" }, stride.node, view.node, fileButton, resetButton)),
    status);
  return {
    root, operations, stride, axis, view, more, box, whole, bin, causes, legend, sceneCanvas, sceneBox, beyond, binCanvas,
    truthCanvas, traceCanvas, traceTitle, edges, binTitle, status, alert, slideButton, canvases: root.querySelectorAll("canvas"),
  };
}
