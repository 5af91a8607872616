// The front page shows the explorer as high as it is; its page says how high, since from disk no page
// may look into another.
addEventListener("message", ({ data, source }) => {
  const frame = document.querySelector("iframe.explorer");
  if (frame && source === frame.contentWindow && data?.explorerHeight > 0) {
    frame.style.height = `${data.explorerHeight}px`;
  }
});
// From disk a page may not fetch others, so search shows titles alone there.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
