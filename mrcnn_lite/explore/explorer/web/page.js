// The stand-alone page: the widget on a model of its own, which the address remembers.

const start = {{settings}};
const IN_ADDRESS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view"];

/** Settings from the address, as far as they make sense; all others as at the start. */
function fromAddress() {
  const settings = {};
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    try {
      if (IN_ADDRESS.includes(key)) settings[key] = JSON.parse(text);
    } catch {
      // A mistyped address is no reason to show nothing.
    }
  }
  return sensible({ ...start, ...settings }, start);
}

const values = fromAddress();
const listeners = new Map();
const model = {
  get: (key) => values[key],
  set: (key, value) => {
    values[key] = value;
  },
  on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
  off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((other) => other !== listener)),
  save_changes: () => {
    const words = IN_ADDRESS.map((key) => `${key}=${encodeURIComponent(JSON.stringify(values[key]))}`);
    clearTimeout(model.saving);
    // Browsers refuse an address that changes too often.
    model.saving = setTimeout(() => history.replaceState(null, "", `#${words.join("&")}`), 400);
  },
};
const tell = (changes) => {
  Object.assign(values, sensible({ ...values, ...changes }, values));
  for (const key of Object.keys(changes)) for (const listener of listeners.get(`change:${key}`) ?? []) listener();
  model.save_changes();
};
const place = document.getElementById("explorer");
place.textContent = "";
render({ model, el: place });
for (const button of document.querySelectorAll("[data-set]")) {
  button.addEventListener("click", () => {
    tell(JSON.parse(button.dataset.set));
    place.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  });
}
window.addEventListener("hashchange", () => tell(fromAddress()));
// For readers who try things in the browser's console.
window.explorer = { get: model.get, set: tell };
