"""Threads that have nothing to do leave their core to other programs.

What it replaces: at the end of each parallel loop PyTorch's threads (GNU OpenMP's, on Linux) spin
until the next one comes. That is quickest while no other program is there. Beside one, a thread
that spun has used up its time on the core when work comes, and all others wait for it.

Where it was measured: docs/results/busy_core.md.
"""

import os
import sys

# How often a thread looks for work before it sleeps. With GNU OpenMP's own number, 300,000,
# training beside a busy core takes half as long again; with 0 an idle machine may lose a tenth.
LOOKS = "1000"


def let_idle_threads_sleep() -> None:
    """Do so in this process and those it starts, unless the user has chosen how threads wait.

    PyTorch reads it when it is imported, so nothing is done afterwards.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", LOOKS)
