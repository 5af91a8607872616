// The explorer: one state (the model's), drawn after every change. An anywidget, and a page's script.

import { OPERATIONS } from "./arithmetic.js";
import { LIMITS, STRIDES, changeBox, edgeInWords, followedBin, limit, measure, show, showSigned, summary } from "./settings.js";
import { featuresOf, fitBox, readPicture } from "./pictures.js";
import { aroundBin, drawScene, fitViewport } from "./draw_scene.js";
import { drawGiven, drawTruth } from "./draw_given.js";
import { drawSpark, drawTrace, traceAll, traceScales } from "./draw_trace.js";
import { makeHandles } from "./handles.js";
import { make, makeCauses, makeChoice, makeLegend, makeNumber, makeOperations } from "./controls.js";

const UNIT = [0, 0, 1, 1];
const KEYS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view", "picture", "scene_size"];
const COLORS = ["true-box", "quantised-box", "cells-read", "rounding", "half-pixel", "maximum", "ink", "muted", "line", "surface"];
// Around the scene, for the ruler, and for what is read beyond its last cell; in image pixels.
const [MARGIN_TOP, MARGIN_BEFORE, MARGIN_BEHIND] = [8, 27, 34];
const SAVE_EVERY_MS = 60;
const ANNOUNCE_AFTER_MS = 500;
const RESTYLED_AFTER_MS = 600;
// Long enough to be read twice.
const ALERT_MS = 9000;

