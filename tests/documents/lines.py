"""Whether a command that a page shows would be accepted, without running it."""

import argparse
import ast
import contextlib
import importlib.util
import io
import itertools
import re
import shlex

from mrcnn_lite.cli.parser import make_parser
from tests.project import PROJECT, ROOT, read, read_yaml

# A word that begins with one of these names something of the project's, which has to exist, ...
OURS = ("benchmarks", "data", "docs", "mrcnn_lite", "notebooks", "tests")
# ... unless the reader brings it or the command makes it.
READERS = ("data/coco", "data/penn_fudan")
NEW_AFTER = ("--out", "--root", "--runs", "--weights-out")
# Options that running text names by themselves and that are no command's of ours: uv's.
OTHERS_OPTIONS = ("--upgrade",)


class RefusedError(ValueError):
    """A command would not be accepted; the message says why."""


def commands_in(code: str, language: str = "sh") -> list[list[str]]:
    """Split shell lines into commands, each a list of words.

    Comments, heredocs, redirections and the placeholder ... are left out.
    """
    code = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL)
    code = code.replace("\\", "/") if language == "bat" else code.replace("\\\n", " ")
    commands = []
    for line in code.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for before, word in itertools.pairwise(["", *lexer, ";"]):
            if set(word) <= set("();|&"):
                commands += [words] if words else []
                words = []
            elif not set(word) <= set("<>") and not set(before) & set("<>") and word != "...":
                words.append(word)
    return commands


def check(words: list[str], mention: bool = False) -> None:
    """Check one command.

    Args:
        words: the program and its arguments.
        mention: it stands in running text, where required arguments may be left out.

    Raises:
        RefusedError: it would not be accepted.
    """
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program = program_of(words[0])
    if program not in CHECKS:
        raise RefusedError(f"no check knows {program}; add one to tests/documents/lines.py")
    CHECKS[program](words[1:], mention)
    check_files(words)


def check_files(words: list[str]) -> None:
    """Check that those words which name something of the project's name something that is there.

    Raises:
        RefusedError: one is not there.
    """
    for before, word in itertools.pairwise(["", *words]):
        if word.split("/")[0] not in OURS or word.startswith(READERS) or before in NEW_AFTER:
            continue
        if not any(ROOT.glob(word.replace("NN", "[0-9][0-9]"))):
            raise RefusedError(f"{word} does not exist")


def check_option(option: str) -> None:
    """Check an option that running text names by itself.

    Raises:
        RefusedError: no command of `mrcnn-lite` has it.
    """
    commands = command_parsers(make_parser()).values()
    known = {name for command in commands for name in command._option_string_actions}
    if option not in known and option not in OTHERS_OPTIONS:
        raise RefusedError(f"no command has an option {option}")


def program_of(word: str) -> str:
    """Name the program that the first word of a command means: pip for .venv/bin/pip."""
    return word.rsplit("/")[-1]


def command_parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Give the parser of each command of `mrcnn-lite`."""
    [commands] = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(commands.choices)


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            return parser.parse_args(words)
    except SystemExit as stopped:
        if stopped.code:  # 0 after --help
            raise RefusedError(said.getvalue().strip().splitlines()[-1]) from None
        return None


def _check_mrcnn_lite(words: list[str], mention: bool) -> None:
    if words[:1] == ["COMMAND"] or (mention and not words):
        return
    parser = make_parser()
    if mention:
        for command in command_parsers(parser).values():
            for action in (*command._actions, *command._mutually_exclusive_groups):
                action.required = False
    _parse(parser, words)


def _check_python(words: list[str], mention: bool) -> None:
    if words[0] == "-c":
        ast.parse(words[1])
    elif words[0] == "-m" and words[1] == "mrcnn_lite.cli":
        _check_mrcnn_lite(words[2:], mention)
    elif words[0] == "-m" and words[1] in CHECKS:
        CHECKS[words[1]](words[2:], mention)
    elif words[0] == "-m":
        if importlib.util.find_spec(words[1]) is None:
            raise RefusedError(f"there is no module {words[1]}")
        if words[1].startswith("mrcnn_lite."):
            _check_script([f"{words[1].replace('.', '/')}.py", *words[2:]])
    elif words[0] != "-":
        _check_script(words)


def _check_script(words: list[str]) -> None:
    script = ROOT / words[0]
    if not script.is_file():
        raise RefusedError(f"{words[0]} does not exist")
    text = read(words[0])
    for word in words[1:]:
        if word.startswith("--") and f'"{word}"' not in text:
            raise RefusedError(f"{words[0]} has no option {word}")


def _check_torchrun(words: list[str], mention: bool) -> None:
    from torch.distributed.run import get_args_parser

    options = _parse(get_args_parser(), words)
    if options is not None:
        module = ["-m"] if options.module else []
        _check_python([*module, options.training_script, *options.training_script_args], mention)


def _check_make(words: list[str], mention: bool) -> None:
    text = read("Makefile")
    rules = re.findall(r"^([\w./-]+(?: [\w./-]+)*) *:(?!=)", text, re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    for word in words:
        name, assigned, _ = word.partition("=")
        if assigned and f"$({name})" not in text:
            raise RefusedError(f"the Makefile uses no {name}")
        if not assigned and word not in targets:
            raise RefusedError(f"the Makefile has no target {word}")


def _check_pip(words: list[str], mention: bool) -> None:
    for word in words:
        if named := re.match(r"(?:\.|mrcnn-lite)\[(.+?)\]", word):
            for extra in named[1].split(","):
                if extra not in PROJECT["optional-dependencies"]:
                    raise RefusedError(f"pyproject.toml has no extra {extra}")


def _check_conda(words: list[str], mention: bool) -> None:
    name = read_yaml("environment.yml")["name"]
    if words[0] == "activate" and words[1] != name:
        raise RefusedError(f"environment.yml makes the environment {name}, not {words[1]}")
    if "-f" in words and not (ROOT / words[words.index("-f") + 1]).is_file():
        raise RefusedError(f"{words[words.index('-f') + 1]} does not exist")


def _check_sbatch(words: list[str], mention: bool) -> None:
    # The script hands its own options on to `mrcnn-lite train`.
    _check_mrcnn_lite(["train", "--out", "runs/coco", *words[1:]], mention)


def _check_files_only(words: list[str], mention: bool) -> None:
    """Of other people's programs nothing is checked but the files of ours that they are given."""


CHECKS = {
    "mrcnn-lite": _check_mrcnn_lite,
    **dict.fromkeys(("python", "python3", "py"), _check_python),
    "torchrun": _check_torchrun,
    "make": _check_make,
    "pip": _check_pip,
    "conda": _check_conda,
    "sbatch": _check_sbatch,
    **dict.fromkeys(
        ("pytest", "venv", "activate", "cd", "cp", "git", "jupyter"), _check_files_only
    ),
    "nbgrader": _check_files_only,
}
