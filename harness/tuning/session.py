"""A search: candidates against the best so far, measured in turn, until the answer is clear or the time is used up.

The default configuration is the first best. A rival has a process of its own; the two are asked in turn for a fifth of a
second, and the ratios of these rounds go through a sequential test (`harness.turns.contest`). A rival that is quicker
must then agree with one CPU thread on some dozens of samples, the accuracy floor, before it takes the place of the best. In
the end the best is held against the default once more, since the best of many is partly the luckiest.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config.files import ConfigFile
from harness.config.workers import POOLS, QUICK_NS
from harness.errors import EXIT_USER, ConfigError, RunFailed
from harness.machine.facts import usable_cpus
from harness.machine.memory import peak_rss_bytes
from harness.machine.topology import this_machine
from harness.messages.probe import Agreement, Calibrated
from harness.run.held import HeldRun
from harness.spec.resolve import resolve
from harness.spec.schema import Spec
from harness.spec.trial import has_xnnpack, without_xnnpack
from harness.statistics.intervals import LOOKS, Ratio
from harness.tuning.candidates import DEFAULT, Candidate, SearchLimits, stage, stages
from harness.tuning.child import Child
from harness.turns.contest import JudgedContender, duel
from harness.turns.process import CandidateFailed

FLOOR_SAMPLES = 32
"""How many answers must agree with those of one CPU thread, by the tolerance of the backends' proof."""
_ROUND_S = 1.0
"""A round, generously: it is a warm-up of 0.1 s, then 0.2 s or five samples."""
_FINAL_SHARE = 0.2
"""Of the budget, kept for the last comparison."""
_SLOW_START = 1.5
_SHARED = ("threads", "instances", "workers", "batch")
"""Fields of the backend's section that a candidate may set, where they are `auto`."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Row:
    """What became of a candidate."""

    name: str
    fields: Mapping[str, Any]
    status: str
    """`default`, `quicker`, `slower`, `same`, `not told apart`; `disagrees`, `refused`, `crashed`, `too slow`, `not tried`."""
    why: str = ""
    against: str = ""
    """The best at the time."""
    ratio: Ratio | None = None
    """Its speed over that one's."""
    samples_per_second: float | None = None
    latency_ns: float | None = None
    """Of a sample, while all workers work."""
    peak_rss_bytes: int | None = None
    floor: Agreement | None = None


@dataclass(slots=True)
class SearchResult:
    """What a search found."""

    best: Row
    rows: list[Row]
    final: Ratio | None
    """The best's speed over the default's, measured once more; None where the default is the best."""
    chosen: Mapping[str, Any]
    """Fields of the config that make the best, every choice of the calibration included."""
    spec: Spec
    """Of the default."""
    time_s: float


@dataclass(slots=True)
class _Entry:
    row: Row
    child: Child
    calibrated: Calibrated
    chosen: Mapping[str, Any]
    latencies: list[float] = field(default_factory=list)
    longest_s: float = _ROUND_S

    def round(self, timeout_s: float) -> float:
        """Samples per second of one round."""
        began = time.monotonic()
        heard = self.child.round(timeout_s)
        self.longest_s = max(self.longest_s if self.latencies else 0.0, time.monotonic() - began)
        self.latencies.append(heard.latency_ns)
        rate = heard.samples_per_second
        middle = statistics.median(self.latencies)
        self.row.samples_per_second, self.row.latency_ns = rate * heard.latency_ns / middle, middle
        self.row.peak_rss_bytes = peak_rss_bytes(self.calibrated.pids) or self.row.peak_rss_bytes
        return rate


