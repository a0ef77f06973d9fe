"""What the runtime makes of a model: asked in a process of its own, which a corrupt model may take down.

`python -P -m harness.model.contents.allocation ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.litert.allocated import AllocatedGraph, allocated_graphs
from backends.litert.file.model_file import Shape
from harness.machine.child_process import LONGEST_START_S, answer_of, live_and_die_with
from harness.machine.json_line import decode, encode, tell_once

_CHILD_TIMEOUT_S = LONGEST_START_S


@dataclass(frozen=True, slots=True)
class Allocate:
    """What is asked of the process."""

    model: Path
    input_shapes: tuple[Shape, ...] | None
    """What the inputs are given, in order; None leaves them as the file has them."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """What came of it."""

    graphs: tuple[AllocatedGraph, ...] | None
    """Each of the file's, without a delegate; None where the runtime refuses the model."""
    why: str
    """Why it refuses."""


def allocate(path: Path, input_shapes: Sequence[Shape] | None = None) -> Allocation:
    """Lets the runtime allocate a model.

    Args:
        path: The file.
        input_shapes: What its inputs are given, in order; None leaves them as the file has them.
    """
    asked = Allocate(path, None if input_shapes is None else tuple(input_shapes))
    answer = answer_of("harness.model.contents.allocation", encode(asked), timeout_s=_CHILD_TIMEOUT_S)
    if answer.line is not None:
        return decode(answer.line, Allocation)
    if answer.hangs:
        return Allocation(None, f"it did not load within {_CHILD_TIMEOUT_S:g} s")
    return Allocation(None, f"the runtime crashed on it: its process {answer.how}")


def allocate_here(path: Path, input_shapes: Sequence[Shape] | None = None) -> Allocation:
    """As `allocate`, in this process."""
    try:
        return Allocation(allocated_graphs(path, input_shapes), "")
    except Exception as error:
        # Whatever the runtime says against the model is the answer.
        return Allocation(None, str(error).splitlines()[0] if str(error) else type(error).__name__)


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    asked = decode(words, Allocate)
    found = allocate_here(asked.model, asked.input_shapes)
    tell_once(int(answer), found)


if __name__ == "__main__":
    main()
