"""A benchmark from Python: the same run as the command's, and its typed result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.way_in import complaining_as_entered

if TYPE_CHECKING:
    from harness.results.record import Result, SeriesResult


@complaining_as_entered
def run_benchmark(
    task: str = "tensors",
    *,
    model: str | Path | Sequence[str | Path] = (),
    backend: str | Sequence[str] = (),
    scenario: str | None = None,
    mode: str | None = None,
    preset: str | None = None,
    dataset: str | Path | None = None,
    require: str | Sequence[str] = (),
    repeat: int = 1,
    labels: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Result | SeriesResult:
    """Runs a benchmark with LoadGen, as `./run.sh run` does, without a word on standard output. Of the main thread alone.

    Args:
        task: A benchmark's name, an alias or the path of a config file; `tensors` for any `model`.
        model: As `--model`; several for a sweep.
        backend: As `--backend`; several for a sweep.
        scenario: As `--scenario`; None for the config's own, and so with the next three.
        mode: As `--mode`.
        preset: As `--preset`.
        dataset: As `--dataset`.
        require: What the figures must reach, as `p90<=5ms`, or several such: see `requirements` of the result.
        repeat: As `--repeat`.
        labels: Kept in the result.
        out: The run's directory; None for one of its own below results/.
        settings: Further fields of the config, as `{"load.target_qps": 10}`.

    Returns:
        The record of result.json (docs/result.md): of a run, or of a series where there are several.

    Raises:
        ConfigError: Something for the caller to fix.
        RunFailed: The run broke; its directory says more.
    """
    from harness.config.files import find_benchmark, kind_overrides
    from harness.series.perform import perform

    fields = {"load.scenario": scenario, "load.mode": mode, "load.preset": preset, "labels": dict(labels or {}) or None}
    fields["dataset.use"] = None if dataset is None else str(dataset)
    given = [(name, value) for name, value in (fields | dict(settings or {})).items() if value is not None]
    return perform(
        find_benchmark(task),
        [*kind_overrides(task), *given],
        models=[str(each) for each in ([model] if isinstance(model, str | Path) else model)],
        backends=[backend] if isinstance(backend, str) else list(backend),
        repeat=repeat,
        out=None if out is None else Path(out),
        as_json=False,
        quiet=True,
        require=[require] if isinstance(require, str) else require,
    ).result
