"""The command line: `mrcnn-lite demo | train | evaluate | predict | ...`; --help lists all.

A command passes through these in turn:

    idle_threads    before all else: how threads without work wait
    parser          what can be typed, and its help
    shared_options  the options that several commands have
    argument_types  how single values are read
    data            from options to data sets
    options         from options to models, recipes and devices
    command_line    from options back to what would be typed
    commands        what each command does, imported when it is called
"""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mrcnn_lite.cli.commands import run
from mrcnn_lite.cli.idle_threads import let_idle_threads_sleep
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.console import allow_every_sign
from mrcnn_lite.errors import InputError

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended; SIGTERM: 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; print what the user did wrong, if so, and return the exit status."""
    allow_every_sign()
    let_idle_threads_sleep()
    options = make_parser().parse_args(arguments)
    try:
        with _plain_warnings(options.command):
            run(options)
    except (InputError, OSError) as error:
        print(f"mrcnn-lite {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        word = str(stopped) or "interrupted"
        print(f"mrcnn-lite {options.command}: {word}", file=sys.stderr)
        return getattr(stopped, "status", INTERRUPTED)
    return 0


@contextmanager
def _plain_warnings(command: str) -> Iterator[None]:
    """Print what the package warns of as a line to the user, without its place in the code."""
    as_usual, package = warnings.formatwarning, str(Path(__file__).parents[1])

    def plain(message, category, filename, *place):
        if category is UserWarning and filename.startswith(package):
            return f"mrcnn-lite {command}: {message}\n"
        return as_usual(message, category, filename, *place)

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = as_usual
