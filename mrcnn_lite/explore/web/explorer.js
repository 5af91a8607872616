// The explorer: one state (the model's), drawn after every change. An anywidget, and a page's script.

import { OPERATIONS, traceError } from "./arithmetic.js";
import { LIMITS, STRIDES, changeBox, dragBox, edgeInWords, followedBin, limit, measure, readNumber, show, showSigned, summary } from "./settings.js";
import { drawScene, featuresOf, fitViewport } from "./draw_scene.js";
import { drawSpark, drawTrace, errorRange, traceScales } from "./draw_trace.js";
import { make, makeCauses, makeChoice, makeLegend, makeNumber, makeOperations } from "./controls.js";

const KEYS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view", "picture", "scene_size"];
const COLORS = ["true-box", "quantised-box", "cells-read", "rounding", "half-pixel", "maximum", "ink", "muted", "line", "surface"];
const HANDLES = { nw: "upper left", ne: "upper right", sw: "lower left", se: "lower right" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// Around the scene, for the ruler, and for what is read beyond its last cell; in image pixels.
const [MARGIN_TOP, MARGIN_BEFORE, MARGIN_BEHIND] = [8, 22, 34];
// A dropped picture is brought to this size, in whole cells of every stride.
const [PICTURE_SIZE, PICTURE_STEP] = [256, 32];
const SAVE_EVERY_MS = 60;
const ANNOUNCE_AFTER_MS = 500;

function render({ model, el }) {
  const settings = {};
  const read = () => {
    for (const key of KEYS) settings[key] = model.get(key);
    settings.sampling_ratio = Math.max(settings.sampling_ratio, 0);
  };
  read();
  const initial = { ...settings };
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

  // --- state ---------------------------------------------------------------------------------
  let [frame, saving, announcing, sliding] = [0, 0, 0, 0];
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
    alertText.textContent = note;
    if (!dragging) save();
    else if (!saving) saving = setTimeout(save, SAVE_EVERY_MS);
    schedule();
  };
  const refuse = (text) => {
    alertText.textContent = text;
  };
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
  const traceCanvas = make("canvas", { role: "img" });
  const traceTitle = make("h3", { class: "trace-title" });
  const edges = [make("li"), make("li")];
  const binTitle = make("h3", {});
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const alertText = make("p", { class: "alert", role: "alert" });
  const slideButton = make("button", { type: "button", "data-do": "slide", on: { click: () => slide() } });
  const resetButton = make("button", { type: "button", "data-do": "reset", on: { click: () => change({ ...initial }) } }, "Reset");
  const chooser = make("input", { type: "file", accept: "image/*", class: "file", "aria-label": "Your own picture",
    on: { change: () => chooser.files.length && takePicture(chooser.files[0]).finally(() => (chooser.value = "")) } });
  const fileButton = make("label", { class: "button" }, "Your own picture \u2026", chooser);

  const root = make("div", { class: "roi-explorer", "data-lm-suppress-shortcuts": "true" },
    operations.node,
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
  el.append(root);

  // --- the box's handles -----------------------------------------------------------------------
  const body = make("div", { class: "handle body", tabindex: 0, role: "slider", "data-handle": "", "aria-label": "Box: arrow keys move it, with Shift by a whole cell" });
  const sides = ["n", "e", "s", "w"].map((side) => make("div", { class: `handle zone ${side}`, "data-handle": side, "aria-hidden": "true" }));
  const corners = Object.entries(HANDLES).map(([corner, words]) =>
    make("div", { class: `handle corner ${corner}`, tabindex: 0, role: "slider", "data-handle": corner, "aria-label": `The box's ${words} corner: arrow keys resize it` }));
  const handles = [body, ...sides, ...corners];
  sceneBox.append(...handles);
  let sceneView = null;
  for (const handle of handles) {
    let start = null;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      handle.focus({ preventScroll: true });
      handle.setPointerCapture(event.pointerId);
      stopSliding();
      start = { x: event.clientX, y: event.clientY, roi: settings.roi, moved: false };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!start || !sceneView) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      start.moved ||= Math.hypot(dx, dy) > 3;
      if (!start.moved) return;
      // Whole pixels, from wherever the box was.
      const steps = [dx, dy].map((d) => Math.round(d / sceneView.zoom));
      change({ roi: dragBox(start.roi, handle.dataset.handle, ...steps, settings.scene_size) }, { dragging: true });
    });
    const end = (event) => {
      if (!start) return;
      if (!start.moved && event.type === "pointerup" && handle === body) chooseBin(event);
      if (start.moved) save();
      start = null;
    };
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
    handle.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const by = event.shiftKey ? settings.stride : 1;
      change({ roi: dragBox(settings.roi, handle.dataset.handle, arrow[0] * by, arrow[1] * by, settings.scene_size) });
    });
  }
  const chooseBin = (event) => {
    const { left, top } = sceneCanvas.getBoundingClientRect();
    const [x1, y1, x2, y2] = settings.roi;
    const at = (client, offset, origin, low, high) => {
      const place = (client - offset) / sceneView.zoom + origin;
      return Math.min(Math.max(Math.floor(((place - low) / (high - low)) * settings.bins), 0), settings.bins - 1);
    };
    change({ bin: [at(event.clientY, top, sceneView.top, y1, y2), at(event.clientX, left, sceneView.left, x1, x2)] });
  };
  const placeHandles = () => {
    const [x1, y1, x2, y2] = settings.roi;
    const [left, top] = [(x1 - sceneView.left) * sceneView.zoom, (y1 - sceneView.top) * sceneView.zoom];
    const [width, height] = [(x2 - x1) * sceneView.zoom, (y2 - y1) * sceneView.zoom];
    sceneBox.style.setProperty("--box", `${left}px`);
    for (const [name, value] of Object.entries({ left, top, width, height })) sceneBox.style.setProperty(`--box-${name}`, `${value}px`);
    const words = `x from ${show(x1)} to ${show(x2)}, y from ${show(y1)} to ${show(y2)} pixels`;
    for (const [handle, now, most] of [[body, x1, settings.scene_size[1] - (x2 - x1)], ...corners.map((corner, i) => [corner, i % 2 ? x2 : x1, settings.scene_size[1]])]) {
      handle.setAttribute("aria-valuemin", 0);
      handle.setAttribute("aria-valuemax", most);
      handle.setAttribute("aria-valuenow", now);
      handle.setAttribute("aria-valuetext", words);
    }
  };

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
    moveInTrace(event);
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
    if (features.of !== key) features = { of: key, map: featuresOf(image, settings.scene_size, settings.stride) };
    return features.map;
  };
  const takePicture = async (file) => {
    try {
      const bitmap = await createImageBitmap(file);
      const scale = PICTURE_SIZE / Math.max(bitmap.width, bitmap.height);
      const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(Math.round((n * scale) / PICTURE_STEP), 1) * PICTURE_STEP);
      const canvas = make("canvas", { width, height });
      // Cover it: crop what does not fit whole cells.
      const cover = Math.max(width / bitmap.width, height / bitmap.height);
      const [w, h] = [bitmap.width * cover, bitmap.height * cover];
      canvas.getContext("2d").drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
      const [x1, y1, x2, y2] = settings.roi;
      const [boxWidth, boxHeight] = [Math.min(x2 - x1, width), Math.min(y2 - y1, height)];
      const [x, y] = [Math.min(x1, width - boxWidth), Math.min(y1, height - boxHeight)];
      change({ picture: canvas.toDataURL("image/jpeg", 0.9), scene_size: [height, width], roi: [x, y, x + boxWidth, y + boxHeight] },
        { note: `Your picture was scaled to ${width} \u00d7 ${height} pixels. It stays on this device.` });
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
  /** The traces of all operations; while the box is dragged along the axis they stay the same. */
  const currentTraces = ({ mapSize, sampling, row, column }) => {
    const { roi: [x1, y1, x2, y2], stride, bins, axis } = settings;
    const key = JSON.stringify([x2 - x1, y2 - y1, axis === "x" ? y1 : x1, mapSize, stride, bins, sampling, row, column, axis]);
    if (traces.of !== key) {
      const all = Object.fromEntries(Object.keys(OPERATIONS).map((name) =>
        [name, traceError(name, mapSize, settings.roi, bins, stride, sampling, row, column, axis, stride / 16)]));
      traces = { of: key, all, range: errorRange(Object.values(all), stride) };
    }
    return traces;
  };
  const draw = () => {
    frame = 0;
    if (!root.isConnected || root.clientWidth === 0) return;
    if (image.src !== settings.picture) image.src = settings.picture;
    const style = getComputedStyle(root);
    const colors = Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const { operation, roi, stride, bins, axis, scene_size } = settings;
    const measured = measure(settings);
    const { error, errors, read, row, column } = measured;
    const { all, range } = currentTraces(measured);
    const now = { position: axis === "x" ? roi[0] : roi[1], ...error[axis] };
    const loaded = image.complete && image.naturalWidth > 0;
    const scene = { picture: loaded && image, features: loaded && settings.view === "features" && currentFeatures(), settings, measured, colors };

    sceneBox.style.aspectRatio = `${scene_size[1] + MARGIN_BEFORE + MARGIN_BEHIND} / ${scene_size[0] + MARGIN_TOP + MARGIN_BEHIND}`;
    sceneView = fitViewport(sceneCanvas, [-MARGIN_BEFORE, -MARGIN_TOP, scene_size[1] + MARGIN_BEHIND, scene_size[0] + MARGIN_BEHIND]);
    drawScene(sceneView, scene, false);
    placeHandles();
    drawScene(fitViewport(binCanvas, aroundBin(measured, stride)), scene, true);
    const plot = fitViewport(traceCanvas, [0, 0, 1, 1]);
    traceView = { scales: traceScales(plot, all[operation][all[operation].length - 1]?.position || 1, range) };
    drawTrace(plot, all[operation], now, range, { axis, stride, colors });
    for (const [name, { canvas, value }] of operations.parts) {
      drawSpark(fitViewport(canvas, [0, 0, 1, 1]), all[name], { position: now.position, total: errors[name][axis].total }, range, colors);
      value.textContent = `${showSigned(errors[name][axis].total)} px`;
    }

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
  /** A square around the followed bin, as it is and as it should be, with a cell on every side. */
  const aroundBin = ({ read, reference, row, column }, stride) => {
    const span = (axis, p) => {
      const parts = [read[axis].bins[p], reference[axis].bins[p]];
      const cells = parts[0].cells.length ? [parts[0].cells[0], parts[0].cells[parts[0].cells.length - 1] + 1] : [];
      const all = [...parts.flatMap((part) => part.edges), ...cells].map((edge) => edge * stride);
      return [Math.min(...all), Math.max(...all)];
    };
    const [[left, right], [top, bottom]] = [span("x", column), span("y", row)];
    const side = Math.max(right - left, bottom - top) + stride * 0.7;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2];
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
  const themed = new MutationObserver(schedule);
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  schedule();
  return () => {
    for (const key of KEYS) model.off(`change:${key}`, onModel);
    for (const observer of [resized, themed]) observer.disconnect();
    darkness.removeEventListener("change", schedule);
    reducedMotion.removeEventListener("change", stopSliding);
    clearInterval(sliding);
    clearTimeout(saving);
    clearTimeout(announcing);
    cancelAnimationFrame(frame);
    root.remove();
  };
}

export default { render };
