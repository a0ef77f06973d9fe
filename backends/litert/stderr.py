"""What a native library writes to standard error while it is loaded.

LiteRT says there which adapter it found and which ops it left out, and nowhere else.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_STDERR = 2


@contextmanager
def overheard() -> Iterator[Callable[[], str]]:
    """Runs the body while standard error is listened to; call what it gives afterwards for the text.

    Where standard error is a file (a run's log), it is written there as ever and read back, so that a crash leaves it whole.
    """
    sys.stderr.flush()
    mode = os.fstat(_STDERR).st_mode
    own = Path(f"/proc/self/fd/{_STDERR}")
    if stat.S_ISREG(mode) and own.exists():
        start = os.fstat(_STDERR).st_size
        yield lambda: own.read_bytes()[start:].decode(errors="replace")
        return
    before = os.dup(_STDERR)
    text = b""
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), _STDERR)
        try:
            yield lambda: text.decode(errors="replace")
        finally:
            os.dup2(before, _STDERR)
            os.close(before)
            file.seek(0)
            text = file.read()
            os.write(_STDERR, text)
