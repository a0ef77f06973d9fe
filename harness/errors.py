"""The error tree of the house, and the exit status of each error that a user can meet.

    HarnessError                          3     a message for the user, never a traceback
      ConfigError                         2     the user must fix the command, the config or the machine
        UnknownName                       2     a name nobody knows; the message suggests a near one
        zoo.files.unpack.ArchiveRefused   2     an archive that is corrupt, or does what none should
      RunFailed                           3     the run broke
        FilesChanged                      3     what it used is not what was hashed: no figure of it counts
        ModelCrashed                      3     a fault in native code ended the process that ran a model
        remote.ssh.ConnectionLost         3     the connection to a device broke for good
      Interrupted                         128+n after signal n: SIGHUP 129, INT 130, QUIT 131, TERM 143, XCPU 152
      turns.process.CandidateFailed       3     a contender cannot be measured; tune and bench go on with the next
      zoo.files.download.FetchFailed      3     the transfer broke, or what came is not the file
    Reported                              -     an error of another process: has that one's exit status
    backends.base.BackendUnavailable      2     the backend is not here
    backends.base.ModelRejected           2     the runtime refuses the model
    backends.litert.file.opened_file.FileChanged   3     a file that a run holds is another one now
    tasks.base.DataMissing                2     data absent, cut or not belonging together
    tasks.base.ModelMismatch              2     a model whose tensors do not fit the task
    accuracy.answers.log.LogError         2     an accuracy log that is cut or corrupt
    accuracy.errors.TruthError            2     a ground truth that is absent, corrupt or does not belong
      accuracy.records.tfrecord.RecordError   2     a record file that is absent, cut or corrupt
    accuracy.errors.MetricUnusable        2     a metric of the user's own that is not installed, or breaks

An error class carries its status as `exit_status`, wherever it is defined: no table here knows its name. Caught by those who
call what raises them, and met by no user: accuracy.outside.plain_files.NotPlain, accuracy.outside.text_files.NotText,
accuracy.outside.zip_lists.ListTooLong, accuracy.truth.text_proto.TextProtoError, comparison.answers.NoPairs,
devices.tool_output.NotTheTool, json_records.NotThisRecord, json_records.UnknownField, machine.child_process.Ended,
remote.answers.NotAnAnswer, remote.far_end.wire.Endless, remote.far_end.wire.Refused, serving.cluster.session.NodeLost,
serving.kept_samples.NotUniform, worker.batch.CannotBatchError, zoo.files.locks.NoLocks, zoo.files.redirects.RefusedAddress.
Memory that ran out has status 3 wherever it does.
A path that can be none, or is closed to the user (a loop of links, a name too long, a folder for a file, no permission), has
status 2 wherever it is met. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
from collections.abc import Iterable

EXIT_VALID = 0
EXIT_INVALID = 1
EXIT_USER = 2
EXIT_BROKEN = 3
_TOO_MANY_FILES = os.strerror(errno.EMFILE)
_MOST_OF_A_MESSAGE = 4000
"""Characters: a value that a message shows may have millions."""
_ENOUGH_FILES = 1024
_UNUSABLE = frozenset(
    (errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENXIO)
)
"""What is wrong with a path that the user named, rather than with the machine or this program."""
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What is wrong with the place that is written to."""
_SHOWN = 120


class HarnessError(Exception):
    """A message for the user."""

    exit_status: int = EXIT_BROKEN
    """That it leads to."""


class ConfigError(HarnessError):
    """The user must fix something before a run can start."""

    exit_status = EXIT_USER

    def __init__(self, message: str, *, log_says_more: bool = False) -> None:
        super().__init__(message)
        self.log_says_more = log_says_more
        """A runtime or driver has said more of it in the run's log, which therefore stays."""


class UnknownName(ConfigError):  # noqa: N818 - the name is part of the contract
    """A name nobody knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str = "") -> None:
        super().__init__(unknown(kind, name, known, listing))


class RunFailed(HarnessError):  # noqa: N818 - the name is part of the contract
    """The run started and broke; its directory stays."""


class FilesChanged(RunFailed):
    """What is used is another file by now, or was meanwhile: whoever measures several figures must not go on to the next."""


class ModelCrashed(RunFailed):
    """A fault in native code ended a process that ran a model: the runtime's, or XNNPACK's."""


class Interrupted(HarnessError):  # noqa: N818
    """The user or the system asked the run to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
        self.exit_status = 128 + signal_number


