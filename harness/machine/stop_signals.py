"""The signals by which a person, a terminal or a system asks a command to stop."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from harness.errors import Interrupted

_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_UNLESS_IGNORED = (signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU)
"""`nohup` has SIGHUP ignored so that a command goes on without its terminal; a shell SIGQUIT for what runs behind it.
SIGXCPU says that the processor time is up which a batch system or `ulimit -t` allows."""
ALL = (*_ALWAYS, *_UNLESS_IGNORED)


def heard() -> Sequence[signal.Signals]:
    """Those that this process answers: not one that whoever started it wants ignored."""
    return [*_ALWAYS, *(number for number in _UNLESS_IGNORED if signal.getsignal(number) is not signal.SIG_IGN)]


def interrupt_on_any() -> None:
    """From now on the first of them raises `Interrupted`, and those after it are ignored."""
    for number in heard():
        signal.signal(number, _interrupted)


def ignore() -> None:
    """The command is on its way out already: a second signal must not cut its last words short."""
    for number in ALL:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def noted(tell: Callable[[int], None] | None = None) -> Iterator[list[int]]:
    """A signal that comes meanwhile interrupts nothing: it is in the list that is given, in its turn.

    Args:
        tell: Hears of each as it comes, in the signal's handler.
    """
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if tell is not None:
            tell(number)

    # Handlers, not a mask: another thread would get the signal then.
    before = {number: signal.signal(number, note) for number in heard()}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted(number: int, _frame: FrameType | None) -> None:
    ignore()
    raise Interrupted(number)
