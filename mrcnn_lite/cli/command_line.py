"""From parsed options back to a command that the user can copy."""

import argparse
import json
from argparse import Namespace
from typing import Any

from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.console import quoted


def command_line(options: Namespace) -> str:
    """Write the command that `make_parser` would parse into these options.

    Options that the command does not have, or that have their default, are left out.
    """
    (commands,) = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    words = ["mrcnn-lite", options.command]
    for action in commands.choices[options.command]._actions:
        value = getattr(options, action.dest, action.default)
        if value != action.default:
            words += _words_of(action, value)
    return " ".join(map(quoted, words))


def _words_of(action: argparse.Action, value: Any) -> list[str]:
    # A positional argument has no name to be given by.
    name = action.option_strings[-1:]
    if action.nargs == 0:
        return name
    if action.dest == "set":
        return [word for one in value for word in (*name, _setting(*one))]
    if action.dest == "image_ids":
        return [*name, ",".join(map(str, value))]
    return [*name, *map(str, value if isinstance(value, list) else [value])]


def _setting(name: str, value: Any) -> str:
    return f"{name}={value if isinstance(value, str) else json.dumps(value)}"