def unknown(kind: str, name: str, known: Iterable[str], listing: str = "") -> str:
    """The sentence for a name nobody knows, with a near miss where there is one, else with all that is known.

    Args:
        kind: What it should be the name of.
        name: As the user wrote it.
        known: The names there are.
        listing: A command that lists them, where they are too many for a message; then some near misses are named.
    """
    names = sorted(set(known))
    folded = {known_name.casefold(): known_name for known_name in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=5 if listing else 1)
    if name.casefold() in folded:
        near = near[:1]
    if near:
        hint = f"did you mean {' or '.join(repr(folded[each]) for each in near)}?"
    else:
        hint = f"{listing} names all" if listing else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


class Reported(Exception):  # noqa: N818 - it is a report
    """An error of another process, as that told of it."""

    def __init__(self, kind: str, message: str, exit_status: int | None) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        """The name of the error's class there."""
        self.message = message
        self.exit_status = exit_status
        """That it leads to; None for a bug."""


def message_of(error: BaseException) -> str:
    """What a person is told of an error, in no more characters than a person reads.

    Where the limit of open files was met, the file that would have been one too many is not to blame.
    """
    if memory_ran_out(error):
        return (
            "memory ran out: this process got no more from the system. Close what else runs here, allow it more (ulimit -v, "
            "the container's limit), or ask for less: --count, --max-sample-memory, --instances"
        )
    if not _met_the_limit_of_open_files(error):
        if isinstance(error, OSError) and disk_is_full(error):
            file = "what was to be written" if error.filename is None else shortened(os.fsdecode(error.filename))
            return f"{file} cannot be written: {error.strerror}. Make room, or write to another disk"
        return _unusable_name(error) or shortened(str(error), _MOST_OF_A_MESSAGE)
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"the limit of open files was met: a process may have {limit} here, which is too few. Allow more in this shell and "
        f"run again: ulimit -n {max(_ENOUGH_FILES, 2 * limit)}"
    )


def disk_is_full(error: BaseException) -> bool:
    """Whether an error is that a disk, a quota or the size that a file may have is used up."""
    return isinstance(error, OSError) and error.errno in _FULL


def memory_ran_out(error: BaseException | None) -> bool:
    """Whether an error is that no memory was to be had, also where it began with that."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        error = error.__cause__ or error.__context__
    return False


def _met_the_limit_of_open_files(error: BaseException | None) -> bool:
    """Also where another error was made of it, or a library has only its text."""
    while error is not None:
        text = str(error)
        # "in system" is another limit, which no shell raises.
        if _TOO_MANY_FILES in text and f"{_TOO_MANY_FILES} in system" not in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def shortened(name: str, most: int = _SHOWN) -> str:
    """A name of any length for a message: its two ends where it is too long."""
    return name if len(name) <= most else f"{name[: most // 2]}...{name[-most // 2 :]} ({len(name)} characters)"


def _unusable_name(error: BaseException) -> str:
    """The message for a path that can be no file's or folder's, or not this user's; empty for any other error.

    That a file is absent is for those to say who know what it would be.
    """
    if isinstance(error, OSError) and error.errno in _UNUSABLE and error.filename is not None:
        return f"{shortened(os.fsdecode(error.filename))} cannot be used: {error.strerror}"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return f"{shortened(ascii(error.object))} is no UTF-8: rename it"
    if type(error) is ValueError and str(error).startswith("embedded null"):
        return "a name holds the character NUL, which no file's name may"
    return ""


def exit_status(error: BaseException) -> int | None:
    """The exit status for an error a user can meet; None for a bug, which keeps its traceback."""
    if _met_the_limit_of_open_files(error):
        return EXIT_USER
    if _unusable_name(error):
        return EXIT_USER
    if memory_ran_out(error) or disk_is_full(error):
        return EXIT_BROKEN
    # Of ours alone: another library's error may have something of this name that is no number.
    status = getattr(error, "exit_status", None)
    return status if type(status) is int else None
