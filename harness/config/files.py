"""The schema of a benchmark's config file, how it is read, overridden and refused.

Every setting has one place: a field here. A command-line option is a short way to write one of these fields, and `--set`
reaches all of them. Keys of `model` and `dataset` beyond those listed are options of the task (`tasks/<task>.py`, `Options`):
`model` for how its tensors are read, `dataset` for how samples are prepared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from harness.backend_section import BackendSection
from harness.entries import DatasetEntry, FileEntry, ModelEntry
from harness.errors import ConfigError, UnknownName, unknown
from harness.rules import Mode, Preset, Round, Scenario, ServerLoad
from harness.targets import Target
from harness.units import parse_bytes


class Section(BaseModel):
    """A part of a config: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class OpenSection(BaseModel):
    """A part of a config whose further keys are options of the task."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class ModelSection(OpenSection):
    """Which model, and how its tensors are read."""

    use: str = "auto"
    """`auto`, `official`, `standin`, a name from `models`, or a path."""


class DatasetSection(OpenSection):
    """Which data, and how samples are prepared."""

    use: str = "auto"
    """`auto`, `official`, `builtin`, a name from `datasets`, or a path."""
    truth: str = "auto"
    """A path, or `auto`: found in or beside the data set."""
    count: int | None = Field(default=None, ge=1)
    """Use the first `count` samples; null for all."""


def _size(value: Any) -> Any:
    try:
        return parse_bytes(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"load.max_sample_memory {error}") from None


Size = Annotated[int, BeforeValidator(_size), Field(ge=1)]
"""Bytes, or a text with a unit."""
_HOUR_NS = 3_600_000_000_000
"""No query takes longer; LoadGen would wait or count without end for larger figures."""


class LoadSection(Section):
    """What LoadGen asks. null leaves a figure to the rules and the preset, or to the calibration."""

    scenario: Scenario = "SingleStream"
    mode: Mode = "performance"
    preset: Preset = "rules"
    round: Round | None = None
    performance_sample_count: int | None = Field(default=None, ge=1)
    min_query_count: int | None = Field(default=None, ge=1)
    min_duration_ms: int | None = Field(default=None, ge=0)
    max_duration_ms: int | None = Field(default=None, ge=0)
    """LoadGen heeds it in SingleStream only."""
    expected_latency_ns: int | None = Field(default=None, ge=1, le=_HOUR_NS)
    """SingleStream and MultiStream: one query's, from which LoadGen generates queries beforehand."""
    target_qps: float | None = Field(default=None, ge=0.001, le=1e9)
    """Server: the load. Offline: the expected samples per second."""
    max_sample_memory: Size | None = None
    """What the samples that are loaded at once may take, as 512MB; null: half of the memory available."""
    too_few_samples: Literal["warn", "refuse"] = "warn"
    """Where fewer fit than the performance sample count; a submission refuses."""
    server_target_latency_ms: float | None = Field(default=None, gt=0, le=_HOUR_NS / 1e6)
    server_target_percentile: float | None = Field(default=None, gt=0.5, lt=1)
    server_load: ServerLoad = "half"
    """Server's load where `target_qps` is null: half of the measured throughput, or the peak that queueing lets hope for."""
    find_peak_budget_s: float | None = Field(default=None, gt=0)
    """How long a whole search (mode find-peak) may take; null: 1,500 s under the rules, 120 s quick, 60 s rapid."""
    find_peak_tolerance: float = Field(default=0.025, ge=0.001, le=0.5)
    """How near the found peak and the lowest load that breaks the bound may lie: 0.025 is 2.5 %."""
    warm_up_s: float = Field(default=2.0, ge=0, le=600)
    """How long the model may be asked before LoadGen starts, until its latency is stable; 0 for not at all."""
    enable_trace: bool = False
    """LoadGen's trace: hundreds of megabytes for quick models."""


class Collection(Section):
    """A file in configs/collections/: files that belong to no benchmark."""

    title: str
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)


class Benchmark(Section):
    """A file in configs/."""

    title: str
    task: str
    """A kind from harness.registry.TASKS."""
    aliases: list[str] = Field(default_factory=list)
    rounds: list[Round] = Field(default_factory=list)
    """Rounds that have this benchmark; the last is the default."""
    model: ModelSection = Field(default_factory=ModelSection)
    dataset: DatasetSection = Field(default_factory=DatasetSection)
    backend: BackendSection = Field(default_factory=BackendSection)
    load: LoadSection = Field(default_factory=LoadSection)
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    datasets: dict[str, DatasetEntry] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)
    """Further files that belong to the benchmark: calibration lists, originals."""
    full_count: int | None = Field(default=None, ge=1)
    """Samples of the full data set, on which accuracy counts."""
    targets: list[Target] = Field(default_factory=list)


def config_folder() -> Path:
    """Where the benchmarks' files lie."""
    return Path(str(resources.files("configs")))


