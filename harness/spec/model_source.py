"""Where a run's model comes from: an official file in the cache, a stand-in, or a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.files import benchmark_names, find_benchmark, load_benchmark, load_collections
from harness.config.official.published import ModelEntry
from harness.config.registry import ANY_MODEL
from harness.config.schema import Benchmark
from harness.errors import ConfigError, unknown
from harness.spec.official_source import examined, how_to_get
from harness.spec.schema import Checksum, ModelRef
from harness.zoo.files.official import hash_given, is_published, writing_cache
from harness.zoo.standins.library import STANDINS, standin_path

_CHOSEN = ("auto", "official", "standin")


def collection_models() -> dict[str, ModelEntry]:
    """Models that belong to no benchmark, by name."""
    return {name: entry for each in load_collections().values() for name, entry in each.models.items()}


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that has a name here."""

    name: str
    entry: ModelEntry
    benchmark: Path | None
    """The config of the benchmark that has it; None where it is a collection's."""
    title: str
    """Of the benchmark or the collection."""


def known_models() -> Iterator[KnownModel]:
    """All published models and stand-ins, whatever they are for: those of the benchmarks first."""
    for config in map(find_benchmark, benchmark_names()):
        benchmark = load_benchmark(config)
        yield from (KnownModel(name, entry, config, benchmark.title) for name, entry in benchmark.models.items())
    for collection in load_collections().values():
        yield from (KnownModel(name, entry, None, collection.title) for name, entry in collection.models.items())


def all_models() -> dict[str, ModelEntry]:
    """The same by name; of two of one name the first."""
    found: dict[str, ModelEntry] = {}
    for each in known_models():
        found.setdefault(each.name, each.entry)
    return found


def find_model(
    use: str,
    entries: Mapping[str, ModelEntry],
    title: str,
    cache_dir: Path,
    elsewhere: Callable[[], Mapping[str, ModelEntry]] = collection_models,
    *,
    every_byte: bool = False,
) -> tuple[ModelRef, dict[str, Any]]:
    """The model that `model.use` means, and the task options it needs.

    `auto` and `official` never use the network: a file that is not in the cache is not here.

    Args:
        use: A path, a name of the entries or of a collection, `auto`, `official` or `standin`.
        entries: Published models by name, the preferred one first.
        title: Whose they are, for messages.
        cache_dir: Where official files and stand-ins lie.
        elsewhere: Models of other names that may be meant; what they need beside the file is not known here.
        every_byte: Files of the cache are read and held against their hashes, whatever their size and time say.

    Raises:
        ConfigError: It is not here, or not what it should be; the message says how to get it.
    """
    if use in entries:
        found = _official_model(use, entries[use], cache_dir, every_byte) or _standin(
            use, entries[use], cache_dir, every_byte
        )
        if found:
            return found
        raise ConfigError(f"model {use} is not here: {how_to_get(use, entries[use])}")
    if use not in _CHOSEN and "/" not in use and not Path(use).is_file() and use in (others := elsewhere()):
        # The options of its own benchmark say nothing here.
        return find_model(use, {use: others[use]}, title, cache_dir, every_byte=every_byte)[0], {}
    if use in _CHOSEN:
        return _chosen_model(use, entries, title, cache_dir, every_byte)
    path = Path(use)
    if not path.is_file():
        if "/" not in use and not use.endswith(".tflite"):
            raise ConfigError(unknown("model", use, [*entries, *_CHOSEN, *elsewhere()]))
        raise ConfigError(f"no model file at {use}")
    digests = hash_given(path)
    for name, entry in entries.items():
        if is_published(digests, entry):
            ref = ModelRef(
                name=name, source="official", path=path.resolve(), sha256=digests.sha256, checksum="verified"
            )
            return ref, entry.options
    return ModelRef(name=path.stem, source="file", path=path.resolve(), sha256=digests.sha256), {}


def _chosen_model(
    use: str, entries: Mapping[str, ModelEntry], title: str, cache_dir: Path, every_byte: bool
) -> tuple[ModelRef, dict[str, Any]]:
    """The first official file that is cached, or else the first stand-in, as far as `model.use` allows."""
    for name, entry in entries.items():
        if use != "standin" and (found := _official_model(name, entry, cache_dir, every_byte)):
            return found
    for name, entry in entries.items():
        if use != "official" and (found := _standin(name, entry, cache_dir, every_byte)):
            return found
    published = {name: entry for name, entry in entries.items() if entry.file}
    if use == "standin":
        raise ConfigError(f"there is no built-in stand-in for {title}: give a model with --model PATH")
    if not published:
        raise ConfigError(f"{title}: no model is listed for it, give one with --model PATH")
    (name, entry), *more = published.items()
    others = f" (or another: {', '.join(other for other, _ in more)})" if more else ""
    raise ConfigError(
        f"no {'' if use == 'auto' else 'official '}model for {title} is here: {how_to_get(name, entry)}{others}, "
        "or give one with --model PATH"
    )


def _official_model(
    name: str, entry: ModelEntry, cache_dir: Path, every_byte: bool
) -> tuple[ModelRef, dict[str, Any]] | None:
    if not entry.file:
        return None
    cached = examined(entry.file, entry, cache_dir, every_byte=every_byte)
    if not cached.usable or cached.sha256 is None:
        return None
    checksum: Checksum = "verified" if cached.state == "verified" else "unverified"
    ref = ModelRef(name=name, source="official", path=cached.path, sha256=cached.sha256, checksum=checksum)
    return ref, entry.options


def _standin(name: str, entry: ModelEntry, cache_dir: Path, every_byte: bool) -> tuple[ModelRef, dict[str, Any]] | None:
    if not entry.standin:
        return None
    if entry.standin not in STANDINS:
        raise ConfigError(unknown("stand-in", entry.standin, STANDINS))
    with writing_cache(cache_dir):
        path, sha256 = standin_path(entry.standin, cache_dir / "standins", every_byte=every_byte)
    return ModelRef(name=name, source="standin", path=path, sha256=sha256), entry.options


def model_of(benchmark: Benchmark, use: str, cache_dir: Path) -> tuple[ModelRef, dict[str, Any]]:
    """Of a benchmark's models, of a collection's, and for the task of every model of all that there are."""
    elsewhere = all_models if benchmark.task == ANY_MODEL else collection_models
    scored = benchmark.load.mode != "performance"
    return find_model(use, benchmark.models, benchmark.title, cache_dir, elsewhere, every_byte=scored)


def with_invocation(model: ModelRef, benchmark: Benchmark) -> ModelRef:
    """The model with how it is to be invoked."""
    return model.model_copy(update={"invocation": benchmark.model.invocation})
