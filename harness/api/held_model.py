"""The files of a model that is open for questions: what is opened is what was hashed, and stays it while it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backends.litert.file.opened_file import FileChanged, FileState, OpenedFile, held_meanwhile, hold
from harness.config.backend import BackendSection
from harness.model.opening import Opener
from harness.model.subject import held_files
from harness.spec.schema import ModelRef


class HeldModel:
    """The model, the backend's library, and the copy that is loaded in the model's place."""

    def __init__(self, model: ModelRef, section: BackendSection) -> None:
        """Opens and hashes them.

        Raises:
            RunFailed: The model is no longer what it was when it was chosen.
        """
        self.files: list[OpenedFile] = list(held_files(model.path, model.sha256, section))

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Meanwhile this thread opens nothing else under their paths; whoever lives on may write them anew afterwards."""
        with held_meanwhile():
            hold(self.files)
            yield

    def take_copy(self, opener: Opener) -> None:
        """Holds the copy, where one is loaded; called while it is `opening`."""
        if (copy := opener.hold_copy()) is not None:
            self.files.append(copy)

    def refuse_written(self) -> None:
        """Looks whether what is mapped is still what was hashed, in a few microseconds.

        A file that was put in the place of one that is open is nothing to this model, which keeps what it has opened.

        Raises:
            FileChanged: One was written, cut or touched in its place.
        """
        for file in self.files:
            try:
                found = FileState.of(file.path.stat())
            except OSError:
                continue
            was = file.state
            same = (found.device, found.inode) == (was.device, was.inode)
            if same and (found.size, found.modified_ns) != (was.size, was.modified_ns):
                raise FileChanged(
                    file.path, "it was written since it was opened, which shows in what is open: open it anew"
                )
