"""Finds and loads the model that is asked (`harness.asking`), as a run would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from backends.base import Backend
from backends.shapes import complete_shapes
from harness.backend_section import parse_backend
from harness.config import find_benchmark
from harness.parts import judge_coverage
from harness.registry import backend_class, check_backend_options
from harness.resolve import Asked, resolve_asked
from harness.zoo.official import cache_dir


def find_model(task: str, model: str | Path, backend: str, threads: int, options: Mapping[str, Any]) -> Asked:
    """What the arguments of `harness.api.open_model` stand for.

    Raises:
        ConfigError: An unknown name or option, or no model.
    """
    overrides = [
        ("model.use", str(model)),
        *parse_backend(backend),
        ("backend.threads", threads),
        *((f"model.{name}", value) for name, value in options.items()),
    ]
    return resolve_asked(find_benchmark(task), overrides, cache_dir())


def load_model(asked: Asked, input_shapes: Sequence[tuple[int, ...]] | None = None) -> Backend:
    """The model behind its backend, of which an accelerator must take something.

    Args:
        asked: What `find_model` found.
        input_shapes: Resize the inputs to these shapes; None takes them as they are.

    Raises:
        UnknownName: An option that the backend does not have.
        BackendUnavailable: The backend is not here, or takes too little of the model.
        ModelRejected: The runtime cannot run the model.
    """
    section, path = asked.benchmark.backend, asked.model.path
    kind: Any = backend_class(section.name)
    check_backend_options(section.name, kind, section.options)
    if section.complete_shapes is not False:
        path, _ = complete_shapes(path, asked.model.sha256, cache_dir() / "models")
    more = {} if input_shapes is None else {"input_shapes": input_shapes}
    threads = 1 if section.threads == "auto" else section.threads
    backend = cast(Backend, kind(path, threads=threads, **section.options, **more))
    try:
        judge_coverage(backend.info(), section.require_full)
    except BaseException:
        backend.close()
        raise
    return backend
