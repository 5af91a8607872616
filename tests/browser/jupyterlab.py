"""A JupyterLab of its own for a test: started on a free port, ended with all its kernels."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
# Long enough for a lesson on a busy machine.
RUN_SECONDS = 300
# Tall, since JupyterLab only makes the cells that are near the view.
VIEWPORT = {"width": 1280, "height": 2800}


def copy_lesson(name: str, folder: Path, last_cell: str) -> None:
    """Copy a lesson, one cell longer, and the weights that it reads to a folder for JupyterLab."""
    (folder / "notebooks").mkdir()
    shutil.copytree(ROOT / "data" / "weights", folder / "data" / "weights")
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    for cell in lesson.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    lesson.cells.append(nbformat.v4.new_code_cell(last_cell))
    nbformat.write(lesson, folder / "notebooks" / f"{name}.ipynb")


@contextlib.contextmanager
def start_jupyterlab(folder: Path) -> Iterator[str]:
    """Give the address of a JupyterLab on `folder`, without a token, for this machine alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
        "--expose-app-in-browser",
        # No outside request: neither for news nor for extensions.
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LabApp.workspaces_dir=" + str(folder / "workspaces"),
        "--LabApp.user_settings_dir=" + str(folder / "settings"),
    ]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    log = (folder / "jupyterlab.log").open("w", encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        env={**os.environ, "PYTHONPATH": paths, "JUPYTER_CONFIG_DIR": str(folder / "config")},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(f"{address}/api", server, folder / "jupyterlab.log")
        yield address
    finally:
        if os.name != "nt":
            # An interrupt first, on which the server ends its kernels.
            server.send_signal(signal.SIGINT)
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=15)
        log.close()


def wait_for_answer(address: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text("utf-8")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=2).close()
            return
        time.sleep(0.3)
    raise AssertionError(
        f"JupyterLab did not start in {START_SECONDS} s:\n{log.read_text('utf-8')}"
    )


def run_all_cells(page) -> None:
    """Run all cells of the open notebook and wait for the last one."""
    # The indicator alone is idle before there is a kernel, and then running opens a dialog.
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=90_000)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        " === 'idle'",
        timeout=90_000,
        polling=200,
    )
    # Not awaited: it ends with the last cell.
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(
        "() => { const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells]"
        ".filter((cell) => cell.type === 'code');"
        " return cells.every((cell) => cell.executionCount !== null); }",
        timeout=1000 * RUN_SECONDS,
        polling=500,
    )


def read_outputs(page) -> list[list[dict]]:
    """The outputs of all code cells."""
    return page.evaluate(
        "() => [...window.jupyterapp.shell.currentWidget.content.model.cells]"
        ".filter((cell) => cell.type === 'code').map((cell) => cell.outputs.toJSON())"
    )


def run_last_cell(page, first_line: str = "") -> list[dict]:
    """Run the last cell alone, perhaps with a line before it, and return its outputs."""
    return page.evaluate(
        "async (line) => { const app = window.jupyterapp;"
        " const notebook = app.shell.currentWidget.content;"
        " const last = notebook.widgets.length - 1;"
        " const cell = notebook.model.cells.get(last);"
        " if (line) cell.sharedModel.setSource(line + '\\n' + cell.sharedModel.getSource());"
        " notebook.activeCellIndex = last;"
        " await app.commands.execute('notebook:run-cell');"
        " return cell.outputs.toJSON(); }",
        first_line,
    )
