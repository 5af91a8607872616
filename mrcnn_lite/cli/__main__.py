"""`python -m mrcnn_lite.cli`, which `torchrun` needs: it starts modules, not commands."""

import sys

from mrcnn_lite.cli import main

sys.exit(main())
