// One frame: what is measured, drawn on every canvas and written into every part.

import { OPERATIONS } from "./arithmetic.js";
import { show, showSigned } from "../../web/numbers.js";
import { fitViewport } from "../../web/viewport.js";
import { BEYOND, LIMITS, beyondInWords, edgeInWords, measure, summary } from "./settings.js";
import { aroundBin, drawScene } from "./draw_scene.js";
import { drawGiven, drawTruth } from "./draw_given.js";
import { drawSpark, drawTrace, traceAll, traceScales } from "./draw_trace.js";

const UNIT = [0, 0, 1, 1];
const COLORS = ["true-box", "quantised-box", "cells-read", "rounding", "half-pixel", "maximum", "ink", "muted", "line", "surface"];
// Around the scene: room for the ruler, and for a box that reaches beyond the map; in image pixels.
const AROUND = BEYOND + 4;

/**
 * A function that draws the settings as they are. It returns { sceneView, scales, words }: the scene's
 * viewport, the trace's scales, and what is to be announced; null where there is no room to draw in.
 */
export function makeFrame(settings, parts, picture, handles, isPlain) {
  const { root, sceneBox, sceneCanvas, binCanvas, truthCanvas, traceCanvas, canvases, operations } = parts;
  let traces = { of: null };

  /** First what is asked of the page, then what is changed in it: so it is laid out once. */
  const ask = () => {
    const [height, width] = settings.scene_size;
    const ratio = `${width + 2 * AROUND} / ${height + 2 * AROUND}`;
    if (sceneBox.style.aspectRatio !== ratio) sceneBox.style.aspectRatio = ratio;
    const sizes = new Map([...canvases].map((canvas) => [canvas, canvas.getBoundingClientRect()]));
    const style = getComputedStyle(root);
    const colors = Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    return { sizes, colors };
  };

  const paint = (measured, { sizes, colors }) => {
    const { operation, roi, stride, axis, scene_size, causes } = settings;
    const { error, errors } = measured;
    const { positions, range } = traces;
    const part = causes === "all" ? "total" : "rounding";
    const now = { position: axis === "x" ? roi[0] : roi[1], ...error[axis] };
    const loaded = picture.isLoaded();
    const scene = {
      picture: loaded && picture.image, features: loaded && settings.view === "features" && picture.features().picture,
      settings, measured, colors, plain: isPlain(),
    };
    const [height, width] = scene_size;
    const sceneView = fitViewport(sceneCanvas, sizes.get(sceneCanvas), [-AROUND, -AROUND, width + AROUND, height + AROUND]);
    drawScene(sceneView, scene, false);
    // What is folded away has no room to be drawn in.
    const onto = (canvas, area, draw) => {
      if (sizes.get(canvas).width > 0) draw(fitViewport(canvas, sizes.get(canvas), area));
    };
    onto(binCanvas, aroundBin(measured, stride), (view) => drawScene(view, scene, true));
    let scales = null;
    onto(traceCanvas, UNIT, (plot) => {
      scales = traceScales(plot, positions, range);
      drawTrace(plot, scales, traces, operation, now, { axis, stride, causes, colors });
    });
    if (loaded) onto(truthCanvas, UNIT, (view) => drawTruth(view, picture.image, roi, scene_size));
    for (const [name, { canvas, given }] of operations.parts) {
      if (loaded) onto(given, UNIT, (view) => drawGiven(view, measured.reads[name], picture.features()));
      onto(canvas, UNIT, (view) => drawSpark(view, traces, traces.errors[name][part], { position: now.position, error: errors[name][axis][part] }, colors));
    }
    return { sceneView, scales };
  };

  const write = (measured, sceneView) => {
    const { operation, roi, stride, bins, axis, scene_size, causes } = settings;
    const { error, errors, read, row, column } = measured;
    const { range } = traces;
    const part = causes === "all" ? "total" : "rounding";
    root.dataset.causes = causes;
    handles.place(sceneBox, sceneView, roi, scene_size);
    for (const [name, { value }] of operations.parts) value.textContent = `${showSigned(errors[name][axis][part])} px`;
    operations.set(operation);
    parts.stride.set(stride);
    parts.axis.set(axis);
    parts.view.set(settings.view);
    parts.more.set(causes === "all");
    const [x1, y1, x2, y2] = roi;
    const [height, width] = scene_size;
    parts.box.x.set(x1, -BEYOND, width + BEYOND - (x2 - x1));
    parts.box.y.set(y1, -BEYOND, height + BEYOND - (y2 - y1));
    parts.box.width.set(x2 - x1, 1, width + BEYOND - x1);
    parts.box.height.set(y2 - y1, 1, height + BEYOND - y1);
    parts.whole.bins.set(bins, ...LIMITS.bins);
    parts.whole.sampling_ratio.set(settings.sampling_ratio, ...LIMITS.sampling_ratio);
    parts.bin.row.set(row, 0, bins - 1);
    parts.bin.column.set(column, 0, bins - 1);
    parts.causes.set(error, axis, range, causes);
    parts.legend.set(operation);
    parts.beyond.textContent = beyondInWords(settings, measured);
    parts.binTitle.textContent = `The bin in row ${row}, column ${column}`;
    const what = causes === "all" ? "error" : "rounding's error";
    parts.traceTitle.textContent = `${OPERATIONS[operation].label}: ${what} along ${axis}, wherever the box stands`;
    const [low, high, along] = axis === "x" ? [x1, x2, read.x] : [y1, y2, read.y];
    parts.edges[0].textContent = edgeInWords(operation, low, along.start, stride, false);
    parts.edges[1].textContent = edgeInWords(operation, high, along.start + along.size, stride, true);
    const words = summary(settings, measured);
    sceneCanvas.setAttribute("aria-label", `Scene with the box, its bins and what is read. ${words}`);
    binCanvas.setAttribute("aria-label", `The followed bin enlarged, with the weights of its cells. ${words}`);
    traceCanvas.setAttribute("aria-label",
      `${parts.traceTitle.textContent}. It lies between ${show(range[0])} and ${show(range[1])} pixels; now ${showSigned(error[axis][part])}.`);
    return words;
  };

  return () => {
    if (!root.isConnected || root.clientWidth === 0) return null;
    picture.follow();
    const asked = ask();
    const measured = measure(settings);
    traces = traceAll(traces, settings, measured);
    const { sceneView, scales } = paint(measured, asked);
    // From here on the page is changed. (To set a canvas's font asks the page for its styles, too.)
    return { sceneView, scales, words: write(measured, sceneView) };
  };
}
