"""Stopping between two steps rather than in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked to stop."""

    def __init__(self):
        self.made = False

    def __bool__(self) -> bool:
        return self.made


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turn the first Ctrl-C (or SIGTERM, a cluster's warning) into a request to stop.

    A second Ctrl-C interrupts at once, as usual. Outside the main thread, where Python allows no
    signal handlers, nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(_number: int, _frame: object) -> None:
        request.made = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ignore_interrupts(_worker: int) -> None:
    """Let a loader's worker process outlive a Ctrl-C, which its parent deals with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
