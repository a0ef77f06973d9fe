"""`list`: tasks, models, data sets and backends; what is here, and what is not and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.commands.outcome import Outcome
from harness.config.files import benchmark_names, find_benchmark, load_benchmark, load_collections
from harness.config.official.published import DatasetEntry, FileEntry, ModelEntry
from harness.config.official.rule_sets import rounds_with
from harness.config.registry import ANY_MODEL, TASKS, backend_kind, backend_names, task_class, task_names
from harness.config.schema import Benchmark, Collection
from harness.errors import EXIT_VALID
from harness.json_records import LEFT_OUT, to_json
from harness.spec.official_source import how_to_get
from harness.zoo.files.official import USABLE, cache_dir, find_cached

EXAMPLES = """\
examples:
  ./run.sh list
  ./run.sh list mobilebert
  ./run.sh list chromeos
  ./run.sh list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Some tasks or collections, or all."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="tasks, aliases or collections (default: all, with backends)"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Looks at everything the configs name."""
    collections = load_collections()
    asked = arguments.names or [*benchmark_names(), *collections]
    tasks = [find_benchmark(name, collections).stem for name in asked if name not in collections]
    listing = ListedNames(
        cache=str(cache_dir()),
        tasks=tuple(_task(name, load_benchmark(find_benchmark(name))) for name in tasks),
        collections=tuple(_collection(name, collections[name]) for name in asked if name in collections),
        backends=None if arguments.names else tuple(_backend(name) for name in backend_names()),
        task_kinds=None if arguments.names else tuple(_task_kind(name) for name in task_names()),
    )
    return Outcome(EXIT_VALID, _text(listing), to_json(listing))


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A model or a file of a config."""

    name: str
    file: str | None
    """The official one; None where there is none."""
    state: str | None
    """Of the official file in the cache."""
    here: str | None
    """What would be used: `official`, `builtin` or `standin`."""
    why: str
    """Why the official file is not usable, and what to do."""


@dataclass(frozen=True, slots=True)
class ListedDataset(ListedFile):
    """A data set."""

    extent: str | None
    """How much of the whole it is."""


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A benchmark."""

    name: str
    title: str
    kind: str
    aliases: Sequence[str]
    rounds: Sequence[str]
    models: tuple[ListedFile, ...]
    datasets: tuple[ListedDataset, ...]


@dataclass(frozen=True, slots=True)
class ListedCollection:
    """Models and files that belong together."""

    name: str
    title: str
    models: tuple[ListedFile, ...]
    files: tuple[ListedFile, ...]


@dataclass(frozen=True, slots=True)
class ListedKind:
    """A kind of task, of which a YAML file makes a benchmark."""

    name: str
    plug_in: bool
    """Whether an installed package brings it."""
    here: bool
    """Whether it can be imported."""
    why: str
    """Why it is not here."""


@dataclass(frozen=True, slots=True)
class ListedBackend:
    """A backend, and whether it can be imported."""

    name: str
    here: bool
    why: str
    """Why it is not here."""


@dataclass(frozen=True, slots=True)
class ListedNames:
    """All that was asked for."""

    cache: str
    tasks: tuple[ListedTask, ...]
    collections: tuple[ListedCollection, ...]
    backends: tuple[ListedBackend, ...] | None = field(metadata=LEFT_OUT)
    """None where only some names were asked for."""
    task_kinds: tuple[ListedKind, ...] | None = field(default=None, metadata=LEFT_OUT)
    """Likewise."""


def _task(name: str, benchmark: Benchmark) -> ListedTask:
    return ListedTask(
        name,
        benchmark.title,
        benchmark.task,
        benchmark.aliases,
        _mobile_rounds(benchmark),
        models=tuple(_model(model, entry) for model, entry in benchmark.models.items()),
        datasets=tuple(_dataset(dataset, entry) for dataset, entry in benchmark.datasets.items()),
    )


def _mobile_rounds(benchmark: Benchmark) -> list[str]:
    own = benchmark.mlperf
    return rounds_with("mobile", own.benchmark) if own is not None and own.suite == "mobile" else []


def _collection(name: str, collection: Collection) -> ListedCollection:
    return ListedCollection(
        name,
        collection.title,
        models=tuple(_model(model, entry) for model, entry in collection.models.items()),
        files=tuple(_file(file, entry) for file, entry in collection.files.items()),
    )


