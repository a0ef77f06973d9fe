"""From a benchmark's config to a spec: every default decided, every path found, every mistake reported at once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness import rules
from harness.config import Benchmark, DatasetEntry, ModelEntry, load_benchmark, task_options
from harness.errors import ConfigError, unknown
from harness.registry import TASKS, backend_names, task_class
from harness.spec import DataSetRef, Load, ModelRef, Spec
from harness.zoo.builtin import BUILTIN, builtin_path
from harness.zoo.official import official_path
from harness.zoo.standins import STANDINS, standin_path
from tasks.base import Layout

_DEFAULT_SAMPLE_COUNT = 1024
T = TypeVar("T")


def resolve(config: Path, overrides: list[tuple[str, Any]], cache_dir: Path) -> Spec:
    """Decides everything that can be decided before the model is opened.

    Raises:
        ConfigError: Lists every mistake.
    """
    benchmark = load_benchmark(config, overrides)
    problems: list[str] = []

    def attempt(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except ConfigError as error:
            problems.append(str(error))
            return None

    if benchmark.task not in TASKS:
        problems.append(unknown("task kind", benchmark.task, TASKS))
    if benchmark.backend.name not in backend_names():
        problems.append(unknown("backend", benchmark.backend.name, backend_names()))
    problems += _check_numbers(benchmark)
    load = attempt(lambda: _load(benchmark))
    found_model = attempt(lambda: _model(benchmark, cache_dir))
    found_data = attempt(lambda: _dataset(benchmark, cache_dir))
    options = attempt(
        lambda: _options(benchmark, found_model[1] if found_model else {}, found_data[1] if found_data else {})
    )
    if problems or load is None or found_model is None or found_data is None or options is None:
        raise ConfigError(problems[0] if len(problems) == 1 else _list(problems))
    return Spec(
        benchmark=config.stem,
        title=benchmark.title,
        task=benchmark.task,
        options=options,
        model=found_model[0],
        dataset=found_data[0],
        backend=benchmark.backend,
        load=load,
        targets=benchmark.targets,
        cache_dir=cache_dir,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Audit:
    """What scoring a log needs: no model, no load."""

    benchmark: Benchmark
    task: str
    options: dict[str, Any]
    dataset: DataSetRef


def resolve_audit(config: Path, overrides: list[tuple[str, Any]], layout: Layout, cache_dir: Path) -> Audit:
    """Decides what the scoring of another harness's log needs.

    Args:
        config: The benchmark's config file.
        overrides: Fields of the config, which win over the layout's options.
        layout: Who wrote the log.
        cache_dir: Where official and built-in data lie.

    Raises:
        ConfigError: A mistake in the config, or no data.
    """
    benchmark = load_benchmark(config, overrides)
    dataset, of_data = _dataset(benchmark, cache_dir)
    of_layout = dict(task_class(benchmark.task).layouts.get(layout, {}))
    return Audit(benchmark, benchmark.task, _options(benchmark, of_layout, of_data), dataset)


def file_digests(path: Path) -> tuple[str, str]:
    """A file's sha256 and md5, read once. Official checksums are published as MD5; identity is told by the sha256."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


def _list(problems: list[str]) -> str:
    return f"{len(problems)} mistakes:\n" + "\n".join(f"  {line}" for text in problems for line in text.splitlines())


def _check_numbers(benchmark: Benchmark) -> list[str]:
    problems = []
    for name in ("threads", "instances", "batch"):
        value = getattr(benchmark.backend, name)
        if value != "auto" and value < 1:
            problems.append(f"backend.{name} must be at least 1 or auto, not {value}")
    if benchmark.backend.batch not in ("auto", 1):
        problems.append(
            f"backend.batch is {benchmark.backend.batch}: this version runs one sample an invoke (auto or 1)"
        )
    return problems


def _load(benchmark: Benchmark) -> Load:
    load = benchmark.load
    if load.mode not in ("performance", "accuracy"):
        raise ConfigError(f"mode {load.mode!r} is a series of runs, not one run")
    if load.round is not None and benchmark.rounds and load.round not in benchmark.rounds:
        raise ConfigError(f"round {load.round} has no {benchmark.title}; it is in {', '.join(benchmark.rounds)}")
    percentile = rules.TARGET_PERCENTILE[load.scenario]
    if load.scenario == "Server" and load.server_target_percentile is not None:
        percentile = load.server_target_percentile
    extent = rules.extent(load.preset, load.scenario, percentile)
    bound_ms = load.server_target_latency_ms
    return Load(
        scenario=load.scenario,
        mode=load.mode,
        preset=load.preset,
        round=load.round or (benchmark.rounds[-1] if benchmark.rounds else None),
        seeds=rules.SEEDS.get(load.round) if load.round else None,
        performance_sample_count=load.performance_sample_count or _DEFAULT_SAMPLE_COUNT,
        min_query_count=load.min_query_count or extent.min_query_count,
        min_duration_ms=load.min_duration_ms if load.min_duration_ms is not None else extent.min_duration_ms,
        max_duration_ms=load.max_duration_ms,
        target_percentile=percentile,
        samples_per_query=rules.SAMPLES_PER_MULTI_STREAM_QUERY if load.scenario == "MultiStream" else 1,
        expected_latency_ns=load.expected_latency_ns,
        target_qps=load.target_qps,
        server_target_latency_ns=None if bound_ms is None else int(bound_ms * 1e6),
        enable_trace=load.enable_trace,
    )


