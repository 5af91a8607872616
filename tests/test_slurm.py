"""The Slurm script, run by bash with stand-ins for Slurm's and PyTorch's commands."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "slurm" / "train.sbatch"
STAND_INS = {
    "srun": 'while [[ "$1" == --* ]]; do shift; done; exec "$@"',
    "scontrol": 'echo "scontrol $*" >> "$JOURNAL"; [ "$1" = show ] && echo node7; true',
    "scancel": 'echo "scancel $*" >> "$JOURNAL"; kill -TERM "$(cat "$JOURNAL.pid")"',
    "torchrun": """
        trap 'echo "saved" >> "$JOURNAL"; exit 1' TERM
        echo $$ > "$JOURNAL.pid"
        echo "torchrun $*" >> "$JOURNAL"
        while [ -n "$UNTIL_WARNED" ]; do sleep 0.02; done
        exit "$STATUS"
    """,
}

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("bash") is None, reason="needs bash"
)


@pytest.fixture
def start(tmp_path):
    for name, body in STAND_INS.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        file.chmod(0o755)
    journal = tmp_path / "journal"

    def run(**settings: str):
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "JOURNAL": str(journal),
            **{"SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "node[7-8]"},
            **{"SLURM_JOB_NUM_NODES": "2", "SLURM_GPUS_ON_NODE": "8"},
            **{"UNTIL_WARNED": "", "STATUS": "0", **settings},
        }
        process = subprocess.Popen(["bash", str(SCRIPT), "--batch-size", "64"], env=environment)
        return process, journal

    return run


@pytest.mark.parametrize("status", ["0", "1"])
def test_status_is_the_runs_and_nothing_is_queued(start, status):
    process, journal = start(STATUS=status)
    assert process.wait(30) == int(status)
    text = journal.read_text("utf-8")
    assert "requeue" not in text
    assert "--nnodes=2 --nproc-per-node=8" in text
    assert "--rdzv-endpoint=node7:24711" in text
    assert text.rstrip().endswith("--resume --batch-size 64")


def test_warned_job_saves_and_queues_itself_again(start):
    process, journal = start(UNTIL_WARNED="yes")
    while not journal.with_name("journal.pid").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) == 0
    lines = journal.read_text("utf-8").splitlines()
    assert lines[-3:] == ["scancel --signal=TERM 4711", "saved", "scontrol requeue 4711"]