def benchmark_names() -> list[str]:
    """All benchmarks that ship with the harness."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def find_benchmark(task: str, others: Iterable[str] = ()) -> Path:
    """The config file that `--task` means: a benchmark's name, an alias, or a path.

    Args:
        task: As the user wrote it.
        others: What else could have been meant, for the message.

    Raises:
        ConfigError: A path that is no file.
        UnknownName: No such benchmark.
    """
    if task.endswith((".yaml", ".yml")) or "/" in task:
        path = Path(task)
        if not path.is_file():
            raise ConfigError(f"no config file at {task}")
        return path
    shipped = {path.stem: path for path in sorted(config_folder().glob("*.yaml"))}
    if task in shipped:
        return shipped[task]
    aliases: dict[str, Path] = {}
    for path in shipped.values():
        aliases |= dict.fromkeys(_read_yaml(path).get("aliases", []), path)
    if task in aliases:
        return aliases[task]
    raise UnknownName("task", task, [*shipped, *aliases, *others])


def load_benchmark(path: Path, overrides: Sequence[tuple[str, Any]] = ()) -> Benchmark:
    """Reads a config file and lays the overrides over it.

    Args:
        path: The YAML file.
        overrides: Pairs of a dotted field (`load.scenario`) and its value; the last one wins.

    Raises:
        ConfigError: Lists every mistake of the file and the overrides, not only the first.
    """
    raw = _read_inherited(path)
    _add_datasets(raw, path)
    for field, value in overrides:
        _override(raw, field, value)
    try:
        return Benchmark.model_validate(raw)
    except ValidationError as error:
        given = [field for field, _ in overrides]
        of_task = _task_mistakes(raw)
        fields = [*map(_field, error.errors()), *of_task]
        wrong = {any(_within(field, name) for name in given) for field in fields}
        what = {True: "the options given", False: str(path)}
        where = " and ".join(text for origin, text in what.items() if origin in wrong)
        raise ConfigError(_report(where, [*explanations(error.errors(), Benchmark), *of_task.values()])) from None


def _task_mistakes(raw: Mapping[str, Any]) -> dict[str, str]:
    """Options that the task does not have, by field: the schema leaves them to the task, which is not asked after a mistake."""
    from harness.registry import TASKS, task_class

    task = raw.get("task")
    if not isinstance(task, str) or task not in TASKS:
        return {}
    known = task_class(task).Options.__dataclass_fields__
    found: dict[str, str] = {}
    for section, schema in (("model", ModelSection), ("dataset", DatasetSection)):
        values = raw.get(section)
        names = [str(name) for name in values if name not in schema.model_fields] if isinstance(values, dict) else []
        found |= {f"{section}.{name}": name for name in names if name not in known}
    return {field: f"{field}: {unknown(f'option of the {task} task', name, known)}" for field, name in found.items()}


def parse_assignment(text: str) -> tuple[str, Any]:
    """What `--set` takes, as (field, value).

    Raises:
        ConfigError: Not of the form FIELD=VALUE, or the value is no YAML.
    """
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise ConfigError(f"--set {text}: write it as FIELD=VALUE, for example --set load.target_qps=10")
    return field, parse_value(field, value)


def parse_value(what: str, text: str) -> Any:
    """A value as YAML reads it: 10 is a number, true a truth value, null nothing.

    Raises:
        ConfigError: No YAML; the message names `what`.
    """
    try:
        return load_yaml(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{what}: {text[:80]!r} is no value: {error}") from None


def task_options(
    options_type: type[Any], task: str, values: Mapping[str, Any], sections: Mapping[str, str] | None = None
) -> Any:
    """The task's options object.

    Args:
        options_type: The task's `Options`.
        task: Its name.
        values: The options by name.
        sections: Where an option was written, `model` or `dataset`, for messages; not for every option.

    Raises:
        ConfigError: Lists every unknown or ill-typed option.
    """
    fields = set(options_type.__dataclass_fields__)
    within = {name: f"{section}." for name, section in (sections or {}).items()}
    problems = [
        f"{within[name]}{name}: {text}" if name in within else text
        for name in values
        if name not in fields
        for text in [unknown(f"option of the {task} task", name, fields)]
    ]
    known = {name: value for name, value in values.items() if name in fields}
    problems += [
        f"{name}: a finite number is needed, not {value}"
        for name, value in known.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    try:
        options = TypeAdapter(options_type).validate_python(known)
    except ValidationError as error:
        problems += explanations([_placed(item, sections or {}) for item in error.errors()], None)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(_report(f"the options of the {task} task", problems))
    return options


def _placed(item: Any, sections: Mapping[str, str]) -> Any:
    """A mistake with its field's whole name: model.num_classes, not num_classes."""
    section = sections.get(str(item["loc"][0])) if item["loc"] else None
    return item if section is None else {**item, "loc": (section, *item["loc"])}


def explanations(errors: Sequence[Any], schema: type[BaseModel] | None) -> list[str]:
    """Pydantic's mistakes as sentences, one for each field: it tries all branches of a union and reports each."""
    by_field: dict[str, list[Any]] = {}
    for item in errors:
        by_field.setdefault(_field(item), []).append(item)
    return [
        explain(items[0], schema) if len(items) == 1 else _explain_union(field, items)
        for field, items in by_field.items()
    ]