def _options(benchmark: Benchmark, of_model: dict[str, Any], of_data: dict[str, Any]) -> dict[str, Any]:
    """The task's options: those of the model's and the data set's entries, then the config's own two sections, which win."""
    if benchmark.task not in TASKS:
        return {}
    values = {**of_model, **of_data, **(benchmark.model.model_extra or {}), **(benchmark.dataset.model_extra or {})}
    options = task_options(task_class(benchmark.task).Options, benchmark.task, values)
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _model(benchmark: Benchmark, cache_dir: Path) -> tuple[ModelRef, dict[str, Any]]:
    use, entries = benchmark.model.use, benchmark.models
    if use in entries:
        found = _from_model_entry(use, entries[use], cache_dir, standins=True)
        if found:
            return found
        raise ConfigError(f"model {use} is not here: put {entries[use].file} into {official_path('', cache_dir)}")
    if use in ("auto", "official", "standin"):
        for name, entry in entries.items():
            if use != "standin" and (found := _from_model_entry(name, entry, cache_dir, standins=False)):
                return found
        for name, entry in entries.items():
            if (
                use != "official"
                and entry.standin
                and (found := _from_model_entry(name, entry, cache_dir, standins=True))
            ):
                return found
        wanted = ", ".join(entry.file for entry in entries.values() if entry.file) or "none is listed"
        raise ConfigError(
            f"no {'' if use == 'auto' else use + ' '}model for {benchmark.title} is here. Give one with --model PATH, or put "
            f"an official file ({wanted}) into {official_path('', cache_dir)}"
        )
    path = Path(use)
    if not path.is_file():
        if "/" not in use and not use.endswith(".tflite"):
            raise ConfigError(unknown("model", use, [*entries, "auto", "official", "standin"]))
        raise ConfigError(f"no model file at {use}")
    sha256, md5 = file_digests(path)
    for name, entry in entries.items():
        if entry.md5 == md5:
            return ModelRef(name=name, source="official", path=path.resolve(), sha256=sha256), entry.options
    return ModelRef(name=path.stem, source="file", path=path.resolve(), sha256=sha256), {}


def _from_model_entry(
    name: str, entry: ModelEntry, cache_dir: Path, *, standins: bool
) -> tuple[ModelRef, dict[str, Any]] | None:
    if entry.file and (path := official_path(entry.file, cache_dir)).is_file():
        sha256, md5 = file_digests(path)
        if entry.md5 and md5 != entry.md5:
            raise ConfigError(f"{path} has MD5 {md5}, the official file has {entry.md5}: take it away or replace it")
        return ModelRef(name=name, source="official" if entry.md5 else "file", path=path, sha256=sha256), entry.options
    if standins and entry.standin:
        if entry.standin not in STANDINS:
            raise ConfigError(unknown("stand-in", entry.standin, STANDINS))
        path, sha256 = standin_path(entry.standin, cache_dir / "standins")
        return ModelRef(name=name, source="standin", path=path, sha256=sha256), entry.options
    return None


def _dataset(benchmark: Benchmark, cache_dir: Path) -> tuple[DataSetRef, dict[str, Any]]:
    section, entries = benchmark.dataset, benchmark.datasets
    truth = None if section.truth == "auto" else Path(section.truth)
    if truth is not None and not truth.exists():
        raise ConfigError(f"no ground truth at {truth}")
    if section.use in entries:
        candidates = {section.use: entries[section.use]}
        official = builtin = True
    else:
        candidates = entries
        official, builtin = section.use in ("auto", "official"), section.use in ("auto", "builtin")
    if official or builtin:
        for name, entry in candidates.items():
            if official and entry.file and (path := official_path(entry.file, cache_dir)).exists():
                return _data_ref(name, "official", path, truth or _beside(path, entry), section.count), entry.options
        for name, entry in candidates.items():
            if builtin and entry.builtin:
                if entry.builtin not in BUILTIN:
                    raise ConfigError(unknown("built-in data set", entry.builtin, BUILTIN))
                path = builtin_path(entry.builtin, cache_dir / "builtin")
                return _data_ref(name, "builtin", path, truth, section.count), entry.options
        raise ConfigError(f"no data for {benchmark.title} is here: give it with --dataset PATH")
    path = Path(section.use)
    if not path.exists():
        if "/" not in section.use:
            raise ConfigError(unknown("data set", section.use, [*entries, "auto", "official", "builtin"]))
        raise ConfigError(f"no data set at {section.use}")
    return _data_ref(path.stem, "file", path.resolve(), truth, section.count), {}


def _data_ref(name: str, source: Any, path: Path, truth: Path | None, count: int | None) -> DataSetRef:
    return DataSetRef(name=name, source=source, path=path, truth=truth.resolve() if truth else None, count=count)


def _beside(path: Path, entry: DatasetEntry) -> Path | None:
    return path.parent / entry.truth if entry.truth else None
