"""Processes that start in milliseconds, forked from a server that has PyTorch ready."""

import multiprocessing
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def forkserver():
    """The standard library's fork server, which imports the package once."""
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")
    with pytest.MonkeyPatch.context() as patch:
        # The children inherit one thread each, whatever number of cores there is.
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.syspath_prepend(str(ROOT))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.engine.children", "pytest"])
        yield context


@pytest.fixture
def run_job(forkserver, tmp_path):
    """Start a job of n processes that each call a function; give the processes."""
    started = []

    def start(number: int, function, *arguments, **changes):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = []
        for k in range(number):
            environment = {
                "RANK": str(k),
                "LOCAL_RANK": str(k),
                "WORLD_SIZE": str(number),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
            log = tmp_path / f"process-{len(started)}.log"
            process = forkserver.Process(
                target=children.call, args=(log, environment, function, arguments, changes)
            )
            process.start()
            process.log = log
            processes.append(process)
            started.append(process)
        return processes

    from tests.engine import children

    yield start
    for process in started:
        process.kill()
        process.join()
