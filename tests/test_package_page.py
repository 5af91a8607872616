"""docs/package.md leads through every file of ops and models, to what it says is there."""

import re

import pytest

from tests.project import ROOT, read

PAGE = "docs/package.md"
LINK = re.compile(r"\[(?P<name>[^]]+)\]\(\.\./mrcnn_lite/(?P<path>[^)]+)\)")


def paths_in(text: str) -> list[str]:
    return [link["path"] for link in LINK.finditer(text)]


@pytest.mark.parametrize("folder", ["ops", "models"])
def test_every_file_is_on_the_way(folder):
    package = ROOT / "mrcnn_lite"
    files = {path.relative_to(package).as_posix() for path in (package / folder).rglob("*.py")}
    # Front doors are maps themselves.
    assert {path for path in files if not path.endswith("__init__.py")} - {
        *paths_in(read(PAGE))
    } == set()


def test_links_bear_the_names_of_their_files():
    for link in LINK.finditer(read(PAGE)):
        assert link["name"] == link["path"].removesuffix("/__init__.py")


def test_what_a_line_names_stands_in_a_file_that_it_links():
    missing = []
    for line in re.sub(r"```.*?```", "", read(PAGE), flags=re.DOTALL).splitlines():
        source = "\n".join(read(f"mrcnn_lite/{path}") for path in paths_in(line))
        spans = re.findall(r"`([\w.]+)`", line) if source else []
        words = [word for span in spans for word in span.split(".")]
        missing += [word for word in words if not re.search(rf"\b{word}\b", source)]
    assert missing == []
