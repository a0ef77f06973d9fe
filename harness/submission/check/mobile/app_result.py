"""Rules on the mobile app's result.json: one file, of the schema, that says what the logs say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.json_records import NotThisRecord, from_json
from harness.submission.finding import Fault, Rule
from harness.submission.tree.app_result import AppResultFile
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
        said = {one.benchmark_id: one for one in from_json(AppResultFile, fields).results}
    except NotThisRecord:
        return
    for one in found.logs:
        if one.benchmark_id is None:
            continue
        claimed = said.get(one.benchmark_id)
        if claimed is None or claimed.performance_run is None or claimed.performance_run.loadgen is None:
            yield Fault(found.file, f"has no performance run of {one.benchmark_id}, whose log is there", _FIX)
            continue
        loadgen = claimed.performance_run.loadgen
        p90 = (one.log.number("result_90.00_percentile_latency_ns") or 0.0) / 1e9
        if abs(loadgen.latency90 - p90) > _CLOSE * p90:
            figure = f"latency90 {loadgen.latency90} s, the log {p90} s"
            yield Fault(found.file, f"has another latency of {one.benchmark_id} than its log", _FIX, figure)
        if loadgen.is_result_valid != (one.log.text("result_validity") == "VALID"):
            figure = f"is_result_valid {loadgen.is_result_valid}"
            yield Fault(found.file, f"has another verdict on {one.benchmark_id} than its log", _FIX, figure)


RESULT_RULES = (
    Rule("duplicate-result", "MA flutter; the results repositories have one", one_file),
    Rule("app-result", "MA tools/extended_result_schema.json", schema),
    Rule("app-result-agrees", "MA flutter/lib/state/task_runner.dart", agrees),
)
