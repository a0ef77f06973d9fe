"""The border to MLCommons LoadGen, which only this module and `harness.serving.responder` import.

`import mlperf_loadgen`, never `mlcommons_loadgen`: the latter replaces the former in `sys.modules` with an empty package.
LoadGen reads its configuration once per process; a second run in the same process would keep its seeds at 0. So one run is
one process, and `drive` refuses to be called twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlperf_loadgen as lg

from harness.errors import RunFailed

AUDIT_FILE = "audit.config"
"""LoadGen lets a file of this name in the current directory override every setting in silence."""


COMPLIANCE_FILE = "compliance-test.config"
"""What LoadGen is handed in a run under a compliance test: never found by its name in the current directory."""


Issue = Callable[[list[int], list[int]], None]


_started = False


@dataclass(frozen=True, slots=True)
class RunSettings:
    """A run as LoadGen takes it, every figure decided."""

    scenario: str
    accuracy: bool
    performance_sample_count: int
    total_sample_count: int
    min_query_count: int
    min_duration_ms: int
    max_duration_ms: int | None
    target_percentile: float
    samples_per_query: int
    expected_latency_ns: int
    """SingleStream and MultiStream."""
    target_qps: float
    """Server and Offline."""
    server_target_latency_ns: int | None
    seeds: tuple[int, int, int] | None
    """qsl, sample index, schedule; None keeps those of the wheel."""
    enable_trace: bool
    audit: str | None = None
    """Settings of a compliance test, which LoadGen takes over all others; None for none."""


def floor() -> Issue:
    """The least that a SUT in Python can do with a query of one sample. No run of the harness uses it (`benchmarks`)."""
    response = lg.QuerySampleResponse(0, 0, 0)
    responses, complete = [response], lg.QuerySamplesComplete

    def issue(query_ids: list[int], indices: list[int]) -> None:
        del indices
        response.id = query_ids[0]
        complete(responses)

    return issue


def drive(
    settings: RunSettings,
    *,
    model: str,
    issue: Issue,
    load: Callable[[list[int]], None],
    unload: Callable[[list[int]], None],
    folder: Path,
) -> dict[str, Any]:
    """Lets LoadGen ask until it has seen enough; returns when the last query is complete and the logs are written.

    No callback may raise: an exception that leaves one kills the process when it exits.

    Args:
        settings: What to ask for.
        model: The benchmark's name; LoadGen looks up figures of its own under it.
        issue: Called with the ids and sample indices of one query.
        load: Brings samples into memory.
        unload: Lets them go.
        folder: Where the logs go; the process must have it as its current directory.

    Returns:
        The settings in force, as LoadGen holds them.

    Raises:
        RunFailed: LoadGen was driven before in this process, refuses the settings, or could be overridden from a file.
    """
    global _started
    if _started:
        raise RunFailed("LoadGen was driven before in this process: one run is one process")
    if Path(AUDIT_FILE).exists():
        raise RunFailed(f"{Path.cwd() / AUDIT_FILE} would override every setting of this run: take it away")
    _started = True
    test = _test_settings(settings, model, folder)
    log = lg.LogSettings()
    log.enable_trace = settings.enable_trace
    log.log_output.outdir = str(folder)
    log.log_output.copy_summary_to_stdout = False
    sut = lg.ConstructFastSUT(issue, _flush)
    qsl = lg.ConstructQSL(settings.total_sample_count, settings.performance_sample_count, load, unload)
    lg.StartTestWithLogSettings(sut, qsl, test, log, str(_audit_file(settings, folder)))
    lg.DestroyQSL(qsl)
    lg.DestroyFastSUT(sut)
    return _in_force(test)


def _flush() -> None:
    """Every query is worked on from the moment it is issued: there is nothing to flush."""


def _test_settings(settings: RunSettings, model: str, folder: Path) -> Any:
    """Fills LoadGen's TestSettings: first from the mlperf.conf in the wheel, which also brings the seeds, then ours."""
    test = lg.TestSettings()
    user_conf = folder / "user.conf"
    user_conf.write_text(_user_conf(settings), encoding="ascii")
    # Type 0 reads the embedded mlperf.conf, type 1 a user.conf; type 1 is allowed once per process.
    for path, kind in (("", 0), (str(user_conf), 1)):
        answer = test.FromConfig(path, model, settings.scenario, kind)
        if answer != 0:
            raise RunFailed(f"LoadGen refuses its configuration {path or 'in the wheel'}: it answered {answer}")
    test.scenario = getattr(lg.TestScenario, settings.scenario)
    test.mode = lg.TestMode.AccuracyOnly if settings.accuracy else lg.TestMode.PerformanceOnly
    test.min_query_count = settings.min_query_count
    test.min_duration_ms = settings.min_duration_ms
    test.max_duration_ms = settings.max_duration_ms or 0
    test.performance_sample_count_override = settings.performance_sample_count
    match settings.scenario:
        case "SingleStream":
            test.single_stream_expected_latency_ns = settings.expected_latency_ns
            test.single_stream_target_latency_percentile = settings.target_percentile
        case "MultiStream":
            test.multi_stream_expected_latency_ns = settings.expected_latency_ns
            test.multi_stream_target_latency_percentile = settings.target_percentile
            test.multi_stream_samples_per_query = settings.samples_per_query
        case "Server":
            test.server_target_qps = settings.target_qps
            test.server_target_latency_ns = settings.server_target_latency_ns or 0
            test.server_target_latency_percentile = settings.target_percentile
        case "Offline":
            test.offline_expected_qps = settings.target_qps
        case other:
            raise RunFailed(f"LoadGen has no scenario {other!r}")
    if settings.seeds is not None:
        test.qsl_rng_seed, test.sample_index_rng_seed, test.schedule_rng_seed = settings.seeds
    return test


def _user_conf(settings: RunSettings) -> str:
    """What the run is set to, as LoadGen reads it: figures by the scenario's name, times in ms.

    Percentiles and seeds are LoadGen's to read from its own configuration alone, and are set afterwards: they are comments.
    """
    name = settings.scenario
    keys: dict[str, float | int] = {
        "min_query_count": settings.min_query_count,
        "min_duration": settings.min_duration_ms,
        "performance_sample_count_override": settings.performance_sample_count,
    }
    if settings.max_duration_ms:
        keys["max_duration"] = settings.max_duration_ms
    if name in ("SingleStream", "MultiStream"):
        keys["target_latency"] = settings.expected_latency_ns / 1e6
    else:
        keys["target_qps"] = settings.target_qps
    if name == "Server" and settings.server_target_latency_ns:
        keys["target_latency"] = settings.server_target_latency_ns / 1e6
    lines = [f"*.{name}.{key} = {value:.10g}" for key, value in keys.items()]
    lines.append(f"# *.{name}.target_latency_percentile = {100 * settings.target_percentile:g}")
    if settings.seeds is not None:
        names = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
        lines += [f"# *.*.{key} = {seed}" for key, seed in zip(names, settings.seeds, strict=True)]
    return "# What this run was set to.\n" + "\n".join(lines) + "\n"


def _audit_file(settings: RunSettings, folder: Path) -> Path:
    """The file that LoadGen is handed, by its path: without a test one that is not there."""
    if settings.audit is None:
        return folder / "no-audit"
    path = folder / COMPLIANCE_FILE
    path.write_text(settings.audit, encoding="ascii")
    return path


def _in_force(test: Any) -> dict[str, Any]:
    plain = {name: getattr(test, name) for name in dir(test) if not name.startswith("_") and name not in {"FromConfig"}}
    return {name: value.name if name in {"mode", "scenario"} else value for name, value in plain.items()}
