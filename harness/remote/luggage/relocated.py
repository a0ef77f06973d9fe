"""A planned series with the device's paths in the place of this machine's, and its results with ours again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.remote.facts import DeviceFacts
from harness.remote.luggage.trees import PackedTree, tree_of
from harness.series.plan import PlannedRun, Series
from harness.spec.schema import ModelRef, Spec
from harness.spec.task import open_task
from tasks.base import DataMissing
from tasks.sets.hub import is_hub_name


@dataclass
class Luggage:
    """What goes along with a series: every file that its specs name, once."""

    facts: DeviceFacts
    trees: dict[Path, PackedTree] = field(default_factory=dict)
    """By the path that was asked for."""
    _caches: set[Path] = field(default_factory=set)

    @property
    def came_from(self) -> dict[str, str]:
        """From the device's folder of each tree to the one here that it was made of."""
        trees = {self._place(tree): str(tree.root) for tree in self.trees.values()}
        return {**trees, **{self.facts.place("cache"): str(here) for here in self._caches}}

    def packed(self, series: Series) -> Series:
        """The series as the device runs it.

        Raises:
            ConfigError: It names something that cannot go along.
        """
        specs: dict[int, Spec] = {}
        for planned in series.runs:
            # Repeats share one.
            specs.setdefault(id(planned.spec), self._spec(planned.spec))
        return replace(series, runs=tuple(self._run(planned, specs[id(planned.spec)]) for planned in series.runs))

    def _run(self, planned: PlannedRun, spec: Spec) -> PlannedRun:
        return replace(planned, spec=spec)

    def _spec(self, spec: Spec) -> Spec:
        _refuse_what_stays(spec)
        self._caches.add(spec.cache_dir)
        data = spec.dataset
        changes: dict[str, Any] = {
            "model": self._model(spec.model),
            "dataset": data.model_copy(
                update={
                    "path": self._data(spec),
                    "truth": None if data.truth is None else self.file(data.truth),
                }
            ),
            "options": self._values(spec.options),
            "cache_dir": Path(self.facts.place("cache")),
        }
        if spec.reference is not None:
            changes["reference"] = spec.reference.model_copy(update={"model": self._model(spec.reference.model)})
        return spec.model_copy(update=changes)

    def _model(self, model: ModelRef) -> ModelRef:
        return model.model_copy(update={"path": self.file(model.path)})

    def _data(self, spec: Spec) -> Path:
        path = spec.dataset.path
        if not path.is_absolute() or not path.exists():
            # Inputs that are drawn, say.
            return path
        if path not in self.trees:
            self.trees[path] = _tree_of_data(spec)
        return self._there(path)

    def file(self, path: Path) -> Path:
        """One file goes along, too; where it lies there."""
        for tree in self.trees.values():
            if path.is_relative_to(tree.root) and any(file.path == path for file in tree.files):
                return Path(self._place(tree)) / path.relative_to(tree.root)
        self.trees[path] = tree_of(path)
        return self._there(path)

    def _values(self, value: Any) -> Any:
        """Options of the task, with the files that they name (a vocabulary, say) as the device has them."""
        if isinstance(value, dict):
            return {name: self._values(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._values(each) for each in value]
        if isinstance(value, str) and value.startswith("/") and Path(value).exists():
            return str(self.file(Path(value)))
        return value

    def _there(self, path: Path) -> Path:
        return Path(self._place(self.trees[path])) / path.name

    def _place(self, tree: PackedTree) -> str:
        return self.facts.place("trees", tree.id)


def extras_of(series: Series) -> tuple[str, ...]:
    """Extras of the harness that its runs need."""
    profiles = {run.spec.options.get("profile") for run in series.runs}
    return ("opencv",) if "opencv" in profiles else ()


def _refuse_what_stays(spec: Spec) -> None:
    if is_hub_name(str(spec.dataset.path)):
        raise ConfigError(
            f"{spec.dataset.path} lies in a cache of this machine: lay it out as a folder first (./run.sh prepare --from), and "
            "name that with --dataset"
        )
    if spec.backend.options.get("weight_cache"):
        raise ConfigError("a weight cache is a file of this machine: without it, with --target")


def _tree_of_data(spec: Spec) -> PackedTree:
    """The data set with what the task reads besides its samples: the ground truth, lists of names.

    Of a part of a set (`--count`) the rest is sent as names where names are all that is read of it: the truth is held against
    the whole here, before anything is sent, and there once more.

    Raises:
        ConfigError: The data are not what the task needs: as a run here would say.
    """
    try:
        task = open_task(spec.task, spec.options, spec.dataset)
        named_only = task.named_only()
        if named_only and spec.reference is None and (spec.load.mode == "accuracy" or spec.dataset.truth is not None):
            task.check_truth()
        beside = [Path(file).absolute() for file in task.files()]
    except DataMissing as error:
        raise ConfigError(str(error)) from None
    return tree_of(spec.dataset.path, beside, named_only)


def put_back(value: Any, came_from: Mapping[str, str]) -> Any:
    """What JSON or YAML held, with paths of this machine wherever a text names one of the device's.

    Args:
        value: As it was read.
        came_from: See `Luggage.came_from`.
    """
    if isinstance(value, dict):
        return {name: put_back(each, came_from) for name, each in value.items()}
    if isinstance(value, list):
        return [put_back(each, came_from) for each in value]
    if isinstance(value, str):
        for there, here in came_from.items():
            value = value.replace(there, here.rstrip("/"))
    return value
