"""Print a version's part of CHANGELOG.md; refuse a tag that is not the package's version.

python .github/release_notes.py v0.1.0
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r'^version = "(.+)"$', re.MULTILINE)
SECTION = r"^## \[{}\].*?\n(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)"


def release_notes(tag: str, pyproject: str, changelog: str) -> str:
    """Return what CHANGELOG.md says under the version that `tag`, `v` and the version, names."""
    version = VERSION.search(pyproject)[1]
    if tag != f"v{version}":
        sys.exit(f"the tag is {tag}, but pyproject.toml has version {version}: expected v{version}")
    section = re.search(SECTION.format(re.escape(version)), changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        sys.exit(f"CHANGELOG.md says nothing under ## [{version}]")
    return section[1].strip()


if __name__ == "__main__":
    print(
        release_notes(
            sys.argv[1],
            (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
            (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        )
    )
