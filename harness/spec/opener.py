"""What opens the model that a run names, behind the backend that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.litert.file.opened_file import OpenedFile
from harness.config.backend import BackendSection
from harness.model.opening import InputShapes, Opener
from harness.model.subject import Subject
from harness.spec.schema import ModelRef


def opener_of(
    model: ModelRef,
    backend: BackendSection,
    cache_dir: Path,
    input_shapes: InputShapes,
    *,
    several: bool = False,
) -> Opener:
    """As `Opener`, of a model that was found, with the signature, shapes and state that were asked for."""
    return Opener(
        model.path,
        model.sha256,
        backend,
        cache_dir,
        invocation=model.invocation,
        input_shapes=input_shapes,
        several=several,
    )


def subject_of_ref(
    model: ModelRef, backend: BackendSection, cache_dir: Path, held: Sequence[OpenedFile], threads: int = 1
) -> Subject:
    """The same, as another process is told of it that knows no task."""
    return Subject(
        model.path,
        model.sha256,
        model.name,
        model.source,
        backend.model_dump(mode="json"),
        model.invocation.model_dump(mode="json"),
        threads,
        cache_dir,
        tuple(held),
    )
