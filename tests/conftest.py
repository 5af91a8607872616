import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def coco64() -> Path:
    """A COCO root with real photographs (splits train2017 and val2017), where there is one."""
    beside_project = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco64"
    root = Path(os.environ.get("MRCNN_LITE_COCO", beside_project))
    if not (root / "annotations" / "instances_train2017.json").is_file():
        pytest.skip(f"no COCO root at {root}; set MRCNN_LITE_COCO to one")
    return root
