"""Re-execute the lessons in place, so that a diff shows only what really changed.

    python -m mrcnn_lite.course.notebooks [NOTEBOOK ...]

Without arguments, all of `notebooks/`. A notebook that fails stays as it was.
"""

import argparse
import base64
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image
from tqdm import tqdm

from mrcnn_lite.course.alt_text import INSTALL as ALT_TEXT
from mrcnn_lite.errors import InputError
from mrcnn_lite.explore.still import WIDGET_VIEW, reduce_colours
from mrcnn_lite.files import write_atomically

FOLDER = Path("notebooks")
# Whoever runs the lessons has other versions: name the language and the kernel, and nothing more.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The tag of a cell whose code is folded, since it only draws. Books of notebooks know it by this
# name; JupyterLab and VS Code want `source_hidden`, which follows from it.
FOLDED = "hide-input"
# The tag of a heading under which everything is beyond the lesson's time; JupyterLab folds it.
OPTIONAL = "optional"
# Lesson 11 trains for some minutes.
CELL_TIMEOUT_SECONDS = 600
_ANSI_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def execute(path: str | Path) -> None:
    """Run all cells of a notebook in a fresh kernel, in its own folder, and write it back.

    Args:
        path: the notebook file.

    Raises:
        InputError: it is missing or no notebook, or a cell failed; the file is then unchanged.
    """
    path = Path(path)
    notebook = read_notebook(path)
    run(notebook, path)
    stabilise(notebook)
    with write_atomically(path) as temporary:
        nbformat.write(notebook, temporary)


def run(notebook: NotebookNode, path: Path) -> None:
    """Run all cells in a fresh kernel in the folder of `path`; the file stays as it is.

    Raises:
        InputError: a cell failed.
    """
    progress = tqdm(total=len(notebook.cells), desc=path.name, unit="cell")

    def show_cell(cell: NotebookNode, cell_index: int) -> None:
        progress.update(cell_index - progress.n)

    client = NotebookClient(
        notebook,
        kernel_name=METADATA["kernelspec"]["name"],
        timeout=CELL_TIMEOUT_SECONDS,
        resources={"metadata": {"path": str(path.parent)}},
        # Without this each kernel warns that it talks to this process unencrypted.
        extra_arguments=[
            "--IPKernelApp.log_level=ERROR",
            f"--IPKernelApp.exec_lines={ALT_TEXT}",
        ],
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        on_cell_start=show_cell,
    )
    with progress:
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            reason = _ANSI_COLOR.sub("", getattr(error, "traceback", str(error)))
            raise InputError(f"{path}, cell {progress.n + 1} failed:\n{reason}") from error
        progress.update(progress.total - progress.n)


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook in the current format.

    Raises:
        InputError: the file is missing or no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise InputError(f"{path} cannot be read as a notebook: {error}") from error


def stabilise(notebook: NotebookNode) -> None:
    """Remove what differs between two runs of the same notebook, in place.

    Of the cells' metadata only the tags stay, and a cell with the tag `hide-input` is folded, a
    heading with the tag `optional`, too. Ids stay as they are; a cell that has none, or the one of
    another cell, is named after its position. Views of widgets go, since nothing can show
    them without the kernel that made them. Pictures are made smaller.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen = set()
    for position, cell in enumerate(notebook.cells):
        if cell.get("id") is None or cell.id in seen:
            cell.id = f"cell-{position}"
        seen.add(cell.id)
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if FOLDED in (tags or []):
            cell.metadata["jupyter"] = {"source_hidden": True}
        if OPTIONAL in (tags or []):
            cell.metadata["jp-MarkdownHeadingCollapsed"] = True
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(WIDGET_VIEW, None)
            if "image/png" in data:
                data["image/png"] = shrink_png(data["image/png"])
        if "outputs" in cell:
            # Of a widget whose picture stands before it nothing is left.
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def shrink_png(encoded: str) -> str:
    """Re-encode a picture (base64) with a palette of 256 colours, at less than half the bytes."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    return base64.b64encode(reduce_colours(image)).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mrcnn_lite.course.notebooks",
        description="Re-execute lessons in place.",
        epilog="example: python -m mrcnn_lite.course.notebooks notebooks/01_*.ipynb",
    )
    parser.add_argument(
        "notebooks", type=Path, nargs="*", help=f"notebook files (default: all in {FOLDER}/)"
    )
    paths = parser.parse_args(arguments).notebooks or sorted(FOLDER.glob("*.ipynb"))
    try:
        if not paths:
            raise InputError(f"no notebooks in {FOLDER.absolute()}")
        for path in paths:
            execute(path)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
