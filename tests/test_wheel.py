"""The wheel alone: it carries all that the project ships, and works where there is no clone.

Nothing is fetched: hatchling builds it, and the environment into which it is installed borrows
every other package from the one that runs the tests.
"""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.course.lesson import LESSONS

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("data/shapes", "data/weights", "docs/results", "notebooks")
SHIPPED_FILES = ("data/README.md", "tests/nbval_sanitize.cfg")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def build(source: Path, kind: str, out: Path) -> Path:
    """Build an sdist or a wheel of a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def checksums(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {member.filename: member.CRC for member in archive.infolist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


class Away:
    """An environment that has the wheel, and a folder to work in, both outside the clone."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.scripts = folder / "environment" / SCRIPTS
        # A name as users have them.
        self.folder = folder / "Übung 1"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
        self.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
        site_packages = self.python("import sysconfig; print(sysconfig.get_path('purelib'))")
        # Python reads no .pth file in a folder that another one names, so an editable install of
        # the clone stays out.
        borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        Path(site_packages, "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")

    def run(self, command: str, *arguments: str | Path) -> str:
        """Run a command of the environment to its end; return what it printed."""
        ended = subprocess.run(
            [self.scripts / command, *arguments],
            cwd=self.folder,
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("PYTHON", "PYTEST"))
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def python(self, code: str) -> str:
        """Run a line of Python there; return what it printed."""
        return self.run("python", "-c", code).strip()


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory) -> Away:
    return Away(wheel, tmp_path_factory.mktemp("away"))


# What is in it


def is_cache(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def test_all_that_is_shipped_is_in_it(wheel):
    carried = {}
    for folder in ("mrcnn_lite", *SHIPPED):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT)
            if path.is_file() and not is_cache(name):
                carried[name.as_posix()] = path
    carried |= {name: ROOT / name for name in SHIPPED_FILES}
    for name in ("mini", "fcis", "mask_rcnn_crowded", "mini_keypoints"):
        assert f"data/weights/{name}.safetensors" in carried
    with zipfile.ZipFile(wheel) as archive:
        for name, path in carried.items():
            inside = name if name.startswith("mrcnn_lite/") else f"mrcnn_lite/shipped/{name}"
            assert archive.read(inside) == path.read_bytes(), name


def test_nothing_else_is_in_it(wheel):
    for name in checksums(wheel):
        top, *rest = Path(name).parts
        if top.endswith(".dist-info"):
            continue
        assert top == "mrcnn_lite", name
        assert not is_cache(Path(name)), name
        inside = "/".join(rest).removeprefix("shipped/")
        if rest[0] == "shipped":
            allowed = [*SHIPPED_FILES, *(f"{folder}/" for folder in SHIPPED)]
            assert inside.startswith(tuple(allowed)), name
        else:
            assert (ROOT / name).is_file(), name


def test_the_sdist_builds_the_same_wheel(wheel, tmp_path):
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        # The filter is Python's default from 3.14 on; 3.10 may not know it.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path, **safely)
    (unpacked,) = tmp_path.glob("mrcnn_lite-*")
    again = build(unpacked, "wheel", tmp_path / "wheel")
    assert again.name == wheel.name
    assert checksums(again) == checksums(wheel)


# What works with it


def test_every_command_works(away):
    installed = Path(away.python("import mrcnn_lite; print(mrcnn_lite.__file__)"))
    assert away.scripts.parent in installed.parents
    printed = away.run("mrcnn-lite", "demo", "--steps", "4", "--out", "demo")
    assert "`mrcnn-lite lessons --out lessons`" in printed  # there is no Makefile
    assert (away.folder / "demo" / "detections.png").is_file()

    data = Path(away.python("from mrcnn_lite.files import DATA; print(DATA)"))
    picture = data / "shapes" / "sample" / "000003.png"
    printed = away.run("mrcnn-lite", "predict", picture, "--out", "found in it")
    assert "000003.png: 0 objects" not in printed
    assert (away.folder / "found in it" / "000003_detections.png").is_file()

    away.run("mrcnn-lite", "explorer", "--out", "misalignment.html")
    assert "</html>" in (away.folder / "misalignment.html").read_text("utf-8")

    away.run("mrcnn-lite", "student", "--out", "for students")
    assert len(list((away.folder / "for students").glob("*.ipynb"))) == len(LESSONS)

    assert "2a, 2b" in away.run("mrcnn-lite", "ablate", "--help")
    results = (
        "from mrcnn_lite.experiments import committed; print(committed.read_results('2b')['table'])"
    )
    assert away.python(results) == "2b"


def test_a_lesson_gives_the_same_outputs(away):
    away.run("mrcnn-lite", "lessons", "--out", "lessons")
    strictly = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=900")
    settings = ("--nbval-sanitize-with", "lessons/nbval_sanitize.cfg")
    lesson = "lessons/00_start_here.ipynb"
    printed = away.run("python", "-m", "pytest", "-q", *strictly, *settings, lesson)
    assert " passed" in printed
    assert "skipped" not in printed
