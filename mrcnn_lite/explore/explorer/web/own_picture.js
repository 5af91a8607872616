// The picture under the box: the scene's, or the reader's own, chosen or dropped.

import { featuresOf, fitBox, readPicture } from "./pictures.js";

/** The picture as the browser has it, and its features; `onLoad()` is called when there is a new one. */
export function makePicture(settings, { onLoad, refuse }) {
  const image = new Image();
  let features = { of: null };
  image.addEventListener("load", () => {
    features = { of: null };
    onLoad();
  });
  image.addEventListener("error", () => refuse("The picture cannot be shown."));
  return {
    image,
    isLoaded: () => image.complete && image.naturalWidth > 0,
    follow: () => {
      if (image.src !== settings.picture) image.src = settings.picture;
    },
    features: () => {
      const key = `${settings.stride} ${settings.scene_size}`;
      if (features.of !== key) features = { of: key, ...featuresOf(image, settings.scene_size, settings.stride) };
      return features;
    },
  };
}

/** A function that takes a picture file as the scene, and says what became of it. */
export function pictureTaker(settings, { change, refuse }) {
  return async (file) => {
    try {
      const { picture, scene_size } = await readPicture(file);
      const note = `Your picture was scaled to ${scene_size[1]} \u00d7 ${scene_size[0]} pixels. It stays on this device.`;
      change({ picture, scene_size, roi: fitBox(settings.roi, scene_size) }, { note });
    } catch {
      refuse(`"${file.name}" is no picture that this browser can read.`);
    }
  };
}

/** Let pictures be dropped on the explorer. */
export function takeDrops(root, { take, refuse }) {
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  for (const leave of ["dragleave", "drop"]) root.addEventListener(leave, () => root.classList.remove("dropping"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    else refuse("Only a picture file can be dropped here.");
  });
}
