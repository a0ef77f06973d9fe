"""The directory of a series, and the result on top of its runs: kept whatever ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.errors import ConfigError
from harness.results import files as results
from harness.results.record import SeriesResult


class OnTop:
    """The result on top of a series, in its directory."""

    def __init__(self, out: Path) -> None:
        self._out, self._reserve = out, results.Reserve(out)

    def begin(self) -> None:
        """Keeps room for the last one.

        Raises:
            ConfigError: The directory cannot be written.
        """
        with _writable(self._out):
            self._reserve.take()

    def so_far(self, top: SeriesResult) -> None:
        """Writes the result of the runs so far, which says `started`: a series that is killed leaves what it had."""
        # Where it finds no room, the last one finds the reserve.
        with contextlib.suppress(OSError):
            results.write_result(self._out, replace(top, status="started", exit_status=None))

    def end(self, top: SeriesResult) -> None:
        """Writes the last one.

        Raises:
            RunFailed: It cannot be written: the disk is full.
        """
        self._reserve.release()
        results.keep(self._out, top)

    def broken_off(self, top: SeriesResult) -> None:
        """Writes the last one of a series that an error ended, if that can be."""
        with contextlib.suppress(OSError):
            self._reserve.release()
            results.write_result(self._out, top)


@contextlib.contextmanager
def kept_on_top(out: Path, broken_off: Callable[[BaseException], SeriesResult]) -> Iterator[OnTop]:
    """Keeps the result on top of a series also where an error ends it.

    Args:
        out: The directory, made and empty.
        broken_off: The result of a series that an error ends.

    Raises:
        ConfigError: The directory cannot be written.
    """
    on_top = OnTop(out)
    try:
        on_top.begin()
        yield on_top
    except BaseException as error:
        on_top.broken_off(broken_off(error))
        raise


def require_empty(out: Path) -> None:
    """Refuses a directory that holds something already.

    Raises:
        ConfigError: It does.
    """
    if any(out.iterdir()):
        raise ConfigError(f"{out} is not empty: every run gets a directory of its own (--out DIR)")


@contextlib.contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
