"""Where the project's own papers are, and what pyproject.toml says of it."""

import sys
from pathlib import Path
from typing import Any

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
PYTHONS = [
    name.rpartition(" ")[2]
    for name in PROJECT["classifiers"]
    if name.startswith("Programming Language :: Python :: 3.")
]


def read(name: str) -> str:
    """Read a file of the project as text."""
    return (ROOT / name).read_text("utf-8")


def read_yaml(name: str) -> Any:
    """Read a YAML file of the project."""
    return yaml.safe_load(read(name))
