// Tensors as a widget gets them: the inverse of `pack` in mrcnn_lite/explore/browser.py.

/** The numbers of a packed tensor in its order, row by row: floats, or 0 and 1. */
export function unpack({ shape, float32, bits }) {
  const bytes = Uint8Array.from(atob(float32 ?? bits), (letter) => letter.charCodeAt(0));
  if (float32 !== undefined) return Float64Array.from(new Float32Array(bytes.buffer));
  const size = shape.reduce((product, length) => product * length, 1);
  return Uint8Array.from({ length: size }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}
