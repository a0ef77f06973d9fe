"""A benchmark's config file: found, read with what it inherits, overridden, refused.

Every setting has one place: a field of `harness.config.schema`. A command-line option is a short way to write one of these
fields, and `--set` reaches all of them. Keys of `model` and `dataset` beyond those listed are options of the task
(`tasks/<task>.py`, `Options`): `model` for how its tensors are read, `dataset` for how samples are prepared.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from accuracy.outside.border import reads
from accuracy.outside.text_files import NotText, read_text
from harness.config.backend import BackendSection
from harness.config.fields import laid_over, set_field
from harness.config.invocation import Invocation
from harness.config.mistakes import explanations, field_of, lies_within, report, task_mistakes
from harness.config.plain_yaml import load_yaml
from harness.config.registry import plug_in_tasks
from harness.config.schema import Benchmark, Collection, ModelAlone, ModelAndBackend
from harness.errors import ConfigError, UnknownName, shortened, unknown

S = TypeVar("S", bound=ModelAlone)
_PLUG_INS = Path("a-plug-in's-task")
"""Where the configs of plug-ins' kinds of task would lie: there is none, and what it would say is in `_fields_of`."""


def config_folder() -> Path:
    """Where the benchmarks' files lie."""
    return Path(str(resources.files("configs")))


def benchmark_names() -> list[str]:
    """All benchmarks that ship with the harness."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def is_named(config: Path) -> bool:
    """Whether a config is found by its name alone: one that ships with the harness, or a plug-in's kind of task."""
    return config.resolve().parent == config_folder().resolve() or config.parent == _PLUG_INS


def find_benchmark(task: str, others: Iterable[str] = ()) -> Path:
    """The config file that `--task` means: a benchmark's name, an alias, a path, or a kind of task that a package brings.

    Args:
        task: As the user wrote it.
        others: What else could have been meant, for the message.

    Raises:
        ConfigError: A path that is no file.
        UnknownName: No such benchmark.
    """
    if "://" in task:
        raise ConfigError(
            f"{shortened(task)} is an address: a config can name libraries that are run, so none is taken from the network. "
            "Get it, read it, and name the file"
        )
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
        aliases |= dict.fromkeys(read_yaml(path).get("aliases", []), path)
    if task in aliases:
        return aliases[task]
    if task in (plugged_in := plug_in_tasks()):
        return _PLUG_INS / f"{task}.yaml"
    raise UnknownName("task", task, [*shipped, *aliases, *plugged_in, *others])


def kind_overrides(task: str) -> list[tuple[str, Any]]:
    """What it means that `--task` names a kind of task, and not a benchmark or a file of the user's: a field of the config."""
    named = task.endswith((".yaml", ".yml")) or "/" in task or task in benchmark_names()
    return [] if named else [("asked_by_kind", True)]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config file as it was read: a command reads it once, however many runs come of it."""

    path: Path
    fields: dict[str, Any]
    """As YAML has them, with what the file inherits; not yet judged."""
    own_targets: bool = False
    """Whether its `targets` stand in a file of the user's, not in one that ships with the harness."""

    def wrote_targets(self, overrides: Sequence[tuple[str, Any]] = ()) -> bool:
        """Whether the targets are the user's own, with the overrides laid over the file."""
        return self.own_targets or any(field == "targets" for field, _ in overrides)

    @reads(ConfigError)
    def benchmark(self, overrides: Sequence[tuple[str, Any]] = ()) -> Benchmark:
        """The benchmark that the file describes, with the overrides laid over it.

        Args:
            overrides: Pairs of a dotted field (`load.scenario`) and its value; the last one wins.

        Raises:
            ConfigError: Lists every mistake of the file and the overrides, not only the first.
        """
        fields = copy.deepcopy(self.fields)
        for field, value in overrides:
            set_field(fields, field, value)
        try:
            return Benchmark.model_validate(fields)
        except ValidationError as error:
            given = [field for field, _ in overrides]
            of_task = task_mistakes(fields)
            names = [*map(field_of, error.errors()), *of_task]
            wrong = {any(lies_within(name, each) for each in given) for name in names}
            what = {True: "the options given", False: str(self.path)}
            where = " and ".join(text for origin, text in what.items() if origin in wrong)
            raise ConfigError(report(where, [*explanations(error.errors(), Benchmark), *of_task.values()])) from None


