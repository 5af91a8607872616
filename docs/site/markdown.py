"""The course's texts as the site needs them: links within it, one title, no level left out."""

import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ *(```|~~~)")
_HEADING = re.compile(r"^(#{1,6}) ")
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s]+)(?=\))")


@dataclass(frozen=True)
class Links:
    """Where links lead, once a text stands on the site.

    Attributes:
        repository: its address.
        site: the site's own.
        pages: the site's pages and pictures, by their paths in the repository.
        modules: the names of the modules that the package guide describes.
    """

    repository: str
    site: str
    pages: Collection[str]
    modules: Collection[str]

    def within(self, text: str, page: str) -> str:
        """Let a text's links lead to the site's own pages, wherever there is one.

        Args:
            text: Markdown.
            page: its path in the repository.

        Returns:
            the text. What the site has no page for is linked in the repository.
        """
        return _LINK.sub(lambda link: self._target(link["target"], page), text)

    def _target(self, target: str, page: str) -> str:
        path, mark, place = target.partition("#")
        if path.startswith(self.site):
            # In conf.py `site:` is what Sphinx leaves as it is, since it did not make the page.
            file = path.removeprefix(self.site) or "index.html"
            return "site:" + posixpath.relpath(file, posixpath.dirname(page) or ".") + mark + place
        if ours := re.match(rf"{re.escape(self.repository)}/(?:blob|tree)/main/", path):
            path = path[ours.end() :]
        elif not path or re.match(r"\w+:", path):
            return target
        else:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        path = path.rstrip("/")
        if f"{path}/index.md" in self.pages:
            path += "/index.md"
        if path in self.pages:
            return posixpath.relpath(path, posixpath.dirname(page) or ".") + mark + place
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if module in self.modules:
            return f"#{module_label(module)}"
        kind = "blob" if posixpath.splitext(path)[1] else "tree"
        return f"{self.repository}/{kind}/main/{path}{mark}{place}"


def module_label(module: str) -> str:
    """Name the place at which the package guide describes a module."""
    return f"module-{module}"


def with_even_headings(texts: list[str], is_lesson: bool = False) -> list[str]:
    """Number headings anew, so that one is of the first level and none skips a level.

    Args:
        texts: a page's Markdown; of a lesson, one text for each cell.
        is_lesson: its first heading is its title, and its parts are of the same level.
    """
    above: list[int] = []

    def depth(level: int) -> int:
        if is_lesson and not above:
            level = 0
        while above and above[-1] >= level:
            above.pop()
        above.append(level)
        return len(above)

    return ["".join(_lines_with_depths(text, depth)) for text in texts]


def _lines_with_depths(text: str, depth: Callable[[int], int]) -> Iterator[str]:
    in_code = False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            in_code = not in_code
        elif not in_code and (heading := _HEADING.match(line)):
            line = "#" * depth(len(heading[1])) + line[heading.end() - 1 :]
        yield line