class TuningSearch:
    """One search."""

    def __init__(
        self,
        config: ConfigFile,
        overrides: Sequence[tuple[str, Any]],
        cache_dir: Path,
        *,
        budget_s: float,
        fp16: bool,
        say: Say,
    ) -> None:
        """Nothing is started yet.

        Raises:
            ConfigError: A mistake in the config.
            RunFailed: The model is no longer what the config was resolved with.
        """
        self._config, self._overrides, self._cache_dir = config, overrides, cache_dir
        self._budget_s, self._fp16, self._say = budget_s, fp16, say
        self.spec = self._spec({})
        self._held = HeldRun(self.spec)
        self._began = time.monotonic()
        self._opening_s = 0.0
        self._children: list[Child] = []
        self._rows: list[Row] = []

    def search(self) -> SearchResult:
        """Runs it.

        Raises:
            ConfigError: The default cannot run, or the time was over before a second candidate was measured.
            RunFailed: The default breaks, or a file has changed meanwhile.
        """
        try:
            found = self._search()
        except Exception as error:
            if (why := self._held.explain(error)) is error:
                raise
            raise why from error
        finally:
            for child in self._children:
                child.close()
        self._held.refuse_changes()
        return found

    def _search(self) -> SearchResult:
        default = self._open_default()
        best = default
        quick = (default.row.latency_ns or 0) < QUICK_NS
        given = self._given(accelerator=default.calibrated.accelerator, quick=quick)
        for name in stages(given):
            rivals = stage(name, given, best.chosen)
            for number, candidate in enumerate(rivals):
                best = self._challenge(best, candidate, share=len(rivals) - number)
        if not any(row.ratio for row in self._rows):
            self._explain_nothing()
        final = None
        if best is not default:
            judged = self._duel(best, default, until=self._end)
            final = judged.ratio or best.row.ratio
            if judged.standing == "slower" or (final and final.median <= 1):
                best.row.why = "not quicker than the default when held against it once more"
                best, final = default, None
        return SearchResult(best.row, self._rows, final, best.chosen, self.spec, time.monotonic() - self._began)

    def _given(self, *, accelerator: bool, quick: bool) -> SearchLimits:
        backend = self.spec.backend
        asked = {f"backend.{name}": getattr(backend, name) for name in _SHARED if hasattr(backend, name)}
        fields = {name: value for name, value in asked.items() if value != "auto"} | {
            "backend.options": backend.options
        }
        machine = this_machine()
        return SearchLimits(
            scenario=self.spec.load.scenario,
            backend=backend.name,
            fields=fields,
            cores=machine.counts,
            cpus=min(len(machine.cpus), usable_cpus()),
            accelerator=accelerator,
            fp16=self._fp16,
            quick=quick,
        )

    def _open_default(self) -> _Entry:
        row = Row(DEFAULT.name, {}, "default")
        self._rows.append(row)
        self._say("default: opening, proving, calibrating")
        try:
            entry = self._open(row, {}, self.spec.backend.timeout_s)
            entry.round(self.spec.backend.timeout_s)
        except CandidateFailed as error:
            if error.status_of_run == EXIT_USER:
                raise ConfigError(str(error)) from None
            failed = RunFailed(f"the default configuration cannot be measured: {error}")
            if error.kind == "crashed" and has_xnnpack(self.spec.backend):
                raise without_xnnpack(self.spec, self._held.hashed).told_of(failed) from None
            raise failed from None
        row.fields = entry.chosen
        self._opening_s = time.monotonic() - self._began
        return entry

    def _challenge(self, best: _Entry, candidate: Candidate, *, share: int) -> _Entry:
        """Measures a candidate against the best; returns whichever is the best then."""
        row = Row(candidate.name, candidate.fields, "not tried", against=best.row.name)
        self._rows.append(row)
        rounds_s = LOOKS[0] * (best.longest_s * 2)
        # A rival of the default has its comparison with the default already.
        final_s = 0.0 if best.row.status == "default" else _FINAL_SHARE * self._budget_s
        left = self._end - final_s - time.monotonic()
        if left < self._opening_s + min(rounds_s, 3 * 2 * best.longest_s):
            row.why = "no time was left"
            return best
        self._say(f"{candidate.name}: against {best.row.name}, {left:.0f} s left")
        entry = None
        try:
            entry = self._open(row, candidate.fields, max(left, self._opening_s * _SLOW_START))
            until = time.monotonic() + max(rounds_s, (left - self._opening_s) / share)
            judged = self._duel(entry, best, until=min(until, self._end))
            row.ratio, row.status = judged.ratio, judged.standing
            if judged.standing == "quicker" and self._above_the_floor(entry):
                if best.row.status != "default":
                    best.child.close()
                return entry
        except CandidateFailed as error:
            row.status, row.why = error.kind, str(error)
        except ConfigError as error:
            row.status, row.why = "refused", str(error)
        if entry is not None:
            entry.child.close()
        return best

    def _duel(self, rival: _Entry, best: _Entry, *, until: float) -> JudgedContender:
        return duel(rival, best, until=until, timeout_s=self.spec.backend.timeout_s)

    def _above_the_floor(self, entry: _Entry) -> bool:
        found = entry.child.compare_with_cpu(FLOOR_SAMPLES, self.spec.backend.timeout_s)
        entry.row.floor = found
        if found.passed is False:
            entry.row.status, entry.row.why = "disagrees", "; ".join(found.why)
        return found.passed is not False

    def _open(self, row: Row, fields: Mapping[str, Any], timeout_s: float) -> _Entry:
        child = Child(self._spec(fields), self._held.hashed)
        self._children.append(child)
        calibrated = child.open(timeout_s)
        return _Entry(row, child, calibrated, self._chosen(fields, calibrated))

    def _chosen(self, fields: Mapping[str, Any], calibrated: Calibrated) -> dict[str, Any]:
        """The candidate's fields and what the calibration decided besides."""
        options = fields.get("backend.options", self.spec.backend.options)
        if calibrated.engine_chosen:
            options = {**options, "engine": calibrated.engine_chosen}
        decided: dict[str, int | str] = {
            "backend.threads": calibrated.threads,
            "backend.instances": calibrated.instances,
            "backend.batch": calibrated.batch,
        }
        if calibrated.workers in POOLS:
            decided["backend.workers"] = calibrated.workers
        return {**fields, **decided, "backend.options": dict(options)}

    def _spec(self, fields: Mapping[str, Any]) -> Spec:
        mode = [("load.mode", "performance")]
        spec = resolve(self._config, [*self._overrides, *mode, *fields.items()], self._cache_dir)
        if spec.dispatch.on_cluster:
            raise ConfigError(f"tune measures this machine: leave out dispatch.use={spec.dispatch.use}")
        return spec

    @property
    def _end(self) -> float:
        return self._began + self._budget_s

    def _explain_nothing(self) -> None:
        """Whether any candidate was measured against the default."""
        untried = [row.name for row in self._rows if row.status == "not tried"]
        if untried:
            raise ConfigError(
                f"a budget of {self._budget_s:g} s was over before a second candidate could be measured (the first took "
                f"{self._opening_s:.1f} s): not tried were {'; '.join(untried)}. Raise --budget."
            )
