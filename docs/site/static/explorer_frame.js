// The front page shows the explorer as high as it is; its page says how high, since from disk no page
// may look into another.
addEventListener("message", ({ data, source }) => {
  const frame = document.querySelector("iframe.explorer");
  if (frame && source === frame.contentWindow && data?.explorerHeight > 0) {
    frame.style.height = `${data.explorerHeight}px`;
  }
});
// It may have said so before this script ran.
document.querySelector("iframe.explorer")?.contentWindow.postMessage("how high?", "*");
