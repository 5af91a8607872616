"""Stopping between two steps rather than in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Ctrl-C, a cluster's warning, and Windows' Ctrl-Break, the one that a program there can send.
STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)


class StoppedBySignal(KeyboardInterrupt):
    """Work ended, all of it saved, because a signal asked for it.

    Attributes:
        status: what a shell expects of a program that this signal ended: 130 for Ctrl-C, 143 for
            SIGTERM.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.status = 128 + number


class StopRequest:
    """Whether somebody asked to stop.

    Attributes:
        number: the signal that did, or None.
    """

    def __init__(self):
        self.number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None


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

    def handle(number: int, _frame: object) -> None:
        request.number = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ignore_interrupts(_worker: int) -> None:
    """Let a loader's worker process outlive a Ctrl-C or SIGTERM, which its parent deals with."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
