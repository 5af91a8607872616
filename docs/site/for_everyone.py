"""What the theme and its neighbours leave out of a page for those who do not see it."""

import re
from pathlib import Path

REPLACED = (
    # The captions of the contents: headings without a level.
    (r'<p class="caption" role="heading">', '<p class="caption">'),
    # A head that says nothing is a cell.
    (r'<th class="head[^"]*"><p></p></th>', "<td></td>"),
    # What is beside a page has a name of its own.
    (r'<aside class="sidebar-drawer', '<aside aria-label="The site" class="sidebar-drawer'),
    (r'<aside class="toc-drawer', '<aside aria-label="This page" class="toc-drawer'),
    # A line under which code is folded is called what it says.
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # The page of the search has a title, too.
    (r'<div id="search-results">', '<h1>Search</h1>\n<div id="search-results">'),
)


def complete_pages(html: Path) -> None:
    """Change every page below a folder."""
    for path in html.rglob("*.html"):
        text = path.read_text("utf-8")
        for found, wanted in REPLACED:
            text = re.sub(found, wanted, text)
        path.write_text(text, encoding="utf-8")
