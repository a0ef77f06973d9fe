"""What the runtime makes of a model: asked in a process of its own, which a corrupt model may take down.

`python -P -m harness.model.allocation MODEL` is that process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from backends.litert.model_file import Shape
from backends.litert.shapes import allocated_shapes

_CHILD_TIMEOUT_S = 120


class Allocation(NamedTuple):
    """What came of it."""

    shapes: dict[int, Shape] | None
    """Of the first graph's tensors once allocated, without a delegate; None where the runtime refuses the model."""
    why: str
    """Why it refuses."""


def allocate(path: Path) -> Allocation:
    """Lets the runtime allocate a model."""
    command = [sys.executable, "-P", "-m", "harness.model.allocation", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHILD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Allocation(None, f"it did not load within {_CHILD_TIMEOUT_S} s")
    if done.returncode == 0:
        return Allocation({int(index): tuple(shape) for index, shape in json.loads(done.stdout).items()}, "")
    if done.returncode < 0:
        return Allocation(None, f"the runtime crashed on it (signal {-done.returncode})")
    lines = done.stderr.strip().splitlines()
    return Allocation(None, lines[-1] if lines else f"the runtime ended with status {done.returncode}")


if __name__ == "__main__":
    try:
        found = json.dumps(allocated_shapes(Path(sys.argv[1])))
    except Exception as error:
        # Whatever the runtime says against the model is the answer.
        sys.stderr.write(f"\n{str(error).splitlines()[0] if str(error) else type(error).__name__}\n")
        sys.exit(1)
    sys.stdout.write(found)
