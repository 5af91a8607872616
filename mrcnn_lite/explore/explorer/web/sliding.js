// The box moved along the trace: by a pointer in it, or by itself.

import { changeBox } from "./settings.js";

const STEP_MS = 50;

/** Let the box be moved in the trace's canvas and slide at the button; `scales()` are the trace's. */
export function makeSliding(settings, { canvas, button, scales, change }) {
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  let sliding = 0;
  const moveTo = (position) => {
    const { roi } = changeBox(settings.roi, settings.axis, position, settings.scene_size);
    change({ roi }, { dragging: true });
  };
  const moveHere = (event) => {
    if (!scales() || !(event.buttons & 1)) return;
    moveTo(Math.round(scales().position(event.clientX - canvas.getBoundingClientRect().left)));
  };
  const nameButton = () => {
    button.textContent = reducedMotion.matches ? "One pixel further" : sliding ? "\u25a0 Stop" : "\u25b6 Slide the box";
  };
  const stop = () => {
    clearInterval(sliding);
    sliding = 0;
    nameButton();
  };
  /** Move the box a pixel at a time, from edge to edge of the map; a single pixel where motion is unwanted. */
  const slide = () => {
    if (sliding) return stop();
    const step = () => {
      const along = settings.axis === "x" ? 0 : 1;
      const [low, high, length] = [settings.roi[along], settings.roi[along + 2], settings.scene_size[1 - along]];
      moveTo(high + 1 > length ? 0 : low + 1);
    };
    if (reducedMotion.matches) return step();
    sliding = setInterval(step, STEP_MS);
    nameButton();
  };
  canvas.addEventListener("pointerdown", (event) => {
    stop();
    canvas.setPointerCapture(event.pointerId);
    // A finger may be about to scroll; it moves the box once it moves along.
    if (event.pointerType !== "touch") moveHere(event);
  });
  canvas.addEventListener("pointermove", moveHere);
  button.addEventListener("click", slide);
  reducedMotion.addEventListener("change", stop);
  nameButton();
  const end = () => {
    clearInterval(sliding);
    reducedMotion.removeEventListener("change", stop);
  };
  return { stop, end };
}
