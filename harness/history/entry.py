"""A finished run as the history keeps it. Imports nothing that is slow: a list of runs is there at once."""

from __future__ import annotations

from dataclasses import dataclass

FIGURES = ("p50", "p90", "p99", "samples_per_second", "peak_rss_bytes", "accuracy")
"""What may be plotted, sorted by and searched for changes."""
BENCHMARK = ("task", "scenario", "mode", "preset", "model_sha256", "data", "backend", "machine")
"""The columns that are the same where runs are of one benchmark."""
LOWER_IS_BETTER = frozenset({"p50", "p90", "p99", "peak_rss_bytes"})


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A run. The fields are the index's columns, in this order."""

    path: str
    """Of its directory; of a series' run that has none any more, where it was."""
    at_s: float
    """When the first query was asked, in seconds since 1970, by the machine's clock; when the result was written, of a run that
    does not say."""
    written_s: float
    """When result.json was written, by the file system."""
    task: str
    scenario: str
    mode: str
    preset: str
    status: str
    model: str
    model_sha256: str
    data: str
    backend: str
    """With its engine and threads, where they are known."""
    machine: str
    """The CPU's model, how many the run might use, the memory: enough to tell two machines apart that differ."""
    platform: str
    versions: str
    """JSON: package -> version; the harness's own with its commit."""
    host: str
    """The machine's own name; "" where the run does not say."""
    labels: str
    """JSON: what the user wrote beside the run (`--label NAME=VALUE`)."""
    p50: float | None
    """ns; None in Offline and where nothing was timed. So are p90 and p99."""
    p90: float | None
    p99: float | None
    samples_per_second: float | None
    peak_rss_bytes: float | None
    accuracy: float | None
    """The headline metric."""

    @property
    def clock_went_back(self) -> bool:
        """It ran, it says, well after its result was written: the clock was set in between, its place in time is doubtful."""
        return self.at_s > self.written_s + 60

    @property
    def benchmark(self) -> tuple[str, ...]:
        """Runs of the same may be held against each other: the same question, asked of the same file, on the same machine."""
        return tuple(getattr(self, column) for column in BENCHMARK)
