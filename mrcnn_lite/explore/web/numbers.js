// Numbers as texts, and texts as numbers.

/** A number as text: at most three decimals, a true minus sign. */
export function show(x, digits = 3) {
  const rounded = Number(x.toFixed(digits));
  return (Object.is(rounded, -0) ? "0" : String(rounded)).replace("-", "\u2212");
}

/** The same with its sign, as an error is written. */
export function showSigned(x, digits = 2) {
  const text = show(x, digits);
  return text === "0" || text.startsWith("\u2212") ? text : `+${text}`;
}

/** The number that a text means, or an error that says what is wrong with it as `label`. */
export function readNumber(text, label, whole = false) {
  const cleaned = text.trim().replace("\u2212", "-").replace(",", ".");
  const value = cleaned === "" ? NaN : Number(cleaned);
  if (!Number.isFinite(value)) {
    return { error: `The ${label} must be a number; "${text.slice(0, 20)}" is none. Kept as it was.` };
  }
  if (whole && !Number.isInteger(value)) {
    return { error: `The ${label} must be a whole number; ${text.slice(0, 20)} is none. Kept as it was.` };
  }
  return { value };
}

/** Bring a value between two limits; the note says so if it was not. */
export function limit(value, [low, high], label, unit = "") {
  const kept = Math.min(Math.max(value, low), high);
  if (kept === value) return { value };
  const side = value < low ? `at least ${show(low)}` : `at most ${show(high)}`;
  return { value: kept, note: `The ${label} is ${side}${unit} here; ${show(value)} was changed to ${show(kept)}.` };
}
