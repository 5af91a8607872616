"""The code that readers are shown: fenced blocks and commands in pages, lessons and docstrings.

Why not Sybil, mktestdocs or pytest-examples: each runs the blocks that it has an evaluator for and
passes over all others without a word, so none can say that every block is run or has a reason.
"""

import ast
import json
import re
import textwrap
from dataclasses import dataclass

from tests.project import ROOT, read

# A marked block stands right below a line such as <!-- not run: needs eight GPUs -->.
MARKER = re.compile(r"^ *<!-- not run: (?P<reason>[^\n]+) -->$", re.MULTILINE)
FENCE = re.compile(r"^ *(```|~~~)", re.MULTILINE)
BLOCK = re.compile(
    rf"(?:{MARKER.pattern}\n)?"
    r"^(?P<indent> *)(?P<fence>```|~~~)(?P<language>[^\n]*)\n"
    r"(?P<code>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = ("sh", "bat")
CODE = (*COMMANDS, "python")
# A listing right below Python's code is what it prints.
PRINTED = re.compile(r"\n\n```text\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
# Listings; those that have a reader are read. No language: a tree of folders, a program's output.
LISTINGS = ("", "text", "bibtex", "yaml", "toml", "json")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: path from the project's root.
        line: of the opening fence, counted from 1.
        language: what follows the opening fence, "" if nothing does.
        code: without the fences, and without their indentation.
        reason: why it is not run, where it is marked.
        prints: what the page says that it prints, where it does.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str | None
    prints: str | None = None

    @property
    def kind(self) -> str:
        """What a test does with the block: "run", "parsed" or "not code"."""
        if self.language not in CODE:
            return "not code"
        return "run" if self.reason is None else "parsed"

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Name the pages whose blocks are counted, from the project's root."""
    folders = ("benchmarks", "data", "docs", "notebooks")
    paths = [
        *ROOT.glob("*.md"),
        *(path for name in folders for path in (ROOT / name).rglob("*.md")),
    ]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def blocks_in(page: str, text: str) -> list[Block]:
    """Find the fenced blocks of Markdown."""
    return [
        Block(
            page,
            text.count("\n", 0, found.start("fence")) + 1,
            found["language"].strip(),
            textwrap.dedent(found["code"]),
            found["reason"],
            _printed_below(found, text),
        )
        for found in BLOCK.finditer(text)
    ]


def _printed_below(block: re.Match, text: str) -> str | None:
    printed = PRINTED.match(text, block.end())
    return printed["text"] if printed and block["language"].strip() == "python" else None


def blocks_of_pages() -> list[Block]:
    """Find the blocks of all pages."""
    return [block for page in pages() for block in blocks_in(page, read(page))]


def spans_in(text: str) -> list[str]:
    """Find the `code` within Markdown's lines, each as one line."""
    paragraphs = re.split(r"\n\s*\n", BLOCK.sub("\n\n", text))
    spans = [span for paragraph in paragraphs for span in re.findall(r"`([^`]+)`", paragraph)]
    return [" ".join(span.split()) for span in spans]


def lessons() -> dict[str, str]:
    """Give the Markdown of each lesson."""
    texts = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.relative_to(ROOT).as_posix()] = "\n\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        )
    return texts


def docstrings() -> dict[str, str]:
    """Give the docstrings of each file of the package and of the benchmarks."""
    texts = {}
    for folder in ("mrcnn_lite", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
            found = [ast.get_docstring(node) for node in nodes if isinstance(node, kinds)]
            texts[path.relative_to(ROOT).as_posix()] = "\n\n".join(filter(None, found))
    return texts
