"""Whether the data of a finished run are still what the run read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.errors import ConfigError
from harness.machine.facts import usable_cpus
from harness.results.read_data import ReadData, ReadItem, files_now
from tasks.base import DataMissing, Task
from tasks.sets.digests import Digest, StoredSamples


def changed_samples(kept: ReadData, task: Task, on_sample: Callable[[], None]) -> list[str]:
    """What of the samples that were read is no longer as it was read; they are all read once more.

    Args:
        kept: What was read.
        task: Bound to the data.
        on_sample: Called for each that was.
    """
    return _changed_samples(kept.samples, task.stored_samples(), on_sample)


def refuse_changed_data(folder: Path, task: Task, kept: ReadData) -> None:
    """Reads the data once more and holds them against what the run read.

    Args:
        folder: The run's directory, for the message.
        task: The run's, bound to the data as they are now.
        kept: What the run has read.

    Raises:
        ConfigError: Anything changed, is gone or was added; the message names the first.
    """
    stored = task.stored_samples()
    changes = [
        *_changed_files(kept.files, files_now(task)),
        *_changed_classes(kept.classes, () if stored is None else stored.classes),
        *_changed_samples(kept.samples, stored),
    ]
    if changes:
        raise ConfigError(
            f"{folder} cannot be scored, since its data are not what the run read: {'; '.join(changes)}. Put back what was "
            "there, or run once more with the data that are there now"
        )


def _changed_files(kept: Sequence[ReadItem], now: Sequence[ReadItem]) -> list[str]:
    there = {item.name: item for item in now}
    found = []
    for item in kept:
        if not Path(item.name).exists():
            found.append(f"{item.name} is gone")
        elif item.name not in there:
            found.append(f"{item.name} is no longer read")
        elif there[item.name] != item:
            found.append(f"{item.name} has changed ({_bytes(item.size)} then, {_bytes(there[item.name].size)} now)")
    known = {item.name for item in kept}
    found += [f"{name} was added" for name in there if name not in known]
    return found if len(found) < 2 else [f"{len(found)} files, the first: {found[0]}"]


def _changed_classes(kept: Sequence[str], now: Sequence[str]) -> list[str]:
    """One class more or less gives all that follow another number."""
    if tuple(kept) == tuple(now):
        return []
    other = [name for name in (*kept, *now) if (name in kept) != (name in now)]
    if not other:
        return ["the classes have another order"]
    return [f"the classes are others: {other[0]} {'was added' if other[0] in now else 'is gone'}"]


def _changed_samples(
    kept: Sequence[ReadItem], stored: StoredSamples | None, on_sample: Callable[[], None] = lambda: None
) -> list[str]:
    was, there = [item.name for item in kept], [] if stored is None else list(stored.names)
    gone, added = Counter(was) - Counter(there), Counter(there) - Counter(was)
    found = []
    if gone:
        found.append(f"gone: {gone.total():,} of {len(was):,} samples, the first is {next(iter(gone))}")
    if added:
        found.append(f"added to {len(was):,} samples: {added.total():,}, the first is {next(iter(added))}")
    if not found and was != there:
        place = next(place for place, names in enumerate(zip(was, there, strict=True)) if names[0] != names[1])
        found.append(f"the samples have another order: sample {place} was {was[place]} and is {there[place]}")
    if found or stored is None:
        return found
    with ThreadPoolExecutor(usable_cpus()) as pool:
        now = pool.map(lambda index: _sample_now(stored, index, kept[index], on_sample), range(len(kept)))
        changed = [(item, is_now) for item, is_now in zip(kept, now, strict=True) if is_now != item]
    if not changed:
        return []
    first, is_now = changed[0]
    words = f"{_bytes(first.size)} then, {_bytes(is_now.size)} now"
    return [f"changed: {len(changed):,} of {len(kept):,} samples, the first is {first.name} ({words})"]


def _sample_now(stored: StoredSamples, index: int, kept: ReadItem, on_sample: Callable[[], None]) -> ReadItem:
    """As it is; of a sample that the run did not read only the size counts."""
    on_sample()
    try:
        if kept.sha256 is None:
            return ReadItem(kept.name, stored.size(index), None)
        digest = Digest.of(stored.whole(index))
    except DataMissing:
        return ReadItem(kept.name, None, None)
    return ReadItem(kept.name, digest.size, digest.sha256)


def _bytes(size: int | None) -> str:
    return "not to be read" if size is None else f"{size:,} bytes"