def _model(name: str, entry: ModelEntry) -> ListedFile:
    state, why = _official(name, entry)
    here = "official" if state in USABLE else "standin" if entry.standin else None
    return ListedFile(name, entry.file, state, here, why)


def _dataset(name: str, entry: DatasetEntry) -> ListedDataset:
    state, why = _official(name, entry)
    here = "builtin" if entry.builtin else "official" if state in USABLE else None
    if here == "official" and (truth := next((part for part in entry.parts if part.file == entry.truth), None)):
        of_truth = find_cached(truth.file, truth, cache_dir())
        if not of_truth.usable:
            why = f"its ground truth {truth.file} is not: {of_truth.why or how_to_get(name, entry)}"
    return ListedDataset(name, entry.file, state, here, why, entry.extent)


def _file(name: str, entry: FileEntry) -> ListedFile:
    state, why = _official(name, entry)
    return ListedFile(name, entry.file, state, "official" if state in USABLE else None, why)


def _official(name: str, entry: FileEntry | ModelEntry | DatasetEntry) -> tuple[str | None, str]:
    """(state of the official file, why it is not usable and what to do)."""
    if not entry.file:
        return None, ""
    try:
        found = find_cached(entry.file, entry, cache_dir())
    except OSError as error:
        return "unreadable", str(error.strerror)
    return found.state, "" if found.usable else found.why or how_to_get(name, entry)


def _backend(name: str) -> ListedBackend:
    try:
        backend_kind(name)
    except Exception as error:
        # A plug-in may do anything when it is imported; that is why it is not here.
        return ListedBackend(name, here=False, why=f"{type(error).__name__}: {error}")
    return ListedBackend(name, here=True, why="")


def _task_kind(name: str) -> ListedKind:
    plug_in = name not in TASKS
    try:
        task_class(name)
    except Exception as error:
        # As of a backend.
        return ListedKind(name, plug_in, here=False, why=str(error))
    return ListedKind(name, plug_in, here=True, why="")


def _text(listing: ListedNames) -> str:
    lines: list[str] = []
    for task in listing.tasks:
        also = f" ({', '.join(task.aliases)})" if task.aliases else ""
        lines += [f"{task.name}{also}: {task.title}", *_rows("model", task.models), *_rows("data", task.datasets)]
        lines += [*_any_model(task), ""]
    for collection in listing.collections:
        lines += [f"{collection.name}: {collection.title}", *_rows("model", collection.models)]
        lines += [*_rows("file", collection.files), ""]
    if listing.task_kinds is not None:
        lines.append("kinds of task: " + ", ".join(_kind_text(kind) for kind in listing.task_kinds if kind.here))
        lines += [f"  {kind.name}: not here: {kind.why}" for kind in listing.task_kinds if not kind.here]
    if listing.backends is not None:
        lines.append("backends: " + ", ".join(backend.name for backend in listing.backends if backend.here))
        lines += [f"  {backend.name}: not here: {backend.why}" for backend in listing.backends if not backend.here]
    return "\n".join([*lines, f"cache: {listing.cache}"])


def _any_model(task: ListedTask) -> list[str]:
    if task.kind != ANY_MODEL or task.models:
        return []
    return [
        "  model  any: --model FILE, or a name of this list; --task may be left out",
        "  data   arrays of yours (--dataset), or random inputs",
    ]


def _kind_text(kind: ListedKind) -> str:
    return f"{kind.name} (a plug-in's)" if kind.plug_in else kind.name


def _rows(what: str, rows: Sequence[ListedFile]) -> list[str]:
    width = max((len(row.name) for row in rows), default=0)
    return [f"  {what if place == 0 else '':5}  {row.name:{width}}  {_words(row)}" for place, row in enumerate(rows)]


def _words(row: ListedFile) -> str:
    extent = f"{row.extent} set, " if isinstance(row, ListedDataset) and row.extent else ""
    if row.here == "official":
        return f"{extent}here, {row.state}" + (f"; {row.why}" if row.why else "")
    if row.here == "builtin":
        return "built in"
    if row.here == "standin" and not row.file:
        return "stand-in; there is no official file"
    missing = f"not here: {row.why}" if row.why else "not here"
    return f"stand-in; official file {missing}" if row.here == "standin" else f"{extent}{missing}"
