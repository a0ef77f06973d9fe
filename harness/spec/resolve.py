"""From a benchmark's config to a spec: every default decided, every path found, every mistake reported at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from accuracy.errors import TruthError
from backends.litert.file.opened_file import FileChanged, FileState, OpenedFile, held_meanwhile, hold
from harness.config.backend import with_absolute_paths
from harness.config.files import ConfigFile, config_folder, load_benchmark, read_config
from harness.config.mistakes import task_options
from harness.config.official.compliance_tests import sampling_target
from harness.config.registry import is_task, task_class
from harness.config.schema import Benchmark
from harness.errors import ConfigError
from harness.model.classes import score_columns
from harness.spec.contradictions import mistakes_alone, mistakes_under, numbers_out_of_range
from harness.spec.data_source import find_dataset
from harness.spec.model_source import model_of, with_invocation
from harness.spec.reference_source import find_reference
from harness.spec.rules_in_force import ChosenRules, chosen_rules, in_force, loadgen_name
from harness.spec.schema import DataSetRef, Load, ModelRef, Spec
from harness.spec.told_by_file import with_told
from harness.user_paths import absolute
from harness.zoo.files.sample_cache import cache_limit
from tasks.base import Layout, ModelMismatch

T = TypeVar("T")


def resolve(config: ConfigFile, overrides: Sequence[tuple[str, Any]], cache_dir: Path) -> Spec:
    """Decides everything that can be decided before the model is opened.

    Args:
        config: The benchmark's config.
        overrides: Fields of the config.
        cache_dir: Where official and built-in models and data lie.

    Raises:
        ConfigError: Lists every mistake.
    """
    # Names, shapes and the like are told by the file that is hashed, wherever its path leads a moment later.
    with held_meanwhile():
        return _resolve(config, overrides, cache_dir)


def _resolve(config: ConfigFile, overrides: Sequence[tuple[str, Any]], cache_dir: Path) -> Spec:
    benchmark = config.benchmark(overrides)
    problems: list[str] = []

    def attempt(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except ConfigError as error:
            problems.append(str(error))
            return None

    problems += mistakes_alone(benchmark)
    chosen = attempt(lambda: chosen_rules(benchmark))
    load = attempt(lambda: load_of(benchmark, chosen)) if chosen else None
    problems += mistakes_under(load, benchmark)
    found_model = attempt(lambda: model_of(benchmark, benchmark.model.use, cache_dir))
    if found_model:
        hold([_as_found(found_model[0])])
    found_data = attempt(lambda: find_dataset(benchmark, cache_dir, found_model[0] if found_model else None))
    options = attempt(
        lambda: _options(
            benchmark,
            found_model[1] if found_model else {},
            found_data[1] if found_data else {},
            found_model[0] if found_model else None,
        )
    )
    reference = attempt(lambda: find_reference(benchmark, found_model[0], cache_dir)) if found_model else None
    if problems or chosen is None or load is None or found_model is None or found_data is None or options is None:
        problems = list(dict.fromkeys(problems))  # a cache that cannot be written stops model and data alike
        raise _mistakes(problems)
    model, dataset = found_model[0], found_data[0]
    is_own = benchmark.asked_by_kind and model.source == "file"
    own_targets = config.wrote_targets(overrides)
    return Spec(
        benchmark=config.path.stem,
        title=_title(config.path, benchmark, model, dataset),
        task=benchmark.task,
        options=options,
        model=with_invocation(model, benchmark),
        dataset=dataset,
        backend=with_absolute_paths(benchmark.backend),
        dispatch=benchmark.dispatch,
        load=load,
        reference=reference,
        targets=benchmark.targets if own_targets else [] if is_own else [*benchmark.targets, *chosen.targets],
        own_targets=own_targets,
        require=benchmark.require,
        allow_short=benchmark.allow_short,
        labels=benchmark.labels,
        full_count=None if is_own and dataset.source == "file" else benchmark.full_count or chosen.full_count,
        cache_dir=cache_dir,
        sample_cache_bytes=cache_limit(),
    )


def _as_found(model: ModelRef) -> OpenedFile:
    try:
        return OpenedFile(model.path, FileState.of(model.path.stat()), model.sha256)
    except OSError as error:
        raise FileChanged(model.path, f"it cannot be opened any more ({error.strerror})") from None


@dataclasses.dataclass(frozen=True, slots=True)
class Audit:
    """What scoring a log needs: no model, no load."""

    benchmark: Benchmark
    task: str
    options: dict[str, Any]
    dataset: DataSetRef
    own_targets: bool
    """Whether the user wrote the targets."""
    is_own: bool
    """Whether a kind of task was named and a model of the user's: no benchmark's targets are of it."""


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
    file = read_config(config)
    benchmark = file.benchmark(overrides)
    dataset, of_data = find_dataset(benchmark, cache_dir)
    of_layout = dict(task_class(benchmark.task).layouts.get(layout, {}))
    model: ModelRef | None = None
    of_model: dict[str, Any] = {}
    if benchmark.model.use != "auto":
        model, of_model = model_of(benchmark, benchmark.model.use, cache_dir)
    # Without a model only names may tell the number of classes; how a detector counts must be seen.
    counts = is_task(benchmark.task) and hasattr(task_class(benchmark.task).Options, "num_classes")
    options = _options(benchmark, {**of_model, **of_layout}, of_data, model, fits=counts or model is not None)
    is_own = benchmark.asked_by_kind and model is not None and model.source == "file"
    return Audit(benchmark, benchmark.task, options, dataset, file.wrote_targets(overrides), is_own)


@dataclasses.dataclass(frozen=True, slots=True)
class AskedModel:
    """What asking a model needs: no data, no load."""

    benchmark: Benchmark
    options: dict[str, Any]
    """Without what the model decides: the names given with it have a say in that."""
    model: ModelRef
    score_columns: int | None
    """See `Task.fit`."""


def resolve_asked(config: Path, overrides: list[tuple[str, Any]], cache_dir: Path) -> AskedModel:
    """Decides what asking a model single questions needs.

    Args:
        config: The benchmark's config file.
        overrides: Fields of the config.
        cache_dir: Where official models and stand-ins lie.

    Raises:
        ConfigError: A mistake in the config, or no model.
    """
    benchmark = load_benchmark(config, overrides)
    if problems := numbers_out_of_range(benchmark):
        raise _mistakes(problems)
    # As in `resolve`.
    with held_meanwhile():
        model, of_model = model_of(benchmark, benchmark.model.use, cache_dir)
        hold([_as_found(model)])
        invoked = with_invocation(model, benchmark)
        return AskedModel(
            benchmark,
            _options(benchmark, of_model, {}, model, fits=False),
            invoked,
            score_columns(invoked.path, invoked.invocation.signature),
        )


def _mistakes(problems: list[str]) -> ConfigError:
    if len(problems) == 1:
        return ConfigError(problems[0])
    lines = "\n".join(f"  {line}" for text in problems for line in text.splitlines())
    return ConfigError(f"{len(problems)} mistakes:\n{lines}")


def load_of(benchmark: Benchmark, chosen: ChosenRules) -> Load:
    """What LoadGen is told of a benchmark by the rules that count, and what its config says otherwise.

    Raises:
        ConfigError: The mode is a series of runs.
    """
    load = benchmark.load
    if load.mode not in ("performance", "accuracy"):
        raise ConfigError(f"mode {load.mode!r} is a series of runs, not one run")
    rules = in_force(benchmark, chosen)
    bound_ms = load.server_target_latency_ms
    return Load(
        scenario=load.scenario,
        mode=load.mode,
        preset=load.preset,
        rules=rules.name,
        rules_notes=list(rules.notes),
        round=chosen.round,
        seeds=rules.seeds,
        by_the_rules=rules.by_the_rules,
        expected_latency_cap_ns=rules.expected_latency_cap_ns,
        compliance=load.compliance,
        compliance_target=sampling_target(loadgen_name(benchmark, chosen)) if load.compliance == "TEST01" else None,
        performance_sample_count=load.performance_sample_count or chosen.performance_sample_count,
        max_sample_memory=load.max_sample_memory,
        too_few_samples=load.too_few_samples,
        min_query_count=load.min_query_count or rules.min_query_count,
        min_duration_ms=load.min_duration_ms if load.min_duration_ms is not None else rules.min_duration_ms,
        max_duration_ms=load.max_duration_ms,
        target_percentile=rules.percentile,
        samples_per_query=rules.samples_per_query,
        expected_latency_ns=load.expected_latency_ns,
        target_qps=load.target_qps,
        server_load=load.server_load,
        server_target_latency_ns=None if bound_ms is None else int(bound_ms * 1e6),
        warm_up_s=load.warm_up_s,
        enable_trace=bool(load.enable_trace),
        query_times=load.query_times,
    )


def _title(config: Path, benchmark: Benchmark, model: ModelRef, dataset: DataSetRef) -> str:
    """What runs: a benchmark's own title is of its own models, and of none that the user brings or a collection has."""
    if (
        model.source != "file" and model.name in benchmark.models
    ) or config.resolve().parent != config_folder().resolve():
        return benchmark.title
    return f"{benchmark.task.replace('_', ' ').capitalize()}: {model.name} on {dataset.name}"


def _options(
    benchmark: Benchmark,
    of_model: dict[str, Any],
    of_data: dict[str, Any],
    model: ModelRef | None = None,
    *,
    fits: bool = True,
) -> dict[str, Any]:
    """The task's options: those of the model's and the data set's entries, then the config's own two sections, which win.

    Where the task `fits`, what they leave open and the model's file decides, such as the number of its classes, is filled in.
    """
    if not is_task(benchmark.task):
        return {}
    own = {"model": benchmark.model.model_extra or {}, "dataset": benchmark.dataset.model_extra or {}}
    values = {**of_model, **of_data, **own["model"], **own["dataset"]}
    sections = {name: section for section, names in own.items() for name in names}
    kind = task_class(benchmark.task)
    options = task_options(kind.Options, benchmark.task, values, sections)
    signature = benchmark.model.invocation.signature
    if model is not None:
        options = with_told(options, model.path, signature)
    if fits:
        columns = score_columns(model.path, signature) if model else None
        try:
            options = kind.fit(options, columns)
        except (ModelMismatch, TruthError) as error:
            raise ConfigError(str(error)) from None
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        # The worker has another current directory.
        return str(absolute(value))
    return list(value) if isinstance(value, tuple) else value
