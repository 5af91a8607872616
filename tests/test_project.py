"""What a project has beside its code: versions, citation, addresses, guides, the lock file."""

import json
import re
import runpy
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

import mrcnn_lite
from tests.project import PROJECT, PYTHONS, ROOT, read, read_yaml

REPOSITORY = "https://github.com/mrcnn-lite/mrcnn-lite"
# Where GitHub Pages shows what the workflow `site` builds of that repository.
SITE = "https://mrcnn-lite.github.io/mrcnn-lite/"
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
TEXTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "data").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
]
SCRIPTS = [*(ROOT / ".github").rglob("*.yml"), ROOT / ".ci" / "run"]
OTHERS = [
    *(ROOT / "notebooks").glob("*.ipynb"),
    *(ROOT / "mrcnn_lite").rglob("*.py"),
    ROOT / "CITATION.cff",
    ROOT / "pyproject.toml",
    ROOT / ".devcontainer" / "devcontainer.json",
]
# Where a repository's owner and name stand in an address that opens it, or a file of it.
HOSTS = (
    r"(?:github\.com|raw\.githubusercontent\.com|colab\.research\.google\.com/github"
    r"|mybinder\.org/v2/gh|codespaces\.new)/"
)
OURS = re.compile(HOSTS + r"([\w.-]+/mrcnn[\w-]*)", re.IGNORECASE)
LESSON = re.compile(HOSTS + r"[\w.-]+/mrcnn-lite/(?:blob/)?(\w+)\S*?/notebooks/(\w+\.ipynb)")
MAKE = re.compile(r"\bmake (?:[A-Z]+=\S+ )*([a-z][a-z-]*)")


# --- versions, citation, changelog


def released() -> list[tuple[str, str]]:
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)


def test_version_is_the_same_everywhere():
    citation = read_yaml("CITATION.cff")
    newest, date = released()[0]
    assert mrcnn_lite.__version__ == PROJECT["version"] == newest == str(citation["version"])
    assert str(citation["date-released"]) == date


def test_changelog_begins_with_what_comes_and_links_every_version():
    text = read("CHANGELOG.md")
    headings = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert headings == ["Unreleased", *(version for version, _ in released())]
    links = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.MULTILINE))
    assert list(links) == headings
    assert links["Unreleased"] == f"{REPOSITORY}/compare/v{headings[1]}...HEAD"
    for version in headings[1:]:
        assert links[version] == f"{REPOSITORY}/releases/tag/v{version}"


