"""All files that the configs name, and what a user may call them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.config.files import benchmark_names, find_benchmark, load_benchmark, load_collections
from harness.config.official.published import DatasetEntry, FileEntry, ModelEntry, Origin, TensorEntry
from harness.config.schema import Benchmark
from harness.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Item:
    """A published file, with what else is known of it."""

    entry: FileEntry
    inputs: tuple[TensorEntry, ...] = ()
    outputs: tuple[TensorEntry, ...] = ()

    @property
    def file(self) -> str:
        """Its place in the cache."""
        return self.entry.file


@dataclass(slots=True)
class Catalog:
    """Every file once, and the names that stand for them."""

    items: dict[str, Item] = field(default_factory=dict)
    """By the file's place in the cache."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """Model, data set, benchmark, collection or file name -> places in the cache."""
    prepared: dict[str, DatasetEntry] = field(default_factory=dict)
    """Data sets that `prepare` makes, by name."""

    def find(self, names: Iterable[str]) -> list[Item]:
        """The files that these names stand for, each once.

        Raises:
            UnknownName: Nobody knows it.
        """
        files: dict[str, None] = {}
        for name in names:
            if name not in self.names:
                raise UnknownName("file, model, data set or task", name, self.names, "./run.sh fetch --list")
            files |= dict.fromkeys(self.names[name])
        return [self.items[file] for file in files]

    def add(self, item: Item, *names: str) -> None:
        """Puts a file in; the same one may be named by several benchmarks."""
        self.items.setdefault(item.file, item)
        for name in (*names, item.file):
            files = self.names.setdefault(name, [])
            if item.file not in files:
                files.append(item.file)


def read_catalog() -> Catalog:
    """The catalog of the configs that ship with the harness."""
    catalog = Catalog()
    for name in benchmark_names():
        benchmark = load_benchmark(find_benchmark(name))
        catalog.names.setdefault(name, [])
        for alias in benchmark.aliases:
            catalog.names[alias] = catalog.names[name]
        _add_benchmark(catalog, name, benchmark)
    for name, collection in load_collections().items():
        _add_models(catalog, name, collection.models)
        _add_files(catalog, name, collection.files)
    return catalog


def _add_benchmark(catalog: Catalog, name: str, benchmark: Benchmark) -> None:
    _add_models(catalog, name, benchmark.models)
    _add_files(catalog, name, benchmark.files)
    for dataset, entry in benchmark.datasets.items():
        if entry.prepare:
            catalog.prepared[dataset] = entry
        elif entry.file:
            catalog.add(Item(_file_entry(entry, entry.file)), name, dataset)
        for part in entry.parts:
            # What a set is prepared from is large: it comes when the set is named, not with the task.
            catalog.add(Item(part), *([] if entry.prepare else [name]), dataset)


def _add_models(catalog: Catalog, name: str, models: dict[str, ModelEntry]) -> None:
    for model, entry in models.items():
        if entry.file:
            item = Item(_file_entry(entry, entry.file), tuple(entry.inputs), tuple(entry.outputs))
            catalog.add(item, name, model)


def _add_files(catalog: Catalog, name: str, files: dict[str, FileEntry]) -> None:
    for key, entry in files.items():
        catalog.add(Item(entry), name, key)


def _file_entry(entry: Origin, file: str) -> FileEntry:
    return FileEntry(file=file, **{field: getattr(entry, field) for field in Origin.model_fields})
