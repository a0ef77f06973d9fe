"""Where a run's model and data come from: an official file in the cache, a built-in one, or a path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.config.official.published import DatasetEntry, FileEntry
from harness.config.registry import is_task, task_class
from harness.config.schema import Benchmark
from harness.errors import ConfigError, UnknownName, unknown
from harness.spec.official_source import examined, how_to_get
from harness.spec.schema import DataSetRef, ModelRef
from harness.zoo.builtin.sets import BUILTIN, builtin_path
from harness.zoo.files.official import hash_given, is_published, writing_cache
from tasks.base import DataMissing
from tasks.sets.hub import HubName, is_hub_name


def find_dataset(
    benchmark: Benchmark, cache_dir: Path, model: ModelRef | None = None
) -> tuple[DataSetRef, dict[str, Any]]:
    """The data that `dataset.use` means, and the task options it needs.

    Args:
        benchmark: The config.
        cache_dir: Where official and built-in data lie.
        model: What will be asked: a stand-in knows the built-in data alone, so `auto` means that for it.

    Raises:
        ConfigError: It is not here, or not what it should be; the message says how to get it.
    """
    section, entries = benchmark.dataset, benchmark.datasets
    made = task_class(benchmark.task).own_data if is_task(benchmark.task) else ""
    if made and (section.use == made or (section.use in ("auto", "builtin") and not entries)):
        truth = None if section.truth == "auto" else Path(section.truth).resolve()
        return DataSetRef(name=made, source="builtin", path=Path(made), truth=truth, count=section.count), {}
    if section.truth != "auto" and not Path(section.truth).exists():
        raise ConfigError(f"no ground truth at {section.truth}")
    if section.use in entries or section.use in ("auto", "official", "builtin"):
        return _chosen_data(benchmark, cache_dir, of_standin=model is not None and model.source == "standin")
    truth = None if section.truth == "auto" else Path(section.truth).resolve()
    if is_hub_name(section.use):
        hub = _absolute_hub_name(section.use)
        return DataSetRef(name=str(hub), source="file", path=Path(str(hub)), truth=truth, count=section.count), {}
    path = Path(section.use)
    if not path.exists():
        if "/" not in section.use:
            raise UnknownName("data set", section.use, [*entries, "auto", "official", "builtin"])
        raise ConfigError(f"no data set at {section.use}")
    ref = DataSetRef(name=path.stem, source="file", path=path.resolve(), truth=truth, count=section.count)
    return _recognised(ref, entries, benchmark.load.mode == "accuracy")


def _absolute_hub_name(use: str) -> HubName:
    try:
        return HubName.parse(use).absolute()
    except DataMissing as error:
        raise ConfigError(str(error)) from None


def _chosen_data(benchmark: Benchmark, cache_dir: Path, *, of_standin: bool) -> tuple[DataSetRef, dict[str, Any]]:
    """The first official data set that is cached, or else the first built-in one, as far as `dataset.use` allows."""
    section, entries = benchmark.dataset, benchmark.datasets
    named = section.use in entries
    candidates = {section.use: entries[section.use]} if named else entries
    own = of_standin and section.use == "auto" and any(entry.builtin for entry in entries.values())
    if section.use != "builtin" and not own:
        for name, entry in candidates.items():
            if found := _official_data(benchmark, name, entry, cache_dir):
                return found, entry.options
    if section.use != "official":
        for name, entry in candidates.items():
            if entry.builtin:
                if entry.builtin not in BUILTIN:
                    raise ConfigError(unknown("built-in data set", entry.builtin, BUILTIN))
                with writing_cache(cache_dir):
                    path = builtin_path(
                        entry.builtin, cache_dir / "builtin", every_byte=benchmark.load.mode == "accuracy"
                    )
                truth = None if section.truth == "auto" else Path(section.truth).resolve()
                return (
                    DataSetRef(name=name, source="builtin", path=path, truth=truth, count=section.count),
                    entry.options,
                )
    hints = [how_to_get(name, entry) for name, entry in candidates.items() if entry.file]
    hint = f"{'; or '.join(hints)}; or " if hints else ""
    what = f"data set {section.use}" if named else f"{'' if section.use == 'auto' else section.use + ' '}data"
    raise ConfigError(f"no {what} for {benchmark.title} is here: {hint}give it with --dataset PATH")


def _official_data(benchmark: Benchmark, name: str, entry: DatasetEntry, cache_dir: Path) -> DataSetRef | None:
    section, scored = benchmark.dataset, benchmark.load.mode == "accuracy"
    if not entry.file or not (cached := examined(entry.file, entry, cache_dir, every_byte=scored)).usable:
        return None
    if section.truth == "auto" and entry.truth:
        truth = _cached_truth(entry, entry.truth, cache_dir)
        if scored and truth.path is None:
            raise ConfigError(
                f"the ground truth of {name} is not here: {how_to_get(name, entry)}, or name it with --truth"
            )
    else:
        truth = _judged_truth(None if section.truth == "auto" else Path(section.truth).resolve(), entry, cached.path)
    ref = DataSetRef(name=name, source="official", path=cached.path, truth=truth.path, count=section.count)
    return _with_verdict(ref, entry, "" if cached.state == "verified" else _no_checksum(cached.path), truth, scored)


class _OfficialTruth(NamedTuple):
    """Official data's ground truth; no path leaves it to the task to find one."""

    path: Path | None
    why: str = ""
    """Why it is not known to be the official one; "" where it is."""
    absent: bool = False


