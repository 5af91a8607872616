// What changes a widget's looks from outside: its width, dark or light, the theme around it.

// What the theme of JupyterLab, of VS Code or of the course's site is known by.
const THEMES = ["data-jp-theme-light", "data-vscode-theme-kind", "data-theme", "class", "style"];
const RESTYLED_AFTER_MS = 600;

/** Call `redraw()` whenever one of them has changed, until `end()`. */
export function watchLooks(root, redraw) {
  const resized = new ResizeObserver(redraw);
  resized.observe(root);
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  darkness.addEventListener("change", redraw);
  // JupyterLab names a theme before its styles are there.
  let restyled = 0;
  const themed = new MutationObserver(() => {
    redraw();
    clearTimeout(restyled);
    restyled = setTimeout(redraw, RESTYLED_AFTER_MS);
  });
  for (const node of [document.body, document.documentElement]) {
    themed.observe(node, { attributes: true, attributeFilter: THEMES });
  }
  const end = () => {
    for (const observer of [resized, themed]) observer.disconnect();
    darkness.removeEventListener("change", redraw);
    clearTimeout(restyled);
  };
  return { end };
}
