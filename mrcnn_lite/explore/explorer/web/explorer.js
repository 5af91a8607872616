// The explorer: one state (the model's), drawn after every change. An anywidget, and a page's script.

import { makeParts } from "./parts.js";
import { makePicture, pictureTaker, takeDrops } from "./own_picture.js";
import { makeSliding } from "./sliding.js";
import { makeHandles } from "./handles.js";
import { makeFrame } from "./frame.js";

const KEYS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view", "causes", "picture", "scene_size"];
// What the theme of JupyterLab or VS Code is known by.
const THEMES = ["data-jp-theme-light", "data-vscode-theme-kind", "class", "style"];
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
  const atTheBeginning = { ...settings };

  // --- state ---------------------------------------------------------------------------------
  let [frame, saving, announcing, alerting] = [0, 0, 0, 0];
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
    refuse(note);
    if (!dragging) save();
    else if (!saving) saving = setTimeout(save, SAVE_EVERY_MS);
    schedule();
  };
  const refuse = (text) => {
    clearTimeout(alerting);
    if (parts.alert.textContent !== text) parts.alert.textContent = text;
    if (text) alerting = setTimeout(() => refuse(""), ALERT_MS);
  };
  const schedule = () => {
    if (!frame) frame = requestAnimationFrame(draw);
  };

  // --- parts ---------------------------------------------------------------------------------
  const take = pictureTaker(settings, { change, refuse });
  // A page that was opened by a link has begun elsewhere.
  const reset = () => change({ ...(model.initial ?? atTheBeginning) });
  const parts = makeParts({ settings, change, refuse, reset, take });
  const { root, sceneCanvas } = parts;
  el.append(root);
  takeDrops(root, { take, refuse });
  const picture = makePicture(settings, { onLoad: schedule, refuse });
  let shown = { sceneView: null, scales: null };
  const sliding = makeSliding(settings, {
    canvas: parts.traceCanvas, button: parts.slideButton, scales: () => shown.scales, change,
  });
  const handles = makeHandles({
    current: () => ({ ...settings, zoom: shown.sceneView?.zoom ?? 1 }),
    onStart: () => sliding.stop(),
    onMove: (roi, dragging) => change({ roi }, { dragging }),
    onEnd: () => save(),
    onClick: (event) => {
      const { left, top } = sceneCanvas.getBoundingClientRect();
      const [x1, y1, x2, y2] = settings.roi;
      const view = shown.sceneView;
      const at = (client, offset, origin, low, high) => {
        const place = (client - offset) / view.zoom + origin;
        return Math.min(Math.max(Math.floor(((place - low) / (high - low)) * settings.bins), 0), settings.bins - 1);
      };
      change({ bin: [at(event.clientY, top, view.top, y1, y2), at(event.clientX, left, view.left, x1, x2)] });
    },
  });
  parts.sceneBox.append(...handles.nodes);
  // JupyterLab takes keys for its own commands, unless the very element that has the focus says no.
  for (const node of root.querySelectorAll("input, button, [tabindex]")) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  // --- drawing -----------------------------------------------------------------------------------
  const drawNow = makeFrame(settings, parts, picture, handles, () => Boolean(model.plain));
  const draw = () => {
    frame = 0;
    const drawn = drawNow();
    if (!drawn) return;
    shown = drawn;
    clearTimeout(announcing);
    announcing = setTimeout(() => {
      if (parts.status.textContent !== shown.words) parts.status.textContent = shown.words;
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
  for (const node of [document.body, document.documentElement]) {
    themed.observe(node, { attributes: true, attributeFilter: THEMES });
  }
  schedule();
  return () => {
    for (const key of KEYS) model.off(`change:${key}`, onModel);
    for (const observer of [resized, themed]) observer.disconnect();
    darkness.removeEventListener("change", schedule);
    sliding.end();
    for (const timer of [saving, announcing, restyled, alerting]) clearTimeout(timer);
    cancelAnimationFrame(frame);
    root.remove();
  };
}

export default { render };
