"""The last word of a process that fails."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import FilesChanged, Reported, exit_status, message_of

CHANGED = (FilesChanged.__name__, "FileChanged")
"""The kinds of a failure after which nobody knows what was measured; the second is the runtime's side's own
(`backends.litert.file.opened_file`), with which numpy would come, for which a process that is started ahead does not wait."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What went wrong, and what it means for the command."""

    exit_status: int | None
    """That it leads to; None for a bug."""
    message: str
    kind: str
    """The name of the error's class."""
    log_says_more: bool = False
    """A runtime or driver that refused has written to the process's log what it had to say."""

    def error(self) -> Reported:
        """To be raised by the process that hears of it."""
        return Reported(self.kind, self.message, self.exit_status)


def failed(error: BaseException) -> Failed:
    """What a process tells the one that started it of the error that ends it."""
    if isinstance(error, Reported):
        return Failed(error.exit_status, error.message, error.kind)
    return Failed(exit_status(error), message_of(error), type(error).__name__)
