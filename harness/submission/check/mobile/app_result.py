"""Rules on the mobile app's result.json: one file, of the schema, that says what the logs say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.json_records import NotThisRecord, from_json
from harness.submission.finding import Fault, Rule
from harness.submission.tree.app_result import AppLoadgen, AppResultFile, AppRun
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import Tree
from harness.submission.tree.logs import DetailLog

_CLOSE = 1e-3
_FIX = "let the app write it, or submit; it is not edited by hand"


@dataclass(frozen=True, slots=True)
class LoggedPair:
    """A performance run's log, and what the app calls its benchmark."""

    benchmark_id: str | None
    scenario: str
    log: DetailLog


@dataclass(frozen=True, slots=True)
class AppResult:
    """results/<device>, and the logs in it."""

    tree: Tree
    folder: str
    round: str
    logs: tuple[LoggedPair, ...]
    run: frozenset[str]
    """Benchmarks that have a folder for their performance run, readable or not."""

    @property
    def file(self) -> str:
        """Of the round."""
        name = "results.json" if self.round in ("v2.0", "v2.1", "v3.0") else "result.json"
        return f"{self.folder}/{name}"

    @property
    def of_the_schema(self) -> bool:
        """Older ones have other forms."""
        return self.round not in ("v0.7", "v1.0", "v1.1", "v2.0", "v2.1", "v3.0", "v3.1")


def one_file(found: AppResult) -> Iterator[Fault]:
    """One, since two of them contradict each other sooner or later."""
    names = [name for name in found.tree.files(found.folder) if name.startswith("result") and name.endswith(".json")]
    if len(names) > 1:
        yield Fault(
            f"{found.folder}/{names[-1]}", "is a second result file", "keep the one of the round", ", ".join(names)
        )
    elif not names:
        yield Fault(found.file, "is missing", _FIX)


def once(found: AppResult) -> Iterator[Fault]:
    """A benchmark is in it once, or nobody can tell which figures count."""
    fields = found.tree.json(found.file)
    listed = {} if isinstance(fields, Broken) else fields.get("results")
    names = [one.get("benchmark_id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    for name in dict.fromkeys(name for name in names if isinstance(name, str) and names.count(name) > 1):
        yield Fault(
            found.file, f"has {name} twice", "keep the result whose logs are in the tree", f"{names.count(name)}"
        )


def schema(found: AppResult) -> Iterator[Fault]:
    """Every key, each of its type, and no others."""
    fields = found.tree.json(found.file)
    if isinstance(fields, Broken):
        if found.tree.entry(found.file) is not None:
            yield Fault(found.file, fields.what, _FIX)
    elif found.of_the_schema:
        try:
            from_json(AppResultFile, fields)
        except NotThisRecord as error:
            yield Fault(found.file, "is not of the app's schema", _FIX, str(error))


def agrees(found: AppResult) -> Iterator[Fault]:
    """Counts, latencies and verdicts are those of the logs."""
    fields = found.tree.json(found.file)
    if isinstance(fields, Broken) or not found.of_the_schema:
        return
    try:
        results = from_json(AppResultFile, fields).results
    except NotThisRecord:
        return
    said = {one.benchmark_id: one for one in results}
    if len(said) < len(results):
        # Which of two is compared would be chance; that there are two is said.
        return
    for name, result in said.items():
        if result.performance_run is not None and name not in found.run:
            yield Fault(found.file, f"has a performance run of {name}, whose logs are not there", _FIX)
    for one in found.logs:
        if one.benchmark_id is None:
            continue
        claimed = said.get(one.benchmark_id)
        if claimed is None or claimed.performance_run is None or claimed.performance_run.loadgen is None:
            yield Fault(found.file, f"has no performance run of {one.benchmark_id}, whose log is there", _FIX)
            continue
        loadgen = claimed.performance_run.loadgen
        for what, value, real in _figures(claimed.performance_run, loadgen, one):
            if abs(value - real) > _CLOSE * real:
                figure = f"{what} {value:g}, the log {real:g}"
                yield Fault(found.file, f"has another {what} of {one.benchmark_id} than its log", _FIX, figure)
        if claimed.loadgen_scenario != one.scenario:
            figure = f"{claimed.loadgen_scenario}, the log {one.scenario}"
            yield Fault(found.file, f"has another scenario of {one.benchmark_id} than its log", _FIX, figure)
        if loadgen.is_result_valid != (one.log.text("result_validity") == "VALID"):
            figure = f"is_result_valid {loadgen.is_result_valid}"
            yield Fault(found.file, f"has another verdict on {one.benchmark_id} than its log", _FIX, figure)


def _figures(run: AppRun, loadgen: AppLoadgen, logged: LoggedPair) -> Iterator[tuple[str, float, float]]:
    """Name, value as claimed, and as the log has it; latencies in seconds."""
    log = logged.log
    p90 = (log.number("result_90.00_percentile_latency_ns") or 0.0) / 1e9
    yield "latency90", loadgen.latency90, p90
    yield "latency_mean", loadgen.latency_mean, (log.number("result_mean_latency_ns") or 0.0) / 1e9
    yield "query_count", loadgen.query_count, log.number("result_query_count") or 0.0
    rate = log.number("result_samples_per_second") if logged.scenario == "Offline" else (1 / p90 if p90 else None)
    if run.throughput is not None and rate is not None:
        yield "throughput", run.throughput.value, rate


RESULT_RULES = (
    Rule("duplicate-result", "MA flutter; the results repositories have one", one_file),
    Rule("duplicate-result", "MA flutter; a benchmark has one result", once),
    Rule("app-result", "MA tools/extended_result_schema.json", schema),
    Rule("app-result-agrees", "MA flutter/lib/state/task_runner.dart", agrees),
)
