// Where a box reaches beyond the map: where that ends.

import { BEYOND } from "./settings.js";

/** Hatch what is beyond a map of [height, width] in image pixels, and draw the line where it ends. */
export function hatchBeyond({ context, width, height }, rectangle, [bottom, right], colors, enlarged) {
  const [x, y, w, h] = rectangle([0, 0, right, bottom]);
  context.save();
  context.beginPath();
  context.rect(...(enlarged ? [0, 0, width, height] : rectangle([-BEYOND, -BEYOND, right + BEYOND, bottom + BEYOND])));
  context.rect(x, y, w, h);
  context.clip("evenodd");
  context.beginPath();
  for (let start = -height; start < width; start += 7) {
    context.moveTo(start, height);
    context.lineTo(start + height, 0);
  }
  context.strokeStyle = colors.muted;
  context.lineWidth = 0.7;
  context.stroke();
  context.restore();
  context.strokeStyle = colors.ink;
  context.lineWidth = 2.5;
  context.strokeRect(x, y, w, h);
  if (enlarged) return;
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.lineJoin = "round";
  context.strokeStyle = colors.surface;
  context.lineWidth = 6;
  context.strokeText("the map ends here", x + w, y - 7);
  context.fillStyle = colors.ink;
  context.fillText("the map ends here", x + w, y - 7);
}
