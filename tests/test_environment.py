"""environment.yml names what pyproject.toml names, with the same bounds."""

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
# conda-forge's names where they differ from PyPI's.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def split_requirement(text: str) -> tuple[str, str]:
    name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)(.*)", text.replace(" ", "")).groups()
    return name, bounds


@pytest.fixture
def project() -> dict:
    if sys.version_info < (3, 11):
        pytest.skip("tomllib came with Python 3.11")
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))


def test_environment_has_the_packages_and_bounds_of_pyproject(project, environment):
    wanted = {
        "python": project["requires-python"],
        **dict(map(split_requirement, project["dependencies"])),
        **dict(map(split_requirement, project["optional-dependencies"]["dev"])),
    }
    wanted = {CONDA_NAMES.get(name, name): bounds for name, bounds in wanted.items()}
    packages = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    found = dict(map(split_requirement, packages))
    del found["pip"]
    assert found == wanted


def test_environment_comes_from_conda_forge_and_installs_the_package(environment):
    assert environment["channels"] == ["conda-forge"]
    assert {"pip": ["-e ."]} in environment["dependencies"]