function render({ model, el }) {
  const settings = {};
  const read = () => {
    for (const key of KEYS) settings[key] = model.get(key);
    settings.sampling_ratio = Math.max(settings.sampling_ratio, 0);
  };
  read();
  // A page that was opened by a link has begun elsewhere.
  const initial = model.initial ?? { ...settings };
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

  // --- state ---------------------------------------------------------------------------------
  let [frame, saving, announcing, sliding, alerting] = [0, 0, 0, 0, 0];
  const save = () => {
    clearTimeout(saving);
    saving = 0;
    model.save_changes();
  };
  /** Change settings, draw soon, and tell the kernel: at once, or while dragging now and then. */
  const change = (changes, { note = "", dragging = false } = {}) => {
    Object.assign(settings, changes);
    for (const [key, value] of Object.entries(changes)) {
      model.set(key, key === "sampling_ratio" && value === 0 ? -1 : value);
    }
    alert(note);
    if (!dragging) save();
    else if (!saving) saving = setTimeout(save, SAVE_EVERY_MS);
    schedule();
  };
  const alert = (text) => {
    clearTimeout(alerting);
    if (alertText.textContent !== text) alertText.textContent = text;
    if (text) alerting = setTimeout(() => alert(""), ALERT_MS);
  };
  const refuse = alert;
  const schedule = () => {
    if (!frame) frame = requestAnimationFrame(draw);
  };

  // --- parts ---------------------------------------------------------------------------------
  const operations = makeOperations((operation) => change({ operation }));
  const strideChoice = makeChoice("Stride (image pixels per cell)", "stride", Object.fromEntries(STRIDES.map((s) => [s, String(s)])),
    (value) => change({ stride: Number(value) }));
  const axisChoice = makeChoice("Axis", "axis", { x: "x", y: "y" }, (axis) => change({ axis }));
  const viewChoice = makeChoice("Scene shows", "view", { picture: "picture", features: "features" }, (view) => change({ view }));
  const boxNumbers = Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, makeNumber(name, {
    words: (value) => `${show(value)} pixels`, onError: refuse,
    onChange: (value) => {
      const { roi, note } = changeBox(settings.roi, name, value, settings.scene_size);
      change({ roi }, { note, dragging: !note });
    },
  })]));
  const wholeNumbers = Object.fromEntries(["bins", "sampling_ratio"].map((name) => [name, makeNumber(name, {
    whole: true, onError: refuse,
    words: (value) => (name === "sampling_ratio" && value === 0 ? "automatic: one per cell" : show(value)),
    onChange: (value) => {
      const kept = limit(value, LIMITS[name], name);
      const bin = name === "bins" && settings.bin?.some((i) => i >= kept.value) ? { bin: null } : {};
      change({ [name]: kept.value, ...bin }, { note: kept.note });
    },
  })]));
  const binNumbers = Object.fromEntries(["row", "column"].map((name, i) => [name, makeNumber(name, {
    whole: true, onError: refuse,
    onChange: (value) => {
      const kept = limit(value, [0, settings.bins - 1], name);
      const bin = [...followedBin(settings)];
      bin[i] = kept.value;
      change({ bin }, { note: kept.note });
    },
  })]));
  const causes = makeCauses();
  const legend = makeLegend();

  const sceneCanvas = make("canvas", { role: "img" });
  const sceneBox = make("div", { class: "scene" }, sceneCanvas);
  const binCanvas = make("canvas", { role: "img" });
  const truthCanvas = make("canvas", { role: "img", class: "given", "aria-label": "What is in the box" });
  const traceCanvas = make("canvas", { role: "img" });
  const traceTitle = make("h2", { class: "trace-title" });
  const edges = [make("li"), make("li")];
  const binTitle = make("h2", {});
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const alertText = make("p", { class: "alert", role: "alert" });
  const slideButton = make("button", { type: "button", "data-do": "slide", on: { click: () => slide() } });
  const resetButton = make("button", { type: "button", "data-do": "reset", on: { click: () => change({ ...initial }) } }, "Reset");
  const chooser = make("input", { type: "file", accept: "image/*", class: "file", "aria-label": "Your own picture",
    on: { change: () => chooser.files.length && takePicture(chooser.files[0]).finally(() => (chooser.value = "")) } });
  const fileButton = make("label", { class: "button" }, "Your own picture \u2026", chooser);

  const root = make("div", { class: "roi-explorer" },
    make("div", { class: "what-is-given" },
      make("p", { class: "truth" }, truthCanvas, make("b", {}, "In the box"), make("small", {}, "and what the network is given of it:")),
      operations.node),
    make("div", { class: "main" },
      make("div", { class: "stage" }, sceneBox, legend.node),
      make("div", { class: "beside" },
        make("section", { class: "bin" }, make("div", { class: "enlarged" }, binCanvas),
          make("div", { class: "words" }, binTitle, make("p", {}, "Click or tap a bin to follow it. The arrows lead from where it should be read to where it is read, cause by cause.")),
          make("ul", { class: "edges", "aria-label": "How the edges of the box are read" }, ...edges)),
        causes.node,
        make("section", { class: "trace" }, traceTitle, make("div", { class: "plot" }, traceCanvas), make("div", { class: "row" }, axisChoice.node, slideButton)))),
    alertText,
    make("div", { class: "controls" },
      make("div", { class: "numbers" }, ...Object.values(boxNumbers).map((part) => part.node)),
      make("div", { class: "numbers" }, ...[...Object.values(wholeNumbers), ...Object.values(binNumbers)].map((part) => part.node)),
      make("div", { class: "row choices" }, strideChoice.node, viewChoice.node, fileButton, resetButton)),
    status);
  const canvases = root.querySelectorAll("canvas");
  el.append(root);

  // --- the box's handles -----------------------------------------------------------------------
  let sceneView = null;
  const handles = makeHandles({
    current: () => ({ ...settings, zoom: sceneView?.zoom ?? 1 }),
    onStart: () => stopSliding(),
    onMove: (roi, dragging) => change({ roi }, { dragging }),
    onEnd: () => save(),
    onClick: (event) => {
      const { left, top } = sceneCanvas.getBoundingClientRect();
      const [x1, y1, x2, y2] = settings.roi;
      const at = (client, offset, origin, low, high) => {
        const place = (client - offset) / sceneView.zoom + origin;
        return Math.min(Math.max(Math.floor(((place - low) / (high - low)) * settings.bins), 0), settings.bins - 1);
      };
      change({ bin: [at(event.clientY, top, sceneView.top, y1, y2), at(event.clientX, left, sceneView.left, x1, x2)] });
    },
  });
  sceneBox.append(...handles.nodes);
  // JupyterLab takes keys for its own commands, unless the very element that has the focus says no.
  for (const node of root.querySelectorAll("input, button, [tabindex]")) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  // --- the trace: the box can be moved in it, and slides by itself -----------------------------
  let traceView = null;
  const moveTo = (position, options) => {
    const { roi } = changeBox(settings.roi, settings.axis, position, settings.scene_size);
    change({ roi }, options);
  };
  const moveInTrace = (event) => {
    if (!traceView || !(event.buttons & 1)) return;
    const { left } = traceCanvas.getBoundingClientRect();
    moveTo(Math.round(traceView.scales.position(event.clientX - left)), { dragging: true });
  };
  traceCanvas.addEventListener("pointerdown", (event) => {
    stopSliding();
    traceCanvas.setPointerCapture(event.pointerId);
    // A finger may be about to scroll; it moves the box once it moves along.
    if (event.pointerType !== "touch") moveInTrace(event);
  });
  traceCanvas.addEventListener("pointermove", moveInTrace);
  const stopSliding = () => {
    clearInterval(sliding);
    sliding = 0;
    nameSlideButton();
  };
  const nameSlideButton = () => {
    slideButton.textContent = reducedMotion.matches ? "One pixel further" : sliding ? "\u25a0 Stop" : "\u25b6 Slide the box";
  };
  /** Move the box a pixel at a time, from edge to edge; a single pixel where motion is unwanted. */
  const slide = () => {
    if (sliding) return stopSliding();
    const step = () => {
      const [low, high, length] = settings.axis === "x" ? [settings.roi[0], settings.roi[2], settings.scene_size[1]] : [settings.roi[1], settings.roi[3], settings.scene_size[0]];
      moveTo(high + 1 > length ? 0 : low + 1, { dragging: true });
    };
    if (reducedMotion.matches) return step();
    sliding = setInterval(step, 50);
    nameSlideButton();
  };
  reducedMotion.addEventListener("change", stopSliding);
  nameSlideButton();

  // --- pictures ----------------------------------------------------------------------------------
  const image = new Image();
  let features = { of: null };
  image.addEventListener("load", () => {
    features = { of: null };
    schedule();
  });
  image.addEventListener("error", () => refuse("The picture cannot be shown."));
  const currentFeatures = () => {
    const key = `${settings.stride} ${settings.scene_size}`;
    if (features.of !== key) features = { of: key, ...featuresOf(image, settings.scene_size, settings.stride) };
    return features;
  };
  const takePicture = async (file) => {
    try {
      const { picture, scene_size } = await readPicture(file);
      const note = `Your picture was scaled to ${scene_size[1]} \u00d7 ${scene_size[0]} pixels. It stays on this device.`;
      change({ picture, scene_size, roi: fitBox(settings.roi, scene_size) }, { note });
    } catch {
      refuse(`"${file.name}" is no picture that this browser can read.`);
    }
  };
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  for (const leave of ["dragleave", "drop"]) root.addEventListener(leave, () => root.classList.remove("dropping"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.dataTransfer.files.length) takePicture(event.dataTransfer.files[0]);
    else refuse("Only a picture file can be dropped here.");
  });

  // --- drawing -----------------------------------------------------------------------------------
  let traces = { of: null };
  const draw = () => {
    frame = 0;
    if (!root.isConnected || root.clientWidth === 0) return;
    if (image.src !== settings.picture) image.src = settings.picture;
    // First what is asked of the page, then what is changed in it: so it is laid out once.
    const ratio = `${settings.scene_size[1] + MARGIN_BEFORE + MARGIN_BEHIND} / ${settings.scene_size[0] + MARGIN_TOP + MARGIN_BEHIND}`;
    if (sceneBox.style.aspectRatio !== ratio) sceneBox.style.aspectRatio = ratio;
    const sizes = new Map([...canvases].map((canvas) => [canvas, canvas.getBoundingClientRect()]));
    const style = getComputedStyle(root);
    const colors = Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const { operation, roi, stride, bins, axis, scene_size } = settings;
    const measured = measure(settings);
    const { error, errors, read, row, column } = measured;
    traces = traceAll(traces, settings, measured);
    const { all, range } = traces;
    const now = { position: axis === "x" ? roi[0] : roi[1], ...error[axis] };
    const loaded = image.complete && image.naturalWidth > 0;
    const scene = { picture: loaded && image, features: loaded && settings.view === "features" && currentFeatures().picture, settings, measured, colors, plain: Boolean(model.plain) };

    sceneView = fitViewport(sceneCanvas, sizes.get(sceneCanvas), [-MARGIN_BEFORE, -MARGIN_TOP, scene_size[1] + MARGIN_BEHIND, scene_size[0] + MARGIN_BEHIND]);
    drawScene(sceneView, scene, false);
    // What is folded away has no room to be drawn in.
    const onto = (canvas, part, paint) => {
      if (sizes.get(canvas).width > 0) paint(fitViewport(canvas, sizes.get(canvas), part));
    };
    onto(binCanvas, aroundBin(measured, stride), (view) => drawScene(view, scene, true));
    onto(traceCanvas, UNIT, (plot) => {
      traceView = { scales: traceScales(plot, all[operation][all[operation].length - 1]?.position || 1, range) };
      drawTrace(plot, all[operation], now, range, { axis, stride, colors });
    });
    if (loaded) onto(truthCanvas, UNIT, (view) => drawTruth(view, image, roi, scene_size));
    for (const [name, { canvas, given, value }] of operations.parts) {
      const total = errors[name][axis].total;
      if (loaded) onto(given, UNIT, (view) => drawGiven(view, name, currentFeatures(), settings, measured));
      onto(canvas, UNIT, (view) => drawSpark(view, all[name], { position: now.position, total }, range, colors));
    }

    // From here on the page is changed. (To set a canvas's font asks the page for its styles, too.)
    handles.place(sceneBox, sceneView, roi, scene_size);
    for (const [name, { value }] of operations.parts) value.textContent = `${showSigned(errors[name][axis].total)} px`;
    operations.set(operation);
    strideChoice.set(stride);
    axisChoice.set(axis);
    viewChoice.set(settings.view);
    const [x1, y1, x2, y2] = roi;
    boxNumbers.x.set(x1, 0, scene_size[1] - (x2 - x1));
    boxNumbers.y.set(y1, 0, scene_size[0] - (y2 - y1));
    boxNumbers.width.set(x2 - x1, 1, scene_size[1] - x1);
    boxNumbers.height.set(y2 - y1, 1, scene_size[0] - y1);
    wholeNumbers.bins.set(bins, ...LIMITS.bins);
    wholeNumbers.sampling_ratio.set(settings.sampling_ratio, ...LIMITS.sampling_ratio);
    binNumbers.row.set(row, 0, bins - 1);
    binNumbers.column.set(column, 0, bins - 1);
    causes.set(error, axis, range);
    legend.set(operation);
    binTitle.textContent = `The bin in row ${row}, column ${column}`;
    traceTitle.textContent = `${OPERATIONS[operation].label}: error along ${axis}, wherever the box stands`;
    const [low, high, part] = axis === "x" ? [x1, x2, read.x] : [y1, y2, read.y];
    edges[0].textContent = edgeInWords(operation, low, part.start, stride, false);
    edges[1].textContent = edgeInWords(operation, high, part.start + part.size, stride, true);
    const words = summary(settings, measured);
    sceneCanvas.setAttribute("aria-label", `Scene with the box, its bins and what is read. ${words}`);
    binCanvas.setAttribute("aria-label", `The followed bin enlarged, with the weights of its cells. ${words}`);
    traceCanvas.setAttribute("aria-label", `${traceTitle.textContent}. It lies between ${show(range[0])} and ${show(range[1])} pixels; now ${showSigned(now.total)}.`);
    clearTimeout(announcing);
    announcing = setTimeout(() => {
      if (status.textContent !== words) status.textContent = words;
    }, ANNOUNCE_AFTER_MS);
  };

  // --- life ----------------------------------------------------------------------------------------
  const onModel = () => {
    read();
    schedule();
  };
  for (const key of KEYS) model.on(`change:${key}`, onModel);
  const resized = new ResizeObserver(schedule);
  resized.observe(root);
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  darkness.addEventListener("change", schedule);
  // JupyterLab names a theme before its styles are there.
  let restyled = 0;
  const themed = new MutationObserver(() => {
    schedule();
    clearTimeout(restyled);
    restyled = setTimeout(schedule, RESTYLED_AFTER_MS);
  });
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  schedule();
  return () => {
    for (const key of KEYS) model.off(`change:${key}`, onModel);
    for (const observer of [resized, themed]) observer.disconnect();
    darkness.removeEventListener("change", schedule);
    reducedMotion.removeEventListener("change", stopSliding);
    clearInterval(sliding);
    clearTimeout(saving);
    for (const timer of [announcing, restyled, alerting]) clearTimeout(timer);
    cancelAnimationFrame(frame);
    root.remove();
  };
}

export default { render };
