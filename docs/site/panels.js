// On a page: a living panel in the place of each still picture, which stands where no script runs.
for (const script of document.querySelectorAll("script.mrcnn-lite-panel")) {
  const state = JSON.parse(script.textContent);
  const model = {
    get: (key) => state[key],
    set: (key, value) => (state[key] = value),
    on() {},
    off() {},
    save_changes() {},
  };
  const image = script.closest(".cell_output").querySelector("img");
  // A picture may be a link to itself.
  const still = image.closest("a") ?? image;
  const place = document.createElement("div");
  still.before(place);
  render({ model, el: place });
  still.hidden = true;
}
