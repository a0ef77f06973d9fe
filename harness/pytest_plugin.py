"""The plug-in for pytest: a fixture that runs a benchmark and fails the test where it misses what is required.

    def test_latency(loadgen):
        loadgen.run(task="kws", preset="quick", require=["p90<=5ms"])

Installed with the package (group `pytest11`); nothing heavy is imported before the fixture runs something.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.results.record import Result, SeriesResult


class LoadGen:
    """What the fixture gives."""

    def __init__(self, folder: Path) -> None:
        """Runs go below this folder."""
        self._folder, self._runs = folder, 0

    def run(self, task: str = "tensors", **options: Any) -> Result | SeriesResult:
        """Runs a benchmark; see `harness.api.run_benchmark` for its options.

        Returns:
            The typed result of a run that is valid and has what was required.

        Raises:
            pytest.fail.Exception: LoadGen says INVALID, or a requirement or a target is missed.
            HarnessError: It could not run.
        """
        from harness.api.benchmarks import run_benchmark
        from harness.report.run import render_run
        from harness.report.series import render_series
        from harness.results.record import SeriesResult, status_of
        from harness.way_in import as_entered

        self._runs += 1
        options.setdefault("out", self._folder / f"loadgen-{self._runs}")
        result = run_benchmark(task, **options)
        if status_of(result):
            table = render_series(result) if isinstance(result, SeriesResult) else render_run(result)
            pytest.fail(as_entered(table), pytrace=False)
        return result


@pytest.fixture
def loadgen(tmp_path: Path) -> LoadGen:
    """Runs benchmarks, each in a directory of its own below `tmp_path`."""
    return LoadGen(tmp_path)
