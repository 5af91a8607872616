// Pictures under the box: a reader's own, brought to size, and the features of any.

// A dropped picture's longer side, and what both sides are whole multiples of: cells of any stride.
const [PICTURE_SIZE, PICTURE_STEP] = [512, 32];

/** Read a picture file: { picture, scene_size }, cropped and scaled; rejects what is no picture. */
export async function readPicture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = PICTURE_SIZE / Math.max(bitmap.width, bitmap.height);
  const whole = (n) => Math.max(Math.round((n * scale) / PICTURE_STEP), 1) * PICTURE_STEP;
  const canvas = document.createElement("canvas");
  const [width, height] = ([canvas.width, canvas.height] = [whole(bitmap.width), whole(bitmap.height)]);
  // Cover it: crop what does not fit whole cells.
  const cover = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * cover, bitmap.height * cover];
  const context = canvas.getContext("2d");
  // JPEG knows no transparency.
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
  return { picture: canvas.toDataURL("image/jpeg", 0.9), scene_size: [height, width] };
}

/** Keep a box's size and place as far as a scene of [height, width] has room. */
export function fitBox([x1, y1, x2, y2], [height, width]) {
  const [w, h] = [Math.min(x2 - x1, width), Math.min(y2 - y1, height)];
  const [x, y] = [Math.min(x1, width - w), Math.min(y1, height - h)];
  return [x, y, x + w, y + h];
}

/**
 * Average a picture's patches of stride x stride pixels: the features, three channels of them.
 *
 * Returns { rows, columns, channels, values, picture }: the colours in 0..255, row by row, and a
 * canvas on which each cell is a pixel.
 */
export function featuresOf(picture, [height, width], stride) {
  const source = new OffscreenCanvas(width, height);
  const context = source.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const sums = new Float64Array(rows * columns * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = (Math.floor(y / stride) * columns + Math.floor(x / stride)) * 4;
      const pixel = (y * width + x) * 4;
      for (let c = 0; c < 3; c++) sums[cell + c] += pixels[pixel + c];
      sums[cell + 3] += 1;
    }
  }
  const values = new Float64Array(rows * columns * 3);
  for (let cell = 0; cell < rows * columns; cell++) {
    for (let c = 0; c < 3; c++) values[cell * 3 + c] = sums[cell * 4 + c] / sums[cell * 4 + 3];
  }
  const map = { rows, columns, channels: 3, values };
  return { ...map, picture: asPicture(map, new OffscreenCanvas(columns, rows)) };
}

/** Colours, row by row, on a canvas that is given that many pixels. */
export function asPicture({ rows, columns, values }, canvas) {
  const pixels = new Uint8ClampedArray(rows * columns * 4).fill(255);
  for (let cell = 0; cell < rows * columns; cell++) {
    for (let c = 0; c < 3; c++) pixels[cell * 4 + c] = values[cell * 3 + c];
  }
  if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
  canvas.getContext("2d").putImageData(new ImageData(pixels, columns, rows), 0, 0);
  return canvas;
}

