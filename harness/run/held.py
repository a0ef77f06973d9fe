"""What a run is told to use, held from before anything opens it until its score is known."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from accuracy.outside.opening import heard_by
from backends.litert.file.opened_file import OpenedFile
from harness.errors import RunFailed
from harness.machine.watched.held_files import ADVICE, HeldFiles
from harness.results.read_data import ReadData
from harness.spec.schema import Spec
from tasks.base import Task

E = TypeVar("E", bound=Exception)


class HeldRun:
    """The files of one run."""

    def __init__(self, spec: Spec) -> None:
        """Notes the model, the reference's, the backend's library and the data that are named as files.

        Raises:
            RunFailed: A model is no longer what it was when the run was planned.
        """
        self._files = HeldFiles()
        hashed = [self._files.note_planned(path, sha256) for path, sha256 in _models(spec)]
        hashed += filter(None, map(self._files.note_hashed, _libraries(spec)))
        self.hashed: tuple[OpenedFile, ...] = tuple(hashed)
        """For the processes of the run, which open nothing else under these paths."""
        for named in (spec.dataset.path, spec.dataset.truth):
            if named is not None and named.is_file():
                self._files.note(named)

    def hearing(self) -> AbstractContextManager[None]:
        """What this process opens of the data meanwhile is noted as it is then."""
        return heard_by(self._files.note_opened)

    def note_task(self, task: Task) -> None:
        """Notes the files that a task, opened since, has read as a whole."""
        for path in task.files():
            self._files.note_read(path)

    def refuse_other_files(self, kept: ReadData | None) -> None:
        """Holds the files that were read here, the ground truth among them, against what the worker has kept of its own.

        Raises:
            RunFailed: The two have not read the same.
        """
        for item in kept.files if kept is not None else ():
            if (found := self._files.digest_of(Path(item.name))) not in (None, item.sha256):
                raise RunFailed(
                    f"{item.name} changed during the run: what was scored by (its sha256 is {found}) is not what the "
                    f"worker read ({item.sha256}), {ADVICE}"
                )

    def refuse_other_count(self, task: Task, sample_count: int) -> None:
        """Compares the size of the set that a task has read here with what the worker found.

        Raises:
            RunFailed: They differ.
        """
        if len(task) != sample_count:
            raise RunFailed(
                f"the data changed during the run: {len(task):,} samples when it began, {sample_count:,} "
                f"a moment later, {ADVICE}"
            )

    def refuse_changes(self) -> None:
        """Compares all of them; called when the last has been used.

        Raises:
            RunFailed: One has changed.
        """
        self._files.refuse_changes()

    def explain(self, error: E) -> E | RunFailed:
        """Why a run broke, where what it used has changed; a mapped file that is cut takes its reader down."""
        return self._files.explain(error)


def _models(spec: Spec) -> list[tuple[Path, str]]:
    models = [spec.model] if spec.reference is None else [spec.model, spec.reference.model]
    return [(model.path, model.sha256) for model in models]


def _libraries(spec: Spec) -> list[Path]:
    sections = [spec.backend] if spec.reference is None else [spec.backend, spec.reference.backend]
    # What is no file is refused by whoever loads it; a pipe would be waited for here.
    return [section.library for section in sections if section.library is not None and section.library.is_file()]