def _explain_union(field: str, items: Sequence[Any]) -> str:
    branches = [_BRANCHES.get(str(item["loc"][-1]), str(item["loc"][-1])) for item in items]
    wanted = " or ".join(re.sub(r"literal\[(.*)\]", r"\1", branch) for branch in branches)
    return f"{field}: must be {wanted}, not {items[0]['input']!r}"


_BRANCHES = {"int": "a whole number", "constrained-int": "a whole number", "float": "a number", "str": "a text"}


def _within(field: str, other: str) -> bool:
    """Whether one is the other, or a part of it."""
    return f"{field}.".startswith(f"{other}.") or f"{other}.".startswith(f"{field}.")


def _field(item: Any) -> str:
    return ".".join(str(part) for part in item["loc"] if not _is_union_branch(part))


def explain(item: Any, schema: type[BaseModel] | None) -> str:
    """One of pydantic's mistakes as a sentence that names the field, the value and what would do."""
    where = _field(item)
    if item["type"] == "extra_forbidden":
        return f"{where}: {unknown('field', str(item['loc'][-1]), _fields_at(schema, item['loc'][:-1]))}"
    if item["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return f"{where}: {unknown(str(item['loc'][-1]), str(item['input']), known)}"
    if item["type"] == "missing":
        return f"{where}: this field is needed"
    if item["type"] == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{where}: {message}, not {item['input']!r}"


def _report(what: str, problems: Sequence[str]) -> str:
    unique = list(dict.fromkeys(problems))
    if len(unique) == 1:
        return f"a mistake in {what}: {unique[0]}"
    return f"{len(unique)} mistakes in {what}:\n" + "\n".join(f"  {problem}" for problem in unique)


def _is_union_branch(part: Any) -> bool:
    """Pydantic names the branch of a union it tried (`int`, `literal['auto']`) in the location; nobody wrote that."""
    return isinstance(part, str) and (part in {"int", "float", "str", "constrained-int"} or part.startswith("literal["))


def _fields_at(schema: type[BaseModel] | None, path: Sequence[Any]) -> list[str]:
    for part in path:
        field = schema.model_fields.get(str(part)) if schema else None
        annotation = field.annotation if field else None
        schema = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return list(schema.model_fields) if schema else []


def load_collections() -> dict[str, Collection]:
    """The collections that ship with the harness, by name."""
    folder = config_folder() / "collections"
    return {path.stem: Collection.model_validate(_read_yaml(path)) for path in sorted(folder.glob("*.yaml"))}


class _StrictLoader(yaml.SafeLoader):
    """YAML without surprises: of two equal keys, SafeLoader drops the first in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As SafeLoader; a key that stands twice is a mistake."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_yaml(text: str) -> Any:
    """What a YAML text holds; plain values only.

    Raises:
        yaml.YAMLError: Not YAML, or a key stands twice.
        RecursionError: Nested deeper than anyone writes.
    """
    return yaml.load(text, Loader=_StrictLoader)


def _read_inherited(path: Path, heirs: Sequence[Path] = ()) -> dict[str, Any]:
    """A config laid over the one that it `inherits` from: a benchmark's name, an alias, or a path from its own folder."""
    raw = _read_yaml(path)
    name = raw.pop("inherits", None)
    if name is None:
        return raw
    if not isinstance(name, str):
        raise ConfigError(f"a mistake in {path}: inherits: must be a benchmark's name or a path, not {name!r}")
    is_path = name.endswith((".yaml", ".yml")) or "/" in name
    base, heirs = find_benchmark(str(path.parent / name) if is_path else name), [*heirs, path.resolve()]
    if base.resolve() in heirs:
        raise ConfigError(f"a mistake in {path}: inherits: {name} inherits from this file in turn")
    return _laid_over(_read_inherited(base, heirs), raw)


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = base | own
    for name, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            merged[name] = _laid_over(base[name], value)
    return merged


def _add_datasets(raw: dict[str, Any], path: Path) -> None:
    """Puts the data sets that `datasets_from` names in front of the benchmark's own."""
    shared: dict[str, Any] = {}
    names = raw.pop("datasets_from", None) or []
    for name in names if isinstance(names, list) else [names]:
        file = config_folder() / "datasets" / f"{name}.yaml"
        if not file.is_file():
            known = [known.stem for known in file.parent.glob("*.yaml")]
            raise ConfigError(f"a mistake in {path}: datasets_from: {unknown('file of data sets', str(name), known)}")
        shared |= _read_yaml(file)
    own = raw.get("datasets") or {}
    if shared and isinstance(own, dict):
        raw["datasets"] = shared | own


def _override(raw: dict[str, Any], field: str, value: Any) -> None:
    *parents, last = field.split(".")
    node = raw
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"{field} cannot be set: {parent} is the value {child!r}, which has no fields")
        node = child
    node[last] = value


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        raw = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds no mapping of fields")
    return raw
