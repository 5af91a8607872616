"""The misalignment explorer as a page of the site: `mrcnn-lite explorer`, with the way back."""

from pathlib import Path

from addresses import SITE

from mrcnn_lite.explore.explorer.page import page_source
from mrcnn_lite.files import write_text

TITLE = "What is RoIAlign for? Drag a box, and see"
# A page that another one frames says how high it is, and needs no way back.
ON_THE_SITE = """\
<nav class="course" aria-label="The course" style="margin: 12px 20px 0">
<a href="index.html">mrcnn-lite: build Mask R-CNN, piece by piece</a>
</nav>
<script>
if (parent !== window) {
  document.querySelector(".course").remove();
  const tell = () => parent.postMessage({ explorerHeight: document.body.offsetHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
  addEventListener("message", tell);
}
</script>
"""


def write_explorer(path: Path) -> None:
    """Write the page, with what a link to it shows elsewhere."""
    page = page_source()
    described = page.partition('<meta name="description" content="')[2].partition('"')[0]
    tags = {
        "og:title": TITLE,
        "og:description": described,
        "og:url": f"{SITE}explorer.html",
        "og:image": f"{SITE}_static/social.png",
        "og:type": "website",
        "twitter:card": "summary_large_image",
    }
    head = "".join(f'<meta property="{name}" content="{text}">\n' for name, text in tags.items())
    page = page.replace("<title>", f"{head}<title>", 1)
    write_text(path, page.replace("<main", f"{ON_THE_SITE}<main", 1))
