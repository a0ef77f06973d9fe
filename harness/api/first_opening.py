"""Whether a model can be opened at all: tried in a process of its own when it is opened here for the first time.

On some models XNNPACK aborts, which nothing can catch: the process of whoever imports the API would be gone. That a model was
survived is kept in the cache, by its hash, the runtime's version and the machine: to look there takes half a millisecond.

`python -P -m harness.api.first_opening ANSWER_FD PARENT_PID OPENING` is that process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.file.opened_file import FileChanged, OpenedFile
from harness.config.backend import BackendSection
from harness.errors import FilesChanged
from harness.machine.child_process import answer_of, live_and_die_with
from harness.machine.json_line import decode, encode, tell_once
from harness.messages.failure import Failed, failed
from harness.model.subject import Subject
from harness.spec.opener import subject_of_ref
from harness.spec.schema import ModelRef
from harness.spec.trial import has_xnnpack, without_xnnpack

_TIMEOUT_S = 120.0
"""A process that lives so long has not crashed: a slow model."""
_FOLDER = "survived"
HOW = 'open it with backend="cpu:xnnpack=false"'
"""What is done in Python for `backends.litert.without_xnnpack.OPTION`."""


@dataclass(frozen=True, slots=True)
class Survived:
    """The process is still there."""

    why_not: str
    """What was said against the model; "" for nothing. Whoever opens it next says it in full."""


def refuse_what_crashes(
    model: ModelRef, section: BackendSection, cache_dir: Path, held: Sequence[OpenedFile] = ()
) -> None:
    """Opens a model once in another process, and asks it once, unless it was survived before.

    Args:
        model: It is opened as its file has it: where that leaves sizes open which only the data tell, nothing is tried.
        section: The backend; only the CPU with XNNPACK is tried.
        cache_dir: The harness's cache.
        held: The files that the other process may open under their paths.

    Raises:
        FilesChanged: The model is another file now.
        ModelRejected: That process crashed; says whether the model runs without XNNPACK.
    """
    if not has_xnnpack(section):
        return
    mark = cache_dir / _FOLDER / _key(model, section)
    if mark.exists():
        return
    subject = subject_of_ref(model, section, cache_dir, held)
    if crash := _crash(subject):
        without = without_xnnpack(subject, held, HOW)
        raise ModelRejected(f"{model.path} takes down the process that opens it, which {crash}. {without.said}")
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _key(model: ModelRef, section: BackendSection) -> str:
    told = (
        model.sha256,
        section.model_dump_json(),
        model.invocation.model_dump_json(),
        metadata.version("ai-edge-litert"),
        os.uname().nodename,
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _crash(subject: Subject) -> str:
    """How the process ended that opened it, as the rest of a sentence; "" where it answered, or takes long."""
    answer = answer_of("harness.api.first_opening", encode(subject), timeout_s=_TIMEOUT_S)
    if answer.line is not None:
        kinds: tuple[type[Survived] | type[Failed], ...] = (Survived, Failed)
        told = decode(answer.line, *kinds)
        if isinstance(told, Failed):
            # It is another file that was survived.
            raise FilesChanged(told.message)
    if answer.line is not None or answer.hangs or not answer.crashed:
        return ""
    return f"{answer.how}{f' ({answer.said})' if answer.said else ''}"


def _survived(subject: Subject) -> Survived | Failed:
    try:
        backend = subject.opener().open(1)
        backend.invoke([tensor.zeros() for tensor in backend.inputs])
    except FileChanged as error:
        return failed(error)
    except Exception as error:
        return Survived(str(error) or type(error).__name__)
    return Survived("")


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    tell_once(int(answer), _survived(decode(words, Subject)))


if __name__ == "__main__":
    main()
