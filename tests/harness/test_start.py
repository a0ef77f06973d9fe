"""What every command begins with (harness/__main__.py)."""

from __future__ import annotations

import os
import subprocess
import sys

_STARTED = """
import os, sys
sys.argv = ["harness", "--version"]
from harness.__main__ import start
try:
    start()
except SystemExit:
    pass
import numpy
print(len(os.listdir("/proc/self/task")), os.environ["OPENBLAS_NUM_THREADS"])
"""


def _started(**environment: str) -> list[str]:
    ours = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", _STARTED], env={**ours, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


def test_a_command_starts_no_threads_of_numpys_blas() -> None:
    assert _started() == ["1", "1"]


def test_who_wants_threads_of_numpys_blas_says_so() -> None:
    assert _started(OPENBLAS_NUM_THREADS="2")[1] == "2"
