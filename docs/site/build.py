"""Build the course as a site, and as one zip for a classroom.

    python docs/site/build.py                  # needs `pip install -e '.[site]'`
    python docs/site/build.py --out elsewhere

The site is in OUT/html; it works from a web server and from disk. OUT/mrcnn-lite-site.zip is the
same as one file.
"""

import argparse
import shutil
import sys
from pathlib import Path

import nbformat
from explorer_page import write_explorer
from for_everyone import complete_pages
from gather import gather
from sphinx.cmd.build import main as sphinx_build

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ZIP = "mrcnn-lite-site"
# Stands in a folder of ours, of which an earlier build may be deleted.
MARK = ".mrcnn-lite-site"


def build(out: Path) -> int:
    """Build the site below `out`; what was there of an earlier build goes, what is not ours stays.

    Returns:
        0, or Sphinx's exit status if it found something wrong.
    """
    source, html = out / "source", out / "html"
    if not (out / MARK).exists() and (source.exists() or html.exists()):
        sys.exit(f"{out} has files that are not an earlier build's; choose another folder by --out")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    gather(source)
    shutil.rmtree(html, ignore_errors=True)
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-c", str(HERE)]
    status = sphinx_build([*options, "-d", str(out / "doctrees"), str(source), str(html)])
    if status:
        return status
    complete_pages(html)
    downloads = html / "_downloads"
    downloads.mkdir(exist_ok=True)
    for lesson in sorted((ROOT / "notebooks").glob("*.ipynb")):
        write_download(lesson, downloads / lesson.name)
    write_explorer(html / "explorer.html")
    # GitHub Pages would leave out folders that begin with an underscore.
    (html / ".nojekyll").touch()
    shutil.make_archive(str(out / ZIP), "zip", out, "html")
    return 0


def write_download(lesson: Path, file: Path) -> None:
    """Write a lesson to be run: what its cells gave stands on the page, at a third of the site."""
    notebook = nbformat.read(lesson, as_version=nbformat.NO_CONVERT)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, file)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "site", metavar="DIR")
    out = parser.parse_args().out
    if status := build(out):
        sys.exit(status)
    print(f"wrote {out / 'html' / 'index.html'} and {out / ZIP}.zip")


if __name__ == "__main__":
    main()
