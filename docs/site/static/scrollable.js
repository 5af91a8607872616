// What is wider than the page scrolls by itself, and then the keyboard has to reach it.
const regions = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
document.addEventListener("DOMContentLoaded", () => {
  for (const region of document.querySelectorAll("article pre, article .table-wrapper, article :is(.math, .math-wrapper)")) {
    regions.observe(region);
  }
});
