"""Where the project and its site are, from pyproject.toml."""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
_URLS = tomllib.loads(_PYPROJECT.read_text("utf-8"))["project"]["urls"]
REPOSITORY = _URLS["Repository"]
SITE = _URLS["Documentation"]
