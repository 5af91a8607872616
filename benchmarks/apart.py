"""A subject in a process of its own, which does what it is asked there.

What another subject leaves behind can't reach it: neither the allocator's state, which decides
whether large tensors get fresh memory of the operating system, nor a crash.
"""

import os
import signal
from contextlib import contextmanager, suppress
from multiprocessing import get_context

SPAWN = get_context("spawn")  # a fork would share libraries that were loaded without the variables


class EndedError(Exception):
    """The process is no more; says how it ended."""


class Apart:
    """Make a subject and wait until it is there; `with` ends its process.

    Args:
        make: a function at the top of a file.
        arguments: for `make`; everything that goes to the process and back is pickled.
        variables: of the process's environment, beside those of this one.

    Raises:
        EndedError: from here and from every question, when the process has ended.
    """

    def __init__(self, make, *arguments, variables):
        self._pipe, end = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_answer, args=(end, make, arguments), daemon=True)
        with _environment(variables):
            self._process.start()
        end.close()  # else the pipe would outlive the process that writes to it
        try:
            self._wait()
        except EndedError:
            self._pipe.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pipe.close()  # the process waits for a question, and finds that there are no more
        self._process.join()

    def ask(self, name, *arguments):
        """Call a method of the subject and give what it returns."""
        with suppress(BrokenPipeError):  # waiting for the answer says how it ended
            self._pipe.send((name, arguments))
        return self._wait()

    def _wait(self):
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise EndedError(_how_it_ended(self._process.exitcode)) from None


def _answer(pipe, make, arguments):
    """What the process does."""
    subject = make(*arguments)
    pipe.send(None)
    while True:
        try:
            name, of_method = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(subject, name)(*of_method))


@contextmanager
def _environment(variables):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _how_it_ended(code):
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"
