"""What a worker leaves beside LoadGen's logs: what it has read, held against what is there now, and how long queries took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.errors import RunFailed, message_of
from harness.machine.watched.held_files import HeldFiles
from harness.results.queries.query_times import QUERY_TIMES_FILE, KeptTimes, write_query_times
from harness.results.read_data import SAMPLES_FILE, ReadData, ReadItem, read_data, write_read_data
from harness.results.same_data import changed_samples
from tasks.base import DataMissing, Task
from tasks.sets.digests import Digest


def data_read(task: Task, digests: Mapping[int, Digest], files: tuple[ReadItem, ...]) -> ReadData:
    """As `read_data`.

    Raises:
        RunFailed: A sample is gone.
    """
    try:
        return read_data(task, digests, files)
    except DataMissing as error:
        raise RunFailed(f"the data changed during the run: {message_of(error)}") from None


def refuse_changed(held: HeldFiles, data: ReadData, task: Task, on_sample: Callable[[], None]) -> None:
    """Holds the data against what was read: every sample that was is read once more.

    Args:
        held: Files.
        data: What was read.
        task: Bound to the data.
        on_sample: Called for each; a large set on a slow disk takes minutes.

    Raises:
        RunFailed: They are not the same any more.
    """
    if changes := [*held.changes(), *changed_samples(data, task, on_sample)]:
        raise changed_under_it(changes)


def changed_under_it(changes: Sequence[str], ended: Exception | None = None) -> RunFailed:
    """The error for data that changed.

    Args:
        changes: A sentence each.
        ended: How the run ended for it.
    """
    return RunFailed(
        f"what the run reads changed during the run: {'; '.join(changes)}. Leave it alone while a run lasts, and run once "
        f"more{f'. It ended so: {message_of(ended)}' if ended else ''}"
    )


def keep_read_data(folder: Path, data: ReadData) -> Sequence[str]:
    """Writes down what the run has read; says what stands in the way, which is no reason to lose the run."""
    try:
        write_read_data(folder, data)
    except OSError as error:
        return [f"{SAMPLES_FILE} is not kept, so score cannot tell whether the data have changed: {message_of(error)}"]
    return []


def keep_query_times(folder: Path, times: KeptTimes | None) -> Sequence[str]:
    """Writes down how long each query took; says where that is not of all."""
    if times is None:
        return []
    try:
        write_query_times(folder, times)
    except OSError as error:
        return [f"{QUERY_TIMES_FILE} is not kept, so no comparison knows the queries of this run: {message_of(error)}"]
    if times.all:
        return []
    which = "the first" if times.every == 1 else f"one of {times.every}"
    return [f"{QUERY_TIMES_FILE} has {which}: {len(times.latency_ns):,} of {times.seen:,} queries; all count"]
