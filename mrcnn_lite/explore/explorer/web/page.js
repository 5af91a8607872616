// The stand-alone page: the widget on a model of its own, which the address remembers.

const scenes = {{scenes}};
// The scene that the guide speaks of, and in which words.
const [first, called] = [Object.keys(scenes)[0], {{called}}];
const IN_ADDRESS = ["operation", "roi", "stride", "bins", "sampling_ratio", "bin", "axis", "view", "causes"];
const place = document.getElementById("explorer");
const page = document.querySelector("main");
// In place of the number of a step: the guide is over, and everything can be set.
const ALL = "all";

/** What the address asks for, as far as it makes sense: a scene, a step of the guide, settings. */
function fromAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const scene = Object.hasOwn(scenes, words.get("scene")) ? words.get("scene") : first;
  const settings = {};
  for (const [key, text] of words) {
    try {
      if (IN_ADDRESS.includes(key)) settings[key] = JSON.parse(text);
    } catch {
      // A mistyped address is no reason to show nothing.
    }
  }
  const number = Number(words.get("step") ?? NaN);
  // A link to settings or to a scene is to all controls; the bare page begins at the beginning.
  const bare = Object.keys(settings).length === 0 && !words.has("scene");
  const step = Number.isInteger(number) && number >= 0 && number < steps.length ? number : bare ? 0 : ALL;
  return { scene, step, settings: sensible({ ...scenes[scene], ...settings }, scenes[scene]) };
}

/** Keep in the address what is set. */
function toAddress() {
  // A link cannot carry the reader's own picture, and the box would be nowhere in another one.
  const names = IN_ADDRESS.filter((name) => !(isOwnPicture() && (name === "roi" || name === "bin")));
  const settings = names.map((key) => `${key}=${encodeURIComponent(JSON.stringify(values[key]))}`);
  const words = step === ALL ? [`scene=${scene}`, ...settings] : [`step=${step}`];
  history.replaceState(null, "", `#${words.join("&")}`);
}

const steps = [...document.querySelectorAll("[data-step]")];
let { scene, step, settings: values } = fromAddress();
// The reader's own picture, which nothing but the reader puts aside, and the preset that was tried on it.
let [own, tried] = [null, null];
const listeners = new Map();
const isOwnPicture = () => Object.values(scenes).every(({ picture }) => picture !== values.picture);
const model = {
  // What "Reset" returns to, whatever the address has asked for.
  get initial() {
    return { ...scenes[scene] };
  },
  // In the guide the scene shows the boxes alone.
  get plain() {
    return step !== ALL;
  },
  get: (key) => values[key],
  set: (key, value) => {
    values[key] = value;
  },
  on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
  off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((other) => other !== listener)),
  save_changes: () => {
    clearTimeout(model.saving);
    // Browsers refuse an address that changes too often.
    model.saving = setTimeout(toAddress, 400);
    offer();
  },
};
const tell = (changes) => {
  values = sensible({ ...values, ...changes }, values);
  for (const key of Object.keys(changes)) for (const listener of listeners.get(`change:${key}`) ?? []) listener();
  model.save_changes();
};

const [offered, answer] = document.querySelectorAll(".offer > *");
/** Say what the reader's own picture has to do with the text, and offer the other one. */
function offer() {
  if (isOwnPicture()) own = { picture: values.picture, scene_size: values.scene_size };
  const name = step === ALL ? called[scene] : called[first];
  const ways = {
    back: ["Your own picture is put aside.", "Show it again"],
    step: [`This is your own picture; the steps speak of ${name}.`, `Show ${name}`],
    tried: [`This is your own picture; the text speaks of ${name}.`, `Show ${name}`],
  };
  const way = own && !isOwnPicture() ? "back" : own && step !== ALL ? "step" : own && tried ? "tried" : "";
  offered.parentNode.hidden = way === "";
  answer.dataset.way = way;
  if (way === "" || offered.textContent === ways[way][0]) return;
  [offered.textContent, answer.textContent] = ways[way];
}
answer.addEventListener("click", () => {
  const { way } = answer.dataset;
  if (way === "back") {
    tried = null;
    tell({ ...own, roi: fitBox(values.roi, own.scene_size) });
  } else if (way === "step") {
    scene = first;
    tell({ ...scenes[first], ...JSON.parse(steps[step].dataset.step) });
  } else tell({ ...scenes[scene], ...tried });
});
/** Settings of the text for what is shown: on the reader's own picture the box goes where there is room. */
const fitted = (settings) => (settings.roi && isOwnPicture() ? { ...settings, roi: fitBox(settings.roi, values.scene_size) } : settings);

/** Go to a step of the guide, 0 before the first of them, or to all controls. */
const goTo = (number) => {
  step = number;
  page.dataset.at = step;
  steps.forEach((item, i) => (item.hidden = i !== step));
  const [back, next] = ["back", "next"].map((name) => document.querySelector(`[data-do=${name}]`));
  [back.hidden, next.hidden] = [!(step > 0), step === steps.length - 1];
  next.textContent = step === 0 ? "Why? In six steps" : "Next";
  document.querySelector("[data-do=number]").textContent = step > 0 ? `${step} of ${steps.length - 1}` : "";
  tried = null;
  model.save_changes();
};
/** Go there with the settings that the step speaks of, and in its scene, unless that is the reader's own. */
const begin = (number) => {
  const settings = JSON.parse(steps[number].dataset.step);
  if (isOwnPicture()) tell(settings);
  else {
    scene = first;
    tell({ ...scenes[first], ...settings });
  }
  goTo(number);
};
const ways = { back: () => begin(step - 1), next: () => begin(step + 1), all: () => goTo(ALL), guide: () => begin(1) };
const toTheTop = () => {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  (step === ALL ? place : page).scrollIntoView({ block: "start", behavior });
};

place.textContent = "";
render({ model, el: place });
showMasks(document.querySelector(".mask"));
if (step === ALL) goTo(ALL);
else begin(step);
for (const [name, go] of Object.entries(ways)) {
  const button = document.querySelector(`button[data-do=${name}]`);
  button.addEventListener("click", () => {
    go();
    if (name === "guide") toTheTop();
  });
}
for (const button of document.querySelectorAll("[data-scene]")) {
  button.addEventListener("click", () => {
    scene = button.dataset.scene;
    tell(scenes[scene]);
    goTo(ALL);
    toTheTop();
  });
}
for (const button of document.querySelectorAll("[data-set]")) {
  button.addEventListener("click", () => {
    const settings = JSON.parse(button.dataset.set);
    tell(fitted(settings));
    goTo(ALL);
    if (isOwnPicture()) tried = settings;
    offer();
    toTheTop();
  });
}
const copy = document.querySelector("button[data-do=copy]");
copy.addEventListener("click", async () => {
  toAddress();
  let said = "Link copied";
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    // Where the clipboard is closed to pages, the address above shows the same.
    said = "Copy the address above";
  }
  copy.textContent = page.querySelector(".said").textContent = said;
  setTimeout(() => (copy.textContent = "Copy link"), 2500);
});
window.addEventListener("hashchange", () => {
  const asked = fromAddress();
  scene = asked.scene;
  if (asked.step !== ALL) return begin(asked.step);
  tell(asked.settings);
  goTo(ALL);
});
// For readers who try things in the browser's console.
window.explorer = { get: model.get, set: tell };
