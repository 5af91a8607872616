// The controls beside the pictures: choices, numbers with sliders, switches.

import { readNumber, show } from "./numbers.js";

// Each widget in a notebook loads these modules for itself, so a count alone would give two of them
// the same names, and the radio buttons of both would be one group.
const OF_THIS_PAGE = crypto.getRandomValues(new Uint32Array(2)).join("-");
let numberOfParts = 0;

/** A name that no other element has, in this widget or another one beside it. */
function uniqueName(name) {
  numberOfParts += 1;
  return `${name}-${OF_THIS_PAGE}-${numberOfParts}`;
}

/** Make an element: attributes, then children (nodes or texts). */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A choice of one among few, as radio buttons that look like one switch. */
export function makeChoice(legend, name, options, onChoose) {
  const group = uniqueName(name);
  const inputs = new Map();
  const labels = Object.entries(options).map(([value, content]) => {
    const input = make("input", { type: "radio", name: group, value, "data-choice": name, on: { change: () => onChoose(value) } });
    inputs.set(value, input);
    return make("label", {}, input, make("span", {}, ...[content].flat()));
  });
  const node = make("fieldset", { class: `choice ${name}` }, make("legend", {}, legend), make("div", {}, ...labels));
  const set = (value) => {
    inputs.get(String(value)).checked = true;
  };
  return { node, set };
}

/**
 * A slider with its number field, called `label`; arrow keys change it by `step`. `onChange(value)`
 * gets numbers, `onError(text)` the rest.
 */
export function makeNumber(name, label, { whole = false, step = 1, words = show, onChange, onError }) {
  const id = uniqueName("number");
  const slider = make("input", {
    type: "range", step, "data-slider": name, "aria-label": `${label}, slider`,
    on: { input: () => onChange(Number(slider.value)) },
  });
  const field = make("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", id, "data-field": name,
    on: { input: () => (typing = true), change: () => take(), keydown: (event) => press(event), blur: () => settle() },
  });
  let current = { value: 0, low: NaN, high: NaN };
  let typing = false;
  const refuse = (text) => {
    field.setAttribute("aria-invalid", "true");
    onError(text);
  };
  const take = () => {
    typing = false;
    const { value, error } = readNumber(field.value, label, whole);
    if (error) refuse(error);
    else onChange(value);
  };
  const press = (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Escape") reset();
    // JupyterLab keeps the key from having its usual effect.
    if (event.key === "Enter") take();
    if (by === undefined) return;
    event.preventDefault();
    onChange(current.value + by * step);
  };
  const reset = () => {
    typing = false;
    field.removeAttribute("aria-invalid");
    field.value = show(current.value).replace("\u2212", "-");
  };
  // A refused text stays to be seen until the field is left.
  const settle = () => {
    typing = false;
    if (field.getAttribute("aria-invalid")) reset();
  };
  const set = (value, low, high) => {
    // Written anew, even equal limits would make the browser lay the slider out.
    if (low !== current.low || high !== current.high) [slider.min, slider.max] = [low, high];
    current = { value, low, high };
    slider.value = value;
    slider.setAttribute("aria-valuetext", words(value));
    if (!typing) reset();
  };
  const node = make("div", { class: "number" }, make("label", { for: id }, label), slider, field);
  return { node, set };
}

/** A switch that is on or off, with a note that says what it is about. */
export function makeSwitch(name, words, note, onChange) {
  const id = uniqueName(name);
  const input = make("input", { type: "checkbox", role: "switch", "data-switch": name, "aria-describedby": id, on: { change: () => onChange(input.checked) } });
  const node = make("div", { class: "switch" }, make("label", {}, input, words), make("p", { id }, note));
  const set = (on) => {
    input.checked = on;
  };
  return { node, set };
}
