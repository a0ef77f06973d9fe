"""Series of runs whose figures are known: real results of a short run, with the latencies that a test needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.results.files import read_result, write_result
from harness.results.queries.query_times import KeptTimes, write_query_times
from harness.results.record import Result, SeriesResult, SeriesRun
from harness.series.execute import top_of

RESULTS = Path(__file__).parents[1] / "results" / "version_1"


@pytest.fixture(scope="session")
def single_stream(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A whole SingleStream run."""
    folder = tmp_path_factory.mktemp("version_1")
    (folder / "result.json").write_bytes((RESULTS / "middle_single_stream.json").read_bytes())
    result = read_result(folder)
    assert isinstance(result, Result)
    return replace(result, unstable=())


@pytest.fixture
def series(single_stream: Result, tmp_path: Path) -> Callable[..., Path]:
    """series("base", [p90 of each run in ms], **changes of every run) -> its directory; one p90 makes one run."""

    def write(name: str, p90s_ms: Sequence[float], **changes: Any) -> Path:
        out, runs = tmp_path / name, []
        performance = single_stream.performance
        assert performance is not None
        for number, p90_ms in enumerate(p90s_ms):
            latency = replace(performance.latency_ns, p50=p90_ms * 9e5, p90=p90_ms * 1e6, p99=p90_ms * 2e6)
            figures = replace(performance, latency_ns=latency, samples_per_second=1e3 / p90_ms)
            result = replace(single_stream, performance=figures, **changes)
            folder = out if len(p90s_ms) == 1 else out / f"{number + 1}-performance-cpu"
            folder.mkdir(parents=True)
            random = np.random.default_rng(number)
            spent = np.array(random.lognormal(0, 0.01, 1000) * p90_ms * 9e5, np.int64)
            write_query_times(folder, KeptTimes(spent, np.cumsum(spent), len(spent)))
            write_result(folder, result)
            runs.append((folder.name, result))
        if len(p90s_ms) > 1:
            write_result(out, _top(runs))
        return out

    return write


def _top(runs: Sequence[tuple[str, Result]]) -> SeriesResult:
    return top_of(
        [SeriesRun(directory=name, backend_asked="cpu", model_asked="m", result=result) for name, result in runs]
    )