def test_citation_has_what_its_format_requires_and_the_paper():
    citation = read_yaml("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == PROJECT["license"]
    (author,) = citation["authors"]
    assert re.search(r"^Copyright \(c\) \d{4} (.+)$", read("LICENSE"), re.M)[1] == author["name"]
    (paper,) = citation["references"]
    names = [author["family-names"] for author in paper["authors"]]
    assert (paper["title"], names) == ("Mask R-CNN", ["He", "Gkioxari", "Dollár", "Girshick"])


def run_release_notes(tag: str) -> subprocess.CompletedProcess:
    script = ROOT / ".github" / "release_notes.py"
    return subprocess.run(
        [sys.executable, "-X", "utf8", script, tag],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_release_notes_are_the_versions_part_of_the_changelog():
    version = PROJECT["version"]
    done = run_release_notes(f"v{version}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 100
    assert done.stdout.strip() in read("CHANGELOG.md").partition(f"## [{version}]")[2]
    assert "## [" not in done.stdout
    assert "]: http" not in done.stdout


@pytest.mark.parametrize("tag", ["v99.0.0", PROJECT["version"], f"v{PROJECT['version']}.1"])
def test_release_of_another_version_than_the_tag_is_refused(tag):
    done = run_release_notes(tag)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"the tag is {tag}, but pyproject.toml has version {PROJECT['version']}: "
        f"expected v{PROJECT['version']}\n"
    )


def test_release_notes_end_where_the_version_before_begins():
    release_notes = runpy.run_path(str(ROOT / ".github" / "release_notes.py"))["release_notes"]
    changelog = "## [2.0.0] - 2030-01-01\n\nNew.\n\n## [1.0.0] - 2029-01-01\n\nOld.\n"
    assert release_notes("v2.0.0", 'version = "2.0.0"\n', changelog) == "New."
    with pytest.raises(SystemExit, match=r"CHANGELOG.md says nothing under ## \[2\.1\.0\]"):
        release_notes("v2.1.0", 'version = "2.1.0"\n', changelog)


# --- addresses and commands


def test_addresses_in_pyproject_are_the_repositorys():
    assert PROJECT["urls"] == {
        "Repository": REPOSITORY,
        "Documentation": SITE,
        "Issues": f"{REPOSITORY}/issues",
        "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
    }
    assert read_yaml("CITATION.cff")["repository-code"] == REPOSITORY


@pytest.mark.parametrize(
    "path", [*TEXTS, *SCRIPTS, *OTHERS], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_address_of_the_project_is_the_repositorys(path):
    text = path.read_text("utf-8")
    assert {f"https://github.com/{name}" for name in OURS.findall(text)} <= {REPOSITORY}
    for branch, lesson in LESSON.findall(text):
        assert (branch, lesson in LESSONS) == ("main", True), lesson


def test_readme_opens_every_lesson_in_the_browser():
    text = read("README.md")
    assert "https://codespaces.new/mrcnn-lite/mrcnn-lite" in text
    for lesson in LESSONS:
        path = f"mrcnn-lite/mrcnn-lite/blob/main/notebooks/{lesson}"
        assert f"https://colab.research.google.com/github/{path})" in text
        assert f"https://kaggle.com/kernels/welcome?src=https://github.com/{path})" in text
        assert (
            "https://mybinder.org/v2/gh/mrcnn-lite/mrcnn-lite/main"
            f"?urlpath=lab/tree/notebooks/{lesson})" in text
        )


def phony_targets() -> set[str]:
    text = read("Makefile").replace("\\\n", " ")
    return set(re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)[1].split())


def code_of(text: str) -> str:
    """The fenced blocks and code spans of a Markdown text, a line each."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def test_every_make_target_that_is_named_exists():
    names = set()
    for path in TEXTS:
        names |= set(MAKE.findall(code_of(path.read_text("utf-8"))))
    for path in SCRIPTS:
        lines = path.read_text("utf-8").splitlines()
        commands = (re.sub(r"^\s*(- )?(run: )?", "", line) for line in lines)
        names |= {found[1] for line in commands if (found := MAKE.match(line))}
    assert {"lint", "test", "demo"} <= names
    assert names <= phony_targets()


def test_contributors_are_told_of_every_make_target():
    named = set(MAKE.findall(code_of(read("CONTRIBUTING.md"))))
    assert phony_targets() - {"demo"} <= named


def test_container_opens_a_lesson_and_installs_an_extra_that_exists():
    container = json.loads(read(".devcontainer/devcontainer.json"))
    for name in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / name).is_file()
    version = container["image"].rpartition(":")[2]
    assert version in PYTHONS
    (extra,) = re.findall(r"\.\[(\w+)\]", container["postCreateCommand"])
    assert extra in PROJECT["optional-dependencies"]


# --- the lock file


def locked() -> list[Requirement]:
    lines = read("tests/constraints.txt").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def test_lock_pins_versions_and_names_no_index():
    assert "://" not in read("tests/constraints.txt")
    for requirement in locked():
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert "+" not in specifier.version  # such as +cpu, which only one machine has
        assert not requirement.extras  # which pip refuses in constraints


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_has_one_version_of_each_requirement_within_its_bounds(python, platform):
    environment = {"python_version": python, "python_full_version": f"{python}.1"}
    environment["sys_platform"] = platform
    pinned: dict[str, list[str]] = {}
    for requirement in locked():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (specifier,) = requirement.specifier
            pinned.setdefault(requirement.name, []).append(specifier.version)
    extras = PROJECT["optional-dependencies"].values()
    for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        (version,) = pinned[requirement.name]
        assert version in requirement.specifier, text
