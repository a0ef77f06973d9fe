"""The signals by which a person, a terminal or a system asks a command to stop."""

from __future__ import annotations

import signal
from collections.abc import Sequence

_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_UNLESS_IGNORED = (signal.SIGHUP, signal.SIGQUIT)
"""`nohup` has SIGHUP ignored so that a command goes on without its terminal; a shell SIGQUIT for what runs behind it."""
ALL = (*_ALWAYS, *_UNLESS_IGNORED)


def heard() -> Sequence[signal.Signals]:
    """Those that this process answers: not one that whoever started it wants ignored."""
    return [*_ALWAYS, *(number for number in _UNLESS_IGNORED if signal.getsignal(number) is not signal.SIG_IGN)]
