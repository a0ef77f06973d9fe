"""A model behind a backend, as one process tells another of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backends.litert.file.opened_file import OpenedFile, hold
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.machine.watched.held_files import HeldFiles
from harness.model.opening import Opener


@dataclass(frozen=True, slots=True)
class Subject:
    """All that it takes to open it: no task, no data, no load."""

    model: Path
    sha256: str
    """Of the file."""
    name: str
    """As a person knows it."""
    source: str
    """`file`, `official` or `standin`."""
    backend: Mapping[str, object]
    """The config's section."""
    invocation: Mapping[str, object]
    """The fields of the config's section `model` that every task has."""
    threads: int
    cache_dir: Path
    held: tuple[OpenedFile, ...] = ()
    """What whoever opens it finds under these paths, or opens nothing: see `held_files`."""

    @property
    def section(self) -> BackendSection:
        """The backend, as a config has it."""
        return BackendSection.model_validate(dict(self.backend))

    def opener(self) -> Opener:
        """Finds the file to load; opens nothing yet. From now on this process opens no other under the paths that are held.

        Raises:
            FileChanged: Another file lies there.
            Exception: See `Opener`.
        """
        hold(self.held)
        invocation = Invocation.model_validate(dict(self.invocation))
        opener = Opener(self.model, self.sha256, self.section, self.cache_dir, invocation=invocation)
        opener.hold_copy()
        return opener


def held_files(model: Path, sha256: str, section: BackendSection) -> tuple[OpenedFile, ...]:
    """The model and the backend's library, opened once and hashed: for whoever opens them in another process.

    Args:
        model: The file.
        sha256: Its own when it was chosen.
        section: The backend.

    Raises:
        RunFailed: The model is another by now.
    """
    files = HeldFiles()
    library = None if section.library is None else files.note_hashed(section.library)
    found = files.note_planned(model, sha256)
    return (found,) if library is None else (found, library)


@contextmanager
def measured_unchanged(subjects: Iterable[Subject]) -> Iterator[None]:
    """Compares the files that are held when what was measured meanwhile is there.

    Raises:
        RunFailed: One has changed, however the measuring ended.
    """
    files = HeldFiles()
    for each in subjects:
        for file in each.held:
            files.take(file)
    try:
        yield
    except Exception as error:
        if (found := files.explain(error)) is error:
            raise
        raise found from error
    files.refuse_changes()
