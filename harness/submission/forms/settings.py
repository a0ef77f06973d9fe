"""user.conf: what LoadGen was told, in its own words (INF loadgen/test_settings_internal.cc). Seeds are not read from there."""

from __future__ import annotations

from harness.submission.tree.logs import DetailLog

_NOTE = "# What LoadGen was told; times in milliseconds. Seeds are the round's and are not read from here.\n"


def user_conf(log: DetailLog) -> str:
    """The settings of a run, from its log.

    Args:
        log: Of the performance run.
    """
    scenario = log.scenario or "*"
    values: dict[str, object] = {
        "min_duration": log.integer("requested_min_duration_ms"),
        "min_query_count": log.integer("requested_min_query_count"),
        "performance_sample_count_override": log.integer("requested_performance_sample_count_override"),
    }
    expected = {"SingleStream": "single_stream", "MultiStream": "multi_stream"}.get(scenario)
    if expected:
        values["target_latency"] = _milliseconds(log.number(f"requested_{expected}_expected_latency_ns"))
    if scenario == "MultiStream":
        values["samples_per_query"] = log.integer("requested_multi_stream_samples_per_query")
    if scenario == "Offline":
        values["target_qps"] = log.number("requested_offline_expected_qps")
    if scenario == "Server":
        values["target_qps"] = log.number("requested_server_target_qps")
        values["target_latency"] = _milliseconds(log.number("requested_server_target_latency_ns"))
    lines = [f"*.{scenario}.{key} = {_plain(value)}\n" for key, value in values.items() if value is not None]
    return "".join([_NOTE, *lines])


def _milliseconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6


def _plain(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
