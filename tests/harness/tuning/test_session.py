"""The search itself, with simulated candidates: only the measuring is made up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.litert.file.opened_file import OpenedFile
from harness.config.files import find_benchmark, read_config
from harness.errors import ConfigError, RunFailed
from harness.machine.topology import Core, Topology
from harness.messages.probe import Agreement, Calibrated, Round
from harness.spec.schema import Spec
from harness.tuning import session
from harness.tuning.report import front, how_sure
from harness.tuning.session import Row, SearchResult, TuningSearch
from harness.turns.process import CandidateFailed

Speed = Callable[[Spec], float]
"""Samples per second of a candidate; may raise CandidateFailed."""


@pytest.fixture
def search(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keyword_model: Path, keyword_data: Path
) -> Callable[..., SearchResult]:
    """search(speed, noise=..., agrees=..., scenario=...) -> what is found among candidates of these speeds."""

    def run(
        speed: Speed,
        *,
        noise: float = 0.02,
        agrees: Callable[[Spec], bool] = lambda _: True,
        scenario: str = "SingleStream",
        budget_s: float = 600.0,
        backend: Sequence[tuple[str, Any]] = (),
    ) -> SearchResult:
        rng = np.random.default_rng(3)
        cores = tuple(Core((cpu,)) for cpu in range(4))
        monkeypatch.setattr(session, "this_machine", lambda: Topology((cores,), known=True))
        monkeypatch.setattr(session, "usable_cpus", lambda: 4)

        class Simulated:
            def __init__(self, spec: Spec, hashed: Sequence[OpenedFile]) -> None:
                del hashed
                self._spec, self.closed = spec, False
                made.append(self)

            def open(self, seconds: float) -> Calibrated:
                del seconds
                speed(self._spec)
                backend = self._spec.backend
                auto = 4 if scenario == "Offline" else 1
                return Calibrated(
                    threads=1 if backend.threads == "auto" else backend.threads,
                    instances=auto if backend.instances == "auto" else backend.instances,
                    workers="threads" if scenario == "Offline" else "inline",
                    batch=1 if backend.batch == "auto" else backend.batch,
                    engine="Interpreter",
                    engine_chosen=None,
                    accelerator=False,
                    pids=(os.getpid(),),
                )

            def compare_with_cpu(self, samples: int, seconds: float) -> Agreement:
                del seconds
                passed = agrees(self._spec)
                return Agreement(samples, passed, () if passed else ("half of the decisions",))

            def round(self, seconds: float) -> Round:
                del seconds
                rate = speed(self._spec) * float(rng.lognormal(0, noise))
                return Round(rate, 1e9 / rate)

            def close(self) -> None:
                self.closed = True

        made: list[Simulated] = []
        monkeypatch.setattr(session, "Child", Simulated)
        overrides = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), ("load.scenario", scenario)]
        overrides += backend
        try:
            return TuningSearch(
                read_config(find_benchmark("kws")),
                overrides,
                tmp_path,
                budget_s=budget_s,
                fp16=False,
                say=lambda _: None,
            ).search()
        finally:
            assert all(one.closed for one in made)

    return run


def _by_threads(**speeds: float) -> Speed:
    def speed(spec: Spec) -> float:
        threads = 1 if spec.backend.threads == "auto" else spec.backend.threads
        return speeds[f"t{threads}"] * (0.9 if spec.backend.options else 1.0)

    return speed


def test_the_quickest_is_found_and_what_is_known_of_it_is_said(search: Callable[..., SearchResult]) -> None:
    found = search(_by_threads(t1=100.0, t2=190.0, t4=150.0))
    assert found.best.name == "threads=2"
    assert found.chosen["backend.threads"] == 2
    assert found.final is not None
    assert found.final.low is not None
    assert found.final.high is not None
    assert found.final.low < 1.9 < found.final.high
    assert how_sure(found).startswith("threads=2 is 1.9")
    assert "agrees with one CPU thread on 32 samples" in how_sure(found)
    statuses = {row.name: row.status for row in found.rows}
    assert statuses["threads=4"] == "slower"
    assert statuses["engine=CompiledModel"] == "slower"


def test_the_default_stays_where_nothing_is_quicker(search: Callable[..., SearchResult]) -> None:
    found = search(_by_threads(t1=100.0, t2=100.0, t4=60.0), noise=0.001)
    assert (found.best.name, found.final) == ("default", None)
    statuses = {row.name: row.status for row in found.rows}
    assert (statuses["threads=2"], statuses["threads=4"]) == ("same", "slower")
    assert how_sure(found).startswith("the default is the best")


def test_a_quicker_candidate_that_answers_otherwise_is_not_taken(search: Callable[..., SearchResult]) -> None:
    found = search(_by_threads(t1=100.0, t2=190.0, t4=150.0), agrees=lambda spec: spec.backend.threads != 2)
    assert found.best.name == "threads=4"
    row = next(row for row in found.rows if row.name == "threads=2")
    assert (row.status, row.why) == ("disagrees", "half of the decisions")


@pytest.mark.parametrize("kind", ["crashed", "refused", "too slow"])
def test_a_candidate_that_breaks_is_a_row_that_says_so(kind: str, search: Callable[..., SearchResult]) -> None:
    good = _by_threads(t1=100.0, t2=190.0, t4=150.0)

    def speed(spec: Spec) -> float:
        if spec.backend.threads == 4:
            raise CandidateFailed("its process was killed by SIGSEGV", kind, None)
        return good(spec)

    found = search(speed)
    row = next(row for row in found.rows if row.name == "threads=4")
    assert (row.status, row.why, row.ratio) == (kind, "its process was killed by SIGSEGV", None)
    assert found.best.name == "threads=2"


def test_a_default_that_breaks_ends_the_search(search: Callable[..., SearchResult]) -> None:
    def refuses(spec: Spec) -> float:
        raise CandidateFailed("backend cpu is not here", "refused", 2)

    def crashes(spec: Spec) -> float:
        raise CandidateFailed("killed by SIGSEGV", "crashed", None)

    with pytest.raises(ConfigError, match="backend cpu is not here"):
        search(refuses)
    with pytest.raises(RunFailed, match="killed by SIGSEGV") as told:
        search(crashes, backend=(("backend.options", {"xnnpack": False}),))
    assert "without XNNPACK" not in str(told.value)


def test_a_default_that_xnnpack_may_have_taken_down_says_whether_the_model_runs_without(
    search: Callable[..., SearchResult],
) -> None:
    def crashes(spec: Spec) -> float:
        raise CandidateFailed("killed by SIGABRT", "crashed", None)

    with pytest.raises(ConfigError, match=r"killed by SIGABRT\nThe model runs without XNNPACK: use --backend cpu:xnn"):
        search(crashes)


def test_a_budget_too_short_for_a_second_candidate_names_what_was_not_tried(
    search: Callable[..., SearchResult],
) -> None:
    with pytest.raises(ConfigError, match=r"not tried were threads=2; threads=4; .*Raise --budget"):
        search(_by_threads(t1=1.0, t2=1.0, t4=1.0), budget_s=0.001)


def test_a_pool_tries_instances_against_threads(search: Callable[..., SearchResult]) -> None:
    def speed(spec: Spec) -> float:
        return {1: 100.0, 2: 130.0, 4: 80.0}[1 if spec.backend.threads == "auto" else int(spec.backend.threads)]

    found = search(speed, scenario="Offline")
    assert (found.chosen["backend.threads"], found.chosen["backend.instances"]) == (2, 2)


def test_the_front_holds_whoever_is_best_in_something() -> None:
    rows = [
        Row("quick", {}, "quicker", latency_ns=1.0, samples_per_second=9.0, peak_rss_bytes=300),
        Row("small", {}, "default", latency_ns=2.0, samples_per_second=5.0, peak_rss_bytes=100),
        Row("worse", {}, "slower", latency_ns=2.5, samples_per_second=4.0, peak_rss_bytes=100),
        Row("wrong", {}, "disagrees", latency_ns=0.5, samples_per_second=20.0, peak_rss_bytes=50),
        Row("unknown", {}, "not tried"),
    ]
    assert [row.name for row in front(rows)] == ["quick", "small"]


def test_the_search_itself_loads_neither_loadgen_nor_what_answers() -> None:
    loaded = "sorted(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, harness.tuning.session; print(*{loaded})"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = done.stdout.split()
    assert "harness.tuning.session" in names
    assert not [name for name in names if name.startswith(("mlperf_loadgen", "harness.serving", "harness.worker"))]


def test_a_model_that_is_written_while_candidates_are_measured_decides_nothing(
    search: Callable[..., SearchResult], keyword_model: Path, tmp_path: Path
) -> None:
    model = shutil.copyfile(keyword_model, tmp_path / "own.tflite")

    def speed(spec: Spec) -> float:
        os.utime(model, ns=(1, 1))
        return 100.0

    with pytest.raises(RunFailed, match=r"own.tflite changed during the run: it was written or touched"):
        search(speed, backend=[("model.use", str(model))])
