// The explorer: one state (the model's), drawn after every change. An anywidget, and a page's script.

import { watchLooks } from "../../web/looks.js";
import { makeVoice } from "../../web/voice.js";
import { makeParts } from "./parts.js";
import { makePicture, pictureTaker, takeDrops } from "./own_picture.js";
import { makeSliding } from "./sliding.js";
import { makeHandles } from "./handles.js";
import { makeFrame } from "./frame.js";

const KEYS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view", "causes", "picture", "scene_size"];
const SAVE_EVERY_MS = 60;

function render({ model, el }) {
  const settings = {};
  const read = () => {
    for (const key of KEYS) settings[key] = model.get(key);
    settings.sampling_ratio = Math.max(settings.sampling_ratio, 0);
  };
  read();
  const atTheBeginning = { ...settings };

  // --- state ---------------------------------------------------------------------------------
  let [frame, saving] = [0, 0];
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
    voice.refuse(note);
    if (!dragging) save();
    else if (!saving) saving = setTimeout(save, SAVE_EVERY_MS);
    schedule();
  };
  const schedule = () => {
    if (!frame) frame = requestAnimationFrame(draw);
  };

  // --- parts ---------------------------------------------------------------------------------
  const refuse = (text) => voice.refuse(text);
  const take = pictureTaker(settings, { change, refuse });
  // A page that was opened by a link has begun elsewhere.
  const reset = () => change({ ...(model.initial ?? atTheBeginning) });
  const parts = makeParts({ settings, change, refuse, reset, take });
  const { root, sceneCanvas } = parts;
  const voice = makeVoice(parts);
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
    voice.say(shown.words);
  };

  // --- life ----------------------------------------------------------------------------------------
  const onModel = () => {
    read();
    schedule();
  };
  for (const key of KEYS) model.on(`change:${key}`, onModel);
  const looks = watchLooks(root, schedule);
  schedule();
  return () => {
    for (const key of KEYS) model.off(`change:${key}`, onModel);
    for (const part of [looks, voice, sliding]) part.end();
    clearTimeout(saving);
    cancelAnimationFrame(frame);
    root.remove();
  };
}

export default { render };
