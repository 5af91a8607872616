"""The lessons' panels, alive in the page: their state lies beside the still picture of each."""

import json
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from mrcnn_lite.explore.panels.panel import STATE
from mrcnn_lite.explore.panels.web_sources import module_source, style_source
from mrcnn_lite.files import write_text

SCRIPT, STYLE = "panels.js", "panels.css"
MARK = '<script type="application/json" class="mrcnn-lite-panel">'


def with_panels(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Let the state of each panel follow its picture, as an output that the page's script reads."""
    shown = []
    for output in outputs:
        shown.append(output)
        if state := output.get("metadata", {}).pop(STATE, None):
            # In a script "</" would end it, wherever it stands.
            text = json.dumps(state, separators=(",", ":")).replace("</", "<\\/")
            shown.append(new_output("display_data", {"text/html": f"{MARK}{text}</script>"}))
    return shown


def load_panels(app, page: str, template: str, context: dict, document) -> None:
    """Load script and style on the pages that have panels."""
    if MARK in context.get("body", ""):
        app.add_css_file(STYLE)
        app.add_js_file(SCRIPT, loading_method="defer")


def write_panels(app, error) -> None:
    """Write script and style."""
    if error is None:
        # A script with a scope of its own, since from disk no page may load modules.
        module = module_source().replace("export default { render };", "")
        page = Path(__file__).with_suffix(".js").read_text("utf-8")
        write_text(app.outdir / "_static" / SCRIPT, f"(() => {{\n{module}\n{page}}})();\n")
        write_text(app.outdir / "_static" / STYLE, style_source())
