"""Processes that start in milliseconds, forked from a server that has PyTorch ready.

Where nothing can be forked they are spawned, and take the seconds that importing PyTorch takes.
"""

import multiprocessing
import os
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def context():
    """The standard library's fork server, which imports the package once; or plain processes."""
    with pytest.MonkeyPatch.context() as patch:
        # The children inherit one thread each, whatever number of cores there is.
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.syspath_prepend(str(ROOT))
        if "forkserver" not in multiprocessing.get_all_start_methods():
            yield multiprocessing.get_context("spawn")
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.engine.children", "pytest"])
        yield context


@pytest.fixture
def run_job(context, tmp_path):
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
            if os.name == "nt":
                environment["USE_LIBUV"] = "0"  # PyTorch's wheels for Windows are built without
            log = tmp_path / f"process-{len(started)}.log"
            process = context.Process(
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
