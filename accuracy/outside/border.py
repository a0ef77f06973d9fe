"""The border that data from outside cross: whatever a reader meets in them ends as the reader's own error.

A reader checks what it knows of, in words of its own. What nobody thought of (a length that overflows, a list where a name was
expected, nesting without end) would leave it as Python's or a library's error, and meet the user as a traceback. So each reader
of files that others have written is marked with `reads`, once, at its door.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from accuracy.outside.shown import bounded

_BUGS = (NameError, ImportError, AssertionError)
"""What no data can bring about: these keep their traceback."""
_MOST = 500

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def border(error: type[Exception], what: object) -> Iterator[None]:
    """What goes wrong within is raised as `error`, unless it has an exit status, and so words for the user, already.

    Args:
        error: The reader's own.
        what: Is read: how messages begin.
    """
    try:
        yield
    except Exception as found:
        # StopIteration is what a generator that is closed or used up says.
        if isinstance(found, (*_BUGS, error, StopIteration)) or type(getattr(found, "exit_status", None)) is int:
            raise
        raise error(f"{bounded(str(what), _MOST)} cannot be read: {reason(found)}") from found


def reason(found: BaseException) -> str:
    """Why data cannot be read, by the error that a library raised over them."""
    if isinstance(found, RecursionError):
        return "it is nested deeper than anyone writes"
    if isinstance(found, MemoryError):
        return "it would take more memory than there is"
    said = str(getattr(found, "strerror", None) or found)
    kind = "" if isinstance(found, OSError) and said else type(found).__name__
    return bounded(": ".join(filter(None, (kind, said))), _MOST)


def reads(error: type[Exception], what: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a function, or a generator, that reads data from outside: see `border`.

    Args:
        error: The reader's own.
        what: Is read; empty for what the first argument says that is a path or a text.
    """

    def mark(reader: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(reader):

            @functools.wraps(reader)
            def each(*given: P.args, **named: P.kwargs) -> Any:
                with border(error, what or _named(given)):
                    yield from cast(Any, reader(*given, **named))

            return cast("Callable[P, R]", each)

        @functools.wraps(reader)
        def whole(*given: P.args, **named: P.kwargs) -> R:
            with border(error, what or _named(given)):
                return reader(*given, **named)

        return whole

    return mark


def _named(given: tuple[object, ...]) -> str:
    return next((str(each) for each in given if isinstance(each, Path | str)), "what was given")
