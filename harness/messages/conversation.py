"""A question to a process of its own, which a model may take down: it tells how far it is, then its answer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import EXIT_USER, ConfigError, FilesChanged, ModelCrashed, RunFailed
from harness.machine.child_process import Ended, lines_of
from harness.machine.json_line import decode, encode
from harness.messages.failure import CHANGED, Failed, failed

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the process is."""

    what: str
    done: int
    total: int


Hear = Callable[[Progressed], None]


def ask(
    module: str,
    question: object,
    answer: type[A],
    *,
    timeout_s: float,
    start_s: float = 0.0,
    hear: Hear,
    what: str = "the process that ran the model",
) -> A:
    """Starts a process for one answer.

    Args:
        module: Its `main` calls `tell`.
        question: A record.
        answer: The record that is the answer.
        timeout_s: It is ended where it has told nothing for so long.
        start_s: How long it may take until its first word, where that is longer.
        hear: Is told how far it is.
        what: The process, for messages.

    Raises:
        ConfigError: What it says is the user's to mend.
        FilesChanged: It found another file than the one that it was told of.
        ModelCrashed: It crashed.
        RunFailed: It broke or hangs.
    """
    kinds: tuple[type[A] | type[Progressed] | type[Failed], ...] = (answer, Progressed, Failed)
    try:
        told = lines_of(module, encode(question), timeout_s=timeout_s, start_s=start_s)
        with contextlib.closing(told) as lines:
            for line in lines:
                heard = decode(line, *kinds)
                if isinstance(heard, Failed):
                    if heard.kind in CHANGED:
                        raise FilesChanged(heard.message)
                    raise (ConfigError if heard.exit_status == EXIT_USER else RunFailed)(heard.message)
                if not isinstance(heard, Progressed):
                    return heard
                hear(heard)
    except Ended as ended:
        raise (ModelCrashed if ended.by_a_fault else RunFailed)(f"{what} {ended}") from None
    raise RunFailed(f"{what} ended without an answer")


def tell(descriptor: int, answer: Callable[[Hear], object]) -> None:
    """The process's side: writes what `answer` gives, or what went wrong.

    Args:
        descriptor: The pipe's end.
        answer: Is given what tells of progress.
    """
    with os.fdopen(descriptor, "w", buffering=1, encoding="ascii") as pipe:

        def say(message: object) -> None:
            pipe.write(f"{encode(message)}\n")

        try:
            found = answer(say)
        except Exception as error:
            # Whatever it is, the parent says it; of a bug, it has no more than the message, so the log gets the rest.
            problem = failed(error)
            if problem.exit_status is None:
                raise
            found = problem
        say(found)
