"""The other side of `harness.turns.process`: what a process that measures does, whatever it measures.

It is started as `python -P -m MODULE ASKED TOLD CONTROL_FD PARENT_PID WORD...`, tells by itself what it opened, and answers on
one pipe what it is asked on the other until that is closed. Between questions it does nothing, so that another has the
machine to itself.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.machine.child_process import live_and_die_with
from harness.machine.control import Control
from harness.machine.json_line import decode, encode
from harness.messages.failure import failed

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class Begun(Generic[Q]):
    """What is ready to be asked."""

    told: object
    """The message that it begins with."""
    answer: Callable[[Q], object]
    """The message that answers a question."""


def answer_questions(begin: Callable[[Control, Sequence[str]], Begun[Q]], questions: Sequence[type[Q]]) -> int:
    """The life of such a process.

    Args:
        begin: Opens what is measured, given the page that is shared with the parent and the further words of the command.
        questions: The messages that may come.

    Returns:
        Its exit status: 0 when the parent has no more questions; 1 where something failed, which the parent is told.
    """
    asked = os.fdopen(int(sys.argv[1]), encoding="ascii")
    told = os.fdopen(int(sys.argv[2]), "w", buffering=1, encoding="utf-8")
    control = Control(int(sys.argv[3]))
    live_and_die_with(int(sys.argv[4]))

    def tell(message: object) -> None:
        told.write(encode(message) + "\n")

    try:
        begun = begin(control, sys.argv[5:])
        tell(begun.told)
        gc.freeze()
        gc.disable()
        for line in asked:
            tell(begun.answer(decode(line, *questions)))
    except BaseException as error:
        traceback.print_exc()
        tell(failed(error))
        return 1
    return 0
