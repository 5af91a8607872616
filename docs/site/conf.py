"""Sphinx's configuration; `python docs/site/build.py` gathers the sources and calls it."""

from importlib.metadata import files
from pathlib import Path

from addresses import REPOSITORY, SITE
from api import lines_of, set_listings_apart, spell_code
from docutils import nodes
from gather import alternative_texts
from panels import load_panels, write_panels
from sphinx.util.fileutil import copy_asset

import mrcnn_lite

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

project = "mrcnn-lite"
author = "The mrcnn-lite authors"
version = release = mrcnn_lite.__version__
language = "en"

extensions = [
    "myst_nb",
    "prediction",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "sphinxext.opengraph",
]
exclude_patterns: list[str] = []

# --- lessons: as they were run and committed
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 5
# `site:` is a page that is not Sphinx's: the explorer.
myst_url_schemes = {"http": None, "https": None, "mailto": None, "site": "{{path}}#{{fragment}}"}

# --- the package guide
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_rtype = False
napoleon_use_ivar = True

# --- pages
html_theme = "furo"
html_title = "mrcnn-lite"
html_baseurl = SITE
html_static_path = [str(HERE / "static")]
html_css_files = ["course.css"]
html_js_files = ["explorer_frame.js", "scrollable.js", "search_from_disk.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_last_updated_fmt = None
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "top_of_page_buttons": [],
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
ogp_site_url = SITE
ogp_image = f"{SITE}_static/social.png"
ogp_image_alt = (
    "A head in a box, and the coarse pictures of it that RoIPool and RoIAlign give the network"
)
ogp_enable_meta_description = True

# --- mathematics, from the files that its package brings along
mathjax_path = "mathjax/tex-chtml.js"
mathjax_options = {"defer": "defer"}
mathjax3_config = {"options": {"enableMenu": False}}
MATHJAX_FILES = ("tex-chtml.js", "output/chtml/fonts/woff-v2")


def copy_mathjax(app, error) -> None:
    """Copy what pages need of MathJax; the whole of it is larger than the course."""
    if error is None:
        [script] = [path for path in files("sphinx-mathjax-offline") if path.name == "tex-chtml.js"]
        source = Path(script.locate()).parent
        for name in MATHJAX_FILES:
            target = app.outdir / "_static" / "mathjax" / name
            copy_asset(source / name, target if (source / name).is_dir() else target.parent)


def describe_pictures(app, document) -> None:
    """Give the pictures of a lesson the descriptions that stand in its notebook."""
    path = ROOT / app.env.doc2path(app.env.docname, base=False)
    if path.suffix == ".ipynb":
        outputs = (n for n in document.findall(nodes.container) if "cell_output" in n["classes"])
        shown = [image for output in outputs for image in output.findall(nodes.image)]
        for image, text in zip(shown, alternative_texts(path), strict=True):
            image["alt"] = text


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Give the address of what the package guide describes, in the repository."""
    module = info["module"].replace(".", "/")
    return f"{REPOSITORY}/blob/main/{module}.py{lines_of(info['module'], info['fullname'])}"


def setup(app) -> None:
    """Add what is ours."""
    # The one before Napoleon takes arguments apart, the other after it.
    app.connect("autodoc-process-docstring", spell_code, priority=100)
    app.connect("autodoc-process-docstring", set_listings_apart, priority=900)
    app.connect("doctree-read", describe_pictures)
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", load_panels)
    app.connect("build-finished", write_panels)
