"""What the answers of an accuracy run are held against where that is no ground truth: another model, or another backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.config.backend import BackendSection, parse_backend, with_absolute_paths
from harness.config.fields import set_field
from harness.config.registry import ANY_MODEL, backend_names, task_class
from harness.config.schema import Benchmark
from harness.errors import ConfigError, unknown
from harness.spec.model_source import model_of, with_invocation
from harness.spec.schema import ModelRef, ReferenceRef


def find_reference(benchmark: Benchmark, model: ModelRef, cache_dir: Path) -> ReferenceRef | None:
    """The reference that a config names; None where it names none.

    Args:
        benchmark: The config.
        model: The model under test, which is its own reference on another backend.
        cache_dir: Where official files and stand-ins lie.

    Raises:
        ConfigError: The task takes none, there is a ground truth as well, or the model or backend is not here.
    """
    asked = benchmark.reference
    if asked is None or (asked.model is None and asked.backend is None):
        return None
    if not task_class(benchmark.task).takes_reference:
        raise ConfigError(
            f"{benchmark.task} is scored by a ground truth of its own, not by a reference model or backend: --task {ANY_MODEL} "
            "takes any model, and holds its outputs against a reference's"
        )
    if benchmark.dataset.truth != "auto":
        raise ConfigError(
            "both a ground truth and a reference are named (--truth, --reference-...): leave out one of them"
        )
    backend = asked.backend or "cpu"
    fields: dict[str, Any] = {}
    for name, value in parse_backend(backend):
        set_field(fields, name, value)
    section = with_absolute_paths(
        BackendSection.model_validate({**fields["backend"], "threads": 1, "complete_shapes": False})
    )
    if section.name not in backend_names():
        raise ConfigError(unknown("backend", section.name, backend_names()))
    ref = with_invocation(model, benchmark)
    if asked.model is not None:
        # Which of its signatures runs, and with which shapes, is for its own file to say.
        ref = model_of(benchmark, asked.model, cache_dir)[0]
    return ReferenceRef(model=ref, backend=section, backend_asked=backend)
