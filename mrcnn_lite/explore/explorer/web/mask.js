// Then the mask: what a trained network draws in the box, by each operation, as the box slides.

const sliding = {{masks}};
// Image pixels are drawn this large.
const MASK_ZOOM = 8;

/** Fill the page's section on masks: a slider, and for each operation the mask and its overlap. */
function showMasks(section) {
  const [slider, shift] = ["input", ".shift"].map((part) => section.querySelector(part));
  const { width, height, shifts, operations, box, outline: edges } = sliding;
  const [picture, masks] = [sliding.picture, sliding.masks].map((source) => Object.assign(new Image(), { src: source }));
  const parts = Object.entries(operations).map(([name, ious], row) => {
    const canvas = make("canvas", { role: "img", width: width * MASK_ZOOM, height: height * MASK_ZOOM });
    const value = make("b", {});
    const label = OPERATIONS[name].label;
    const figure = make("figure", { "data-mask": name }, canvas, make("figcaption", {}, label, make("br"), "IoU ", value));
    return { name, label, ious, row, canvas, value, figure };
  });
  section.querySelector(".masks").append(...parts.map((part) => part.figure));
  const draw = () => {
    const at = Number(slider.value);
    const text = `${showSigned(shifts[at])} pixels`;
    const colors = getComputedStyle(section);
    shift.textContent = text;
    slider.setAttribute("aria-valuetext", `${text}. IoU: ${parts.map(({ label, ious }) => `${label} ${ious[at].toFixed(2)}`).join(", ")}`);
    for (const { label, ious, row, canvas, value } of parts) {
      const iou = ious[at].toFixed(2);
      value.textContent = iou;
      canvas.setAttribute("aria-label", `The mask by ${label}, over the object's true outline: IoU ${iou}`);
      const context = canvas.getContext("2d");
      context.setTransform(MASK_ZOOM, 0, 0, MASK_ZOOM, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, 0, 0, width, height);
      context.globalAlpha = 0.6;
      context.drawImage(masks, at * width, row * height, width, height, 0, 0, width, height);
      context.globalAlpha = 1;
      const stroke = (path, color, thick) => {
        for (const [ink, wide] of [["#ffffff", thick + 0.35], [color, thick]]) {
          context.strokeStyle = ink;
          context.lineWidth = wide;
          context.stroke(path);
        }
      };
      const truth = new Path2D();
      for (const [x1, y1, x2, y2] of edges) {
        truth.moveTo(x1, y1);
        truth.lineTo(x2, y2);
      }
      stroke(truth, colors.getPropertyValue("--ground-truth"), 0.6);
      const moved = new Path2D();
      moved.rect(box[0] + shifts[at], box[1], box[2] - box[0], box[3] - box[1]);
      stroke(moved, colors.getPropertyValue("--true-box"), 0.5);
    }
  };
  [slider.max, slider.value] = [shifts.length - 1, Math.floor(shifts.length / 2)];
  slider.addEventListener("input", draw);
  for (const image of [picture, masks]) image.addEventListener("load", draw);
  // Dragged, the box follows the pointer as far as there are masks.
  const perStep = shifts[1] - shifts[0];
  for (const { canvas } of parts) {
    let start = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      start = { x: event.clientX, at: Number(slider.value), zoom: canvas.getBoundingClientRect().width / width };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start || !(event.buttons & 1)) return;
      slider.value = Math.round(start.at + (event.clientX - start.x) / start.zoom / perStep);
      draw();
    });
  }
  draw();
}