@reads(ConfigError)
def read_config(path: Path) -> ConfigFile:
    """Reads a config file, what it inherits and the data sets that it names.

    Raises:
        ConfigError: One of them cannot be read, or is no mapping of fields.
    """
    fields = _read_inherited(path)
    _add_datasets(fields, path)
    return ConfigFile(path, fields, _wrote_targets(path))


def load_benchmark(path: Path, overrides: Sequence[tuple[str, Any]] = ()) -> Benchmark:
    """Reads a config file and lays the overrides over it: see `ConfigFile.benchmark`.

    Raises:
        ConfigError: Lists every mistake of the file and the overrides, not only the first.
    """
    return read_config(path).benchmark(overrides)


@reads(ConfigError)
def parse_invocation(overrides: Sequence[tuple[str, Any]]) -> Invocation:
    """How a model that no benchmark names is invoked, by fields of the section `model`.

    Raises:
        ConfigError: Lists every mistake.
    """
    return _parsed(overrides, ModelAlone).model


@reads(ConfigError)
def parse_model_and_backend(overrides: Sequence[tuple[str, Any]]) -> tuple[Invocation, BackendSection]:
    """The same, with what runs it: fields of the sections `model` and `backend`.

    Raises:
        ConfigError: Lists every mistake.
    """
    found = _parsed(overrides, ModelAndBackend)
    return found.model, found.backend


def _parsed(overrides: Sequence[tuple[str, Any]], schema: type[S]) -> S:
    fields: dict[str, Any] = {}
    for field, value in overrides:
        set_field(fields, field, value)
    try:
        return schema.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(report("the options given", explanations(error.errors(), schema))) from None


def load_collections() -> dict[str, Collection]:
    """The collections that ship with the harness, by name."""
    folder = config_folder() / "collections"
    return {path.stem: Collection.model_validate(read_yaml(path)) for path in sorted(folder.glob("*.yaml"))}


def _read_inherited(path: Path, heirs: Sequence[Path] = ()) -> dict[str, Any]:
    """A config laid over the one that it `inherits` from: a benchmark's name, an alias, or a path from its own folder."""
    raw = _fields_of(path)
    name = raw.pop("inherits", None)
    if name is None:
        return raw
    if not isinstance(name, str):
        raise ConfigError(f"a mistake in {path}: inherits: must be a benchmark's name or a path, not {name!r}")
    base, heirs = _base_of(path, name), [*heirs, path.resolve()]
    if base.resolve() in heirs:
        raise ConfigError(f"a mistake in {path}: inherits: {name} inherits from this file in turn")
    return laid_over(_read_inherited(base, heirs), raw)


def _fields_of(path: Path) -> dict[str, Any]:
    """What a config file says itself, or a plug-in's kind of task would: no rules say how long it is run."""
    if path.parent == _PLUG_INS:
        return {"title": f"{path.stem}, a plug-in's task", "task": path.stem, "load": {"preset": "quick"}}
    return read_yaml(path)


def _wrote_targets(path: Path) -> bool:
    """Whether the targets that a config ends up with are the user's: the nearest file of those it inherits from decides."""
    raw = _fields_of(path)
    if "targets" in raw:
        return path.resolve().parent != config_folder().resolve()
    name = raw.get("inherits")
    return isinstance(name, str) and _wrote_targets(_base_of(path, name))


def _base_of(path: Path, name: str) -> Path:
    is_path = name.endswith((".yaml", ".yml")) or "/" in name
    return find_benchmark(str(path.parent / name) if is_path else name)


def _add_datasets(raw: dict[str, Any], path: Path) -> None:
    """Puts the data sets that `datasets_from` names in front of the benchmark's own."""
    shared: dict[str, Any] = {}
    names = raw.pop("datasets_from", None) or []
    for name in names if isinstance(names, list) else [names]:
        file = config_folder() / "datasets" / f"{name}.yaml"
        if not file.is_file():
            known = [known.stem for known in file.parent.glob("*.yaml")]
            raise ConfigError(f"a mistake in {path}: datasets_from: {unknown('file of data sets', str(name), known)}")
        shared |= read_yaml(file)
    own = raw.get("datasets") or {}
    if shared and isinstance(own, dict):
        raw["datasets"] = shared | own


@reads(ConfigError)
def read_yaml(path: Path) -> dict[str, Any]:
    """The fields of a YAML file.

    Raises:
        ConfigError: It cannot be read, is no YAML, or holds no mapping.
    """
    try:
        raw = load_yaml(read_text(path), ours=path.is_relative_to(config_folder()))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, NotText) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds no mapping of fields")
    return raw
