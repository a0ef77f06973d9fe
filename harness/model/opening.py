"""How a model is opened behind its backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from backends.base import Backend
from backends.litert.shapes import complete_shapes
from harness.config.backend import BackendSection
from harness.config.registry import backend_class, check_backend_options
from harness.model.coverage import judge_coverage
from tasks.base import Task


def load_model(
    model: Path,
    sha256: str,
    section: BackendSection,
    completed: Path,
    input_shapes: Sequence[tuple[int, ...]] | None = None,
) -> Backend:
    """The model behind its backend, of which an accelerator must take something.

    Args:
        model: The file.
        sha256: Its own.
        section: The backend, as a config has it.
        completed: The folder of models whose missing shapes were completed.
        input_shapes: Resize the inputs to these shapes; None takes them as they are.

    Raises:
        UnknownName: An option that the backend does not have.
        BackendUnavailable: The backend is not here, or takes too little of the model.
        ModelRejected: The runtime cannot run the model.
    """
    path = model
    kind: Any = backend_class(section.name)
    check_backend_options(section.name, kind, section.options)
    if section.complete_shapes is not False:
        path, _ = complete_shapes(path, sha256, completed)
    more = {} if input_shapes is None else {"input_shapes": input_shapes}
    threads = 1 if section.threads == "auto" else section.threads
    backend = cast(Backend, kind(path, threads=threads, **section.options, **more))
    try:
        judge_coverage(backend.info(), section.require_full)
    except BaseException:
        backend.close()
        raise
    return backend


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is decided of an instance but the backend's class: a process of its own opens the same by it."""

    model: Path
    threads: int
    options: Mapping[str, Any]
    cpus: tuple[int, ...] = ()
    """Where a process of its own works; empty for anywhere."""
    batch: int = 1
    """Samples of one invoke of a second instance beside it; 1 for none."""

    def open(self, kind: Any, task: Task) -> Backend:
        """Loads the model, its inputs in the shapes that the task wants."""
        backend = kind(self.model, threads=self.threads, **self.options)
        shapes = task.input_shapes(backend.inputs)
        if shapes is not None and list(shapes) != [tensor.shape for tensor in backend.inputs]:
            backend.close()
            backend = kind(self.model, threads=self.threads, input_shapes=shapes, **self.options)
        return backend  # type: ignore[no-any-return]

    def open_many(self, kind: Any, single: Backend) -> Backend:
        """The same, with the inputs resized to the batch: see `harness.worker.batch`."""
        shapes = [(self.batch, *tensor.shape[1:]) for tensor in single.inputs]
        # In other shapes XNNPACK may choose other ops, whose weights are not in the cache.
        options = {name: value for name, value in self.options.items() if name != "weight_cache"}
        return kind(self.model, threads=self.threads, input_shapes=shapes, **options)  # type: ignore[no-any-return]
