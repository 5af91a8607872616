"""The package guide: a page for each folder of the package, from its docstrings."""

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from markdown import module_label

PACKAGE = Path(__file__).resolve().parents[2] / "mrcnn_lite"
# In the order to read them. Checks and questions hold the answers, so they are left out.
FOLDERS = (
    "ops",
    "ops/fast",
    "models",
    "models/fast",
    "datasets",
    "engine",
    "explore",
    "explore/measure",
    "explore/draw",
    "explore/explorer",
    "explore/panels",
    "experiments",
    "course",
    "cli",
)
# A folder's map: lines in which a file's name is set in by four blanks.
ENTRY = re.compile(r"^    (\w+)(?:  +[^\s#].*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Group:
    """A folder of the package.

    Attributes:
        name: as it is imported.
        modules: those of its files and its own, in the order of the map in its `__init__`.
    """

    name: str
    modules: tuple[str, ...]

    @property
    def page(self) -> str:
        """The page's name among the sources."""
        return f"api/{self.name}"


def _group(folder: str) -> Group:
    path = PACKAGE / folder
    name = "mrcnn_lite." + folder.replace("/", ".")
    order = ENTRY.findall((path / "__init__.py").read_text("utf-8"))
    files = [entry for entry in order if (path / f"{entry}.py").is_file()]
    return Group(name, (name, *(f"{name}.{file}" for file in files)))


GROUPS = tuple(map(_group, FOLDERS))


def guide_pages() -> dict[str, str]:
    """The pages in reStructuredText, by their paths among the sources."""
    pages = {"api/index.rst": _index()}
    for group in GROUPS:
        pages[f"{group.page}.rst"] = "\n".join(_page(group))
    return pages


def _index() -> str:
    entries = "\n".join(f"   {group.name}" for group in GROUPS)
    return (
        f"{_title('The package, file by file', '=')}\n"
        "What every function takes and gives, from its docstring; :doc:`../docs/package` leads "
        "through the files in the order in which data meets them.\n\n"
        f".. toctree::\n   :maxdepth: 1\n\n{entries}\n"
    )


def _page(group: Group) -> list[str]:
    lines = [_title(group.name, "=")]
    for module in group.modules:
        lines += [f".. _{module_label(module)}:", ""]
        if module != group.name:
            lines += [_title(module.removeprefix(f"{group.name}."), "-")]
        lines += [f".. automodule:: {module}"]
        # The folder's own module only hands on what its files define.
        lines += [] if module == group.name else ["   :members:"]
        lines += [""]
    return lines


def _title(text: str, line: str) -> str:
    # A backslash before what reStructuredText would read as the end of a link.
    text = text.replace("_", r"\_")
    return f"{text}\n{line * len(text)}\n"


def lines_of(module: str, name: str) -> str:
    """Say where a class or function stands in its file, as addresses at GitHub say it."""
    thing = sys.modules[module]
    try:
        for part in name.split("."):
            thing = getattr(thing, part)
        source, first = inspect.getsourcelines(inspect.unwrap(thing))
    except (AttributeError, TypeError):
        # An attribute, which has no lines of its own.
        return ""
    return f"#L{first}-L{first + len(source) - 1}"


def spell_code(app, what, name, obj, options, lines: list[str]) -> None:
    """Write code as reStructuredText has it: `x` in docstrings is meant as in Markdown."""

    def spelled(code: re.Match) -> str:
        # A word may go on after its code, as in "`partial`s".
        return f"``{code[1]}``" + (f"\\ {code[2]}" if code[2] else "")

    text = re.sub(r"(?<!`)`([^`]+)`(?!`)(\w?)", spelled, "\n".join(lines))
    lines[:] = text.split("\n")


def set_listings_apart(app, what, name, obj, options, lines: list[str]) -> None:
    """Keep the maps and commands in docstrings, which are set in, as they are printed."""
    shown, before = [], ""
    in_listing = in_sections = False
    for line in lines:
        # Arguments and attributes, which Napoleon has taken apart before.
        in_sections |= bool(re.match(r":\w|\.\. ", line))
        is_set_in = line.startswith("    ") and not in_sections
        if is_set_in and not in_listing and not before.strip():
            shown += ["::", ""]
            in_listing = True
        elif line.strip() and not is_set_in:
            in_listing = False
        shown.append(line)
        before = line
    lines[:] = shown
