// The box's handles over the scene: for mouse, touch and pen alike, and for the keyboard.

import { make } from "../../web/elements.js";
import { show } from "../../web/numbers.js";
import { BEYOND, dragBox } from "./settings.js";

const CORNERS = { nw: "upper left", ne: "upper right", sw: "lower left", se: "lower right" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A pointer that moves less, in pixels of the screen, was meant as a click.
const CLICK = 3;

/**
 * Make the handles of a box: its body, four sides and four corners.
 *
 * `current()` gives { roi, scene_size, stride, zoom }, zoom in screen pixels per image pixel;
 * `onMove(roi, dragging)` gets the changed box, `onStart()` and `onEnd()` frame a drag, and
 * `onClick(event)` is called for a click on the body.
 */
export function makeHandles({ current, onStart, onMove, onEnd, onClick }) {
  const body = make("div", { class: "handle body", tabindex: 0, role: "slider", "data-handle": "", "aria-label": "Box: arrow keys move it, with Shift by a whole cell" });
  const sides = ["n", "e", "s", "w"].map((side) => make("div", { class: `handle zone ${side}`, "data-handle": side, "aria-hidden": "true" }));
  const corners = Object.entries(CORNERS).map(([corner, words]) =>
    make("div", { class: `handle corner ${corner}`, tabindex: 0, role: "slider", "data-handle": corner, "aria-label": `The box's ${words} corner: arrow keys resize it` }));
  const nodes = [body, ...sides, ...corners];
  for (const handle of nodes) {
    let start = null;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      handle.focus({ preventScroll: true });
      handle.setPointerCapture(event.pointerId);
      onStart();
      start = { x: event.clientX, y: event.clientY, roi: current().roi, moved: false };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!start) return;
      const { scene_size, zoom } = current();
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      start.moved ||= Math.hypot(dx, dy) > CLICK;
      if (!start.moved) return;
      // Whole pixels, from wherever the box was.
      const steps = [dx, dy].map((d) => Math.round(d / zoom));
      onMove(dragBox(start.roi, handle.dataset.handle, ...steps, scene_size), true);
    });
    const end = (event) => {
      if (!start) return;
      if (start.moved) onEnd();
      else if (event.type === "pointerup" && handle === body) onClick(event);
      start = null;
    };
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
    handle.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const { roi, scene_size, stride } = current();
      const by = event.shiftKey ? stride : 1;
      onMove(dragBox(roi, handle.dataset.handle, arrow[0] * by, arrow[1] * by, scene_size), false);
    });
  }
  /** Lay the handles over the box, in a scene whose upper left corner shows (left, top). */
  const place = (scene, { left, top, zoom }, [x1, y1, x2, y2], [, width]) => {
    const edges = { left: x1 - left, top: y1 - top, width: x2 - x1, height: y2 - y1 };
    for (const [name, value] of Object.entries(edges)) scene.style.setProperty(`--box-${name}`, `${value * zoom}px`);
    const words = `x from ${show(x1)} to ${show(x2)}, y from ${show(y1)} to ${show(y2)} pixels`;
    const most = width + BEYOND;
    const values = [[body, x1, most - (x2 - x1)], ...corners.map((corner, i) => [corner, i % 2 ? x2 : x1, most])];
    for (const [handle, now, highest] of values) {
      handle.setAttribute("aria-valuemin", -BEYOND);
      handle.setAttribute("aria-valuemax", highest);
      handle.setAttribute("aria-valuenow", now);
      handle.setAttribute("aria-valuetext", words);
    }
  };
  return { nodes, place };
}
