"""How much LoadGen will ask for: its settings from the spec and the plan, and whether that fits into memory."""

from __future__ import annotations

from harness.config.official.compliance_tests import audit_text
from harness.config.official.rules import STREAMS
from harness.errors import ConfigError
from harness.machine.facts import available_memory_bytes
from harness.serving import loadgen
from harness.spec.schema import Spec
from harness.worker.plan import Plan

_LOADGEN_BYTES = {"SingleStream": 330, "MultiStream": 740, "Server": 330, "Offline": 140}
"""Memory that LoadGen takes for a query, in Offline for a sample, as measured."""


def settings_for(spec: Spec, total: int, at_once: int, plan: Plan) -> loadgen.RunSettings:
    """Every figure that LoadGen takes, from the spec, the samples that are in memory at once and what the calibration found."""
    load = spec.load
    return loadgen.RunSettings(
        scenario=load.scenario,
        accuracy=load.mode == "accuracy",
        performance_sample_count=at_once,
        total_sample_count=total,
        min_query_count=load.min_query_count,
        min_duration_ms=load.min_duration_ms,
        max_duration_ms=load.max_duration_ms,
        target_percentile=load.target_percentile,
        samples_per_query=load.samples_per_query,
        expected_latency_ns=plan.expected_latency_ns,
        target_qps=plan.target_qps,
        server_target_latency_ns=plan.server_target_latency_ns,
        seeds=load.seeds,
        enable_trace=load.enable_trace,
        audit=audit_text(load.compliance, load.compliance_target) if load.compliance else None,
    )


def longest_pause_s(settings: loadgen.RunSettings, sample_ns: int) -> float:
    """How long no query may be counted, beyond what one sample may take, without anything being wrong.

    Server waits for queries that come at random: one pause of 20 times the mean comes in e^20 queries. MultiStream's queries
    are counted when the last of their samples is answered.

    Args:
        settings: LoadGen's.
        sample_ns: What a sample took in the calibration.
    """
    match settings.scenario:
        case "Server":
            return 20 / settings.target_qps if settings.target_qps else 0.0
        case "MultiStream":
            return settings.samples_per_query * sample_ns / 1e9
        case _:
            return 0.0


def expected_queries(settings: loadgen.RunSettings) -> int:
    """How many queries (Offline: samples) the progress bar counts up to."""
    if settings.accuracy:
        return settings.total_sample_count
    seconds = settings.min_duration_ms / 1000
    match settings.scenario:
        case "Server":
            return max(settings.min_query_count, int(seconds * settings.target_qps))
        case "Offline":
            return max(settings.min_query_count, int(1.1 * seconds * settings.target_qps))
        case _:
            return settings.min_query_count


def generated_queries(settings: loadgen.RunSettings) -> int:
    """How many queries (Offline: samples) LoadGen makes beforehand; a stream has no more than these."""
    queries = expected_queries(settings)
    if settings.accuracy or settings.scenario not in STREAMS:
        return queries
    return max(queries, 2 * settings.min_duration_ms * 1_000_000 // settings.expected_latency_ns)


def refuse_too_many_queries(settings: loadgen.RunSettings) -> None:
    """LoadGen generates its queries beforehand; millions of them can be more than there is memory."""
    if settings.accuracy:
        return
    queries = generated_queries(settings)
    needed, available = queries * loadgen_bytes(settings.scenario), available_memory_bytes()
    if available is not None and needed > available // 2:
        raise ConfigError(
            f"LoadGen would generate {queries:,} {'samples' if settings.scenario == 'Offline' else 'queries'} beforehand "
            f"and need {needed / 1e9:.1f} GB, more than half of the {available / 1e9:.1f} GB available. Use --preset quick, "
            "or ask for less: --set load.min_duration_ms=..., load.min_query_count=..."
        )


def loadgen_bytes(scenario: str) -> int:
    """Memory that LoadGen takes for each query (Offline: sample) that it generates."""
    return _LOADGEN_BYTES[scenario]