def _with_verdict(ref: DataSetRef, entry: DatasetEntry, why: str, truth: _OfficialTruth, scored: bool) -> DataSetRef:
    """The one verdict on official data and its ground truth, wherever they lie."""
    # A run that is not scored may do without the truth; one that is there counts all the same.
    reasons = [reason for reason in (why, truth.why if scored or not truth.absent else "") if reason]
    return ref.model_copy(
        update={
            "truth": truth.path,
            "checksum": "unverified" if reasons else "verified",
            "why_unverified": "; ".join(reasons),
            "full": entry.extent == "full" and not truth.why,
        }
    )


def _cached_truth(entry: DatasetEntry, file: str, cache_dir: Path) -> _OfficialTruth:
    cached = examined(file, _part(entry, file), cache_dir)
    if not cached.usable:
        return _OfficialTruth(None, f"its ground truth {file} is not here", absent=True)
    return _OfficialTruth(cached.path, "" if cached.state == "verified" else _no_checksum(cached.path))


def _judged_truth(given: Path | None, entry: DatasetEntry, data: Path) -> _OfficialTruth:
    """A ground truth that the user named, or the official one beside the data, known by its own checksum."""
    if entry.truth is None:
        if given or not entry.prepare:
            return _OfficialTruth(given, "no checksum of its ground truth is published", absent=given is None)
        return _OfficialTruth(None)
    part = _part(entry, entry.truth)
    path = given or _beside(data, part)
    if path is None:
        return _OfficialTruth(None, f"its ground truth {entry.truth} is not beside it", absent=True)
    if path.is_file() and is_published(hash_given(path), part):
        return _OfficialTruth(path)
    return _OfficialTruth(given, f"the ground truth {path} does not have the published checksum of {entry.truth}")


def _beside(data: Path, part: FileEntry) -> Path | None:
    """The file of this name in the data's folder, or else one of its size (it is judged by its checksum)."""
    named = data.parent / Path(part.file).name
    if named.is_file():
        return named
    same = (path for path in sorted(data.parent.iterdir()) if path.is_file() and path.stat().st_size == part.size_bytes)
    return next((path for path in same if is_published(hash_given(path), part)), None)


def _part(entry: DatasetEntry, file: str) -> FileEntry:
    return next((part for part in entry.parts if part.file == file), FileEntry(file=file))


def _no_checksum(path: Path) -> str:
    if path.is_dir():
        return f"{path.name} was not made of files with published checksums alone"
    return f"no checksum of {path.name} is published"


def _recognised(
    ref: DataSetRef, entries: Mapping[str, DatasetEntry], scored: bool
) -> tuple[DataSetRef, dict[str, Any]]:
    """A file given by its path is the official one if its checksum says so."""
    candidates = {name: entry for name, entry in entries.items() if entry.md5 or entry.sha256}
    if not ref.path.is_file() or not candidates:
        return ref, {}
    size = ref.path.stat().st_size
    if all(entry.size_bytes not in (None, size) for entry in candidates.values()):
        return ref, {}
    digests = hash_given(ref.path)
    for name, entry in candidates.items():
        if is_published(digests, entry):
            official = ref.model_copy(update={"name": name, "source": "official"})
            return _with_verdict(official, entry, "", _judged_truth(ref.truth, entry, ref.path), scored), entry.options
    return ref, {}
