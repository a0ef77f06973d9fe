"""A model that is named without a task: a path, a model of a benchmark or a collection, or a benchmark for the one it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.backend import BackendSection, with_absolute_paths
from harness.config.files import (
    benchmark_names,
    find_benchmark,
    load_benchmark,
    parse_invocation,
    parse_model_and_backend,
)
from harness.config.invocation import Invocation
from harness.errors import ConfigError, UnknownName
from harness.spec.model_source import find_model, known_models
from harness.spec.schema import ModelRef
from harness.zoo.files.official import hash_given

if TYPE_CHECKING:
    # With it comes numpy, which `--help` does without.
    from harness.model.subject import Subject

Overrides = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What a name stands for."""

    ref: ModelRef
    benchmark: Path | None
    """The config of the benchmark that has it; None for a path or a model of a collection."""
    use: str | None
    """Its name there."""


_FOUND_ELSEWHERE: ContextVar[Mapping[str, ModelRef] | None] = ContextVar("models found elsewhere", default=None)


@contextmanager
def found_elsewhere(models: Mapping[str, ModelRef]) -> Iterator[None]:
    """Names of models that another machine has found, and whose files it has sent: they are not looked for here.

    Args:
        models: By the name that was asked for; their paths are of this machine.
    """
    token = _FOUND_ELSEWHERE.set(models)
    try:
        yield
    finally:
        _FOUND_ELSEWHERE.reset(token)


def find_any_model(name: str, cache_dir: Path) -> NamedModel:
    """Finds it.

    Args:
        name: As the user wrote it.
        cache_dir: Where official files and stand-ins lie.

    Raises:
        ConfigError: A path that is no file, or a model that is not here.
        UnknownName: Nobody knows it.
    """
    if name.endswith((".yaml", ".yml")):
        return _of_benchmark(find_benchmark(name), None, cache_dir)
    path = Path(name)
    if path.is_file():
        digests = hash_given(path)
        return NamedModel(ModelRef(name=path.stem, source="file", path=path, sha256=digests.sha256), None, None)
    if "/" in name or name.endswith(".tflite"):
        raise ConfigError(f"no model file at {name}")
    if name in benchmark_names():
        return _of_benchmark(find_benchmark(name), None, cache_dir, name)
    known: list[str] = []
    for each in known_models():
        if each.name != name:
            known.append(each.name)
        elif each.benchmark is not None:
            return _of_benchmark(each.benchmark, name, cache_dir, name)
        elif (ref := _found_elsewhere(name)) is not None:
            return NamedModel(ref, None, None)
        else:
            return NamedModel(find_model(name, {name: each.entry}, each.title, cache_dir)[0], None, None)
    raise UnknownName("model", name, [*benchmark_names(), *known], "./run.sh list")


def invocation_of(found: NamedModel, overrides: Overrides) -> Invocation:
    """How it is invoked: as its benchmark says, with the options laid over that."""
    if found.benchmark is None:
        return parse_invocation(overrides)
    return load_benchmark(found.benchmark, overrides).model.invocation


def subject_of(found: NamedModel, overrides: Overrides, cache_dir: Path, *, threads: int | None) -> Subject:
    """The model behind a backend.

    Args:
        found: The model.
        overrides: Fields of the sections `model` and `backend`.
        cache_dir: The harness's cache.
        threads: CPU threads; None for what the config says, and 1 where that leaves it open.

    Raises:
        ConfigError: Lists every mistake of the overrides.
        RunFailed: The model is no longer what was found.
    """
    from harness.model.subject import Subject, held_files

    section: BackendSection
    if found.benchmark is None:
        invocation, section = parse_model_and_backend(overrides)
    else:
        benchmark = load_benchmark(found.benchmark, overrides)
        invocation, section = benchmark.model.invocation, benchmark.backend
    asked = threads if threads is not None else section.threads
    path, section = found.ref.path.resolve(), with_absolute_paths(section)
    return Subject(
        path,
        found.ref.sha256,
        found.ref.name,
        found.ref.source,
        section.model_dump(mode="json"),
        invocation.model_dump(mode="json"),
        threads=1 if asked == "auto" else asked,
        cache_dir=cache_dir,
        held=held_files(path, found.ref.sha256, section),
    )


def _found_elsewhere(name: str) -> ModelRef | None:
    return (_FOUND_ELSEWHERE.get() or {}).get(name)


def _of_benchmark(config: Path, use: str | None, cache_dir: Path, name: str = "") -> NamedModel:
    if (ref := _found_elsewhere(name)) is None:
        benchmark = load_benchmark(config)
        ref = find_model(use or benchmark.model.use, benchmark.models, benchmark.title, cache_dir)[0]
    return NamedModel(ref, config, use)
