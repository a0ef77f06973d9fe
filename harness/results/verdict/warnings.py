"""Settings that a run did not heed, or that make its figures mean little: warnings for its result."""

from __future__ import annotations

from harness.config.official.rules import STREAMS
from harness.machine.placement import Placement
from harness.results.figures import Performance
from harness.spec.schema import DataSetRef, Load, ModelRef, Spec
from harness.units import seconds

_SHORT_S = 1.0
_FEW = 100
"""Queries, or samples of Offline: below it the 99th percentile is the slowest one."""


def ignored_settings(spec: Spec) -> list[str]:
    """What was asked of a run and has no effect in its scenario or mode; of LoadGen's own settings, in a performance run."""
    load, backend = spec.load, spec.backend
    streams, accuracy = load.scenario in STREAMS, load.mode == "accuracy"
    by_cluster = spec.dispatch.on_cluster and load.scenario == "MultiStream"
    # A submission's accuracy run is made with what its performance runs heed.
    alone = load.too_few_samples != "refuse"
    unheeded = {
        f"backend.workers={backend.workers} has no effect in {load.scenario}: LoadGen's own thread answers": (
            streams and backend.workers != "auto"
        ),
        f"backend.instances={backend.instances} has no effect in {load.scenario}: one answers": (
            streams and not by_cluster and backend.instances not in ("auto", 1)
        ),
        f"load.preset={load.preset} has no effect in an accuracy run: it asks every sample once (--count asks fewer)": (
            accuracy and alone and load.preset != "rules"
        ),
        "load.query_times=false has no effect in an accuracy run: it keeps none": (
            accuracy and alone and not load.query_times
        ),
        "backend.allow_mismatch has no effect on the plain CPU backend: there is nothing to hold it against": (
            backend.allow_mismatch and backend.is_plain_cpu
        ),
        "allow_short has no effect: nothing is required of the figures (--require)": spec.allow_short
        and not spec.require,
    }
    found = [said for said, applies in unheeded.items() if applies]
    if load.mode != "performance":
        return found
    ignored = {
        "load.target_qps": (load.target_qps, streams, "only Server and Offline heed it"),
        "load.expected_latency_ns": (
            load.expected_latency_ns,
            not streams,
            "only SingleStream and MultiStream heed it",
        ),
        "load.max_duration_ms": (
            load.max_duration_ms,
            load.scenario == "Offline",
            "LoadGen asks one query, of all samples",
        ),
    }
    return found + [
        f"{field}={value} has no effect in {load.scenario}: {why}"
        for field, (value, unheeded, why) in ignored.items()
        if unheeded and value is not None
    ]


def reference_says_little(spec: Spec) -> list[str]:
    """Of a reference that is not asked, or that is the very same as what it is held against."""
    reference = spec.reference
    if reference is None:
        return []
    if spec.load.mode != "accuracy":
        return [
            "the reference model or backend is asked in accuracy runs alone (--mode accuracy): this one has no accuracy"
        ]
    same = reference.model.sha256 == spec.model.sha256 and reference.model.invocation == spec.model.invocation
    if same and (reference.backend.name, reference.backend.options) == (spec.backend.name, spec.backend.options):
        return [
            "the reference is the same model on the same backend: the two differ in threads at most, so the figures are "
            "no test of either"
        ]
    return []


def beside_the_rules(load: Load) -> list[str]:
    """Settings of a performance run with which it is none of its rule set's."""
    if load.mode != "performance":
        return []
    found = []
    cap_ns, expected_ns = load.expected_latency_cap_ns, load.expected_latency_ns
    is_inference = (
        load.rules.startswith("inference-") and load.by_the_rules is not None and load.by_the_rules.any_scenario
    )
    official_ms = load.by_the_rules.min_duration_ms if load.by_the_rules and is_inference else None
    if official_ms is not None and load.min_duration_ms < official_ms:
        found.append(
            f"a run of {seconds(load.min_duration_ms / 1000)} is no run of {load.rules}, whose runs last at least "
            f"{seconds(official_ms / 1000)}: use --preset rules, and leave load.min_duration_ms alone"
        )
    if cap_ns is not None and expected_ns is not None and expected_ns > cap_ns:
        found.append(
            f"load.expected_latency_ns={expected_ns} is above the {cap_ns:,} ns that {load.rules} allows: it may be "
            "lowered, never raised"
        )
    return found


def doubtful_data(model: ModelRef, dataset: DataSetRef, mode: str) -> list[str]:
    """A score of a model on data that it does not know, and official data that is not known to be so."""
    doubts = [f"{dataset.name} is unverified: {dataset.why_unverified}"] if dataset.why_unverified else []
    if mode != "accuracy":
        return doubts
    if model.source == "standin" and dataset.source != "builtin":
        doubts.append(
            f"the stand-in knows only the built-in data set (--dataset builtin): its score on {dataset.name} means nothing"
        )
    if model.source == "official" and dataset.source == "builtin":
        doubts.append(
            f"the built-in data set is not what {model.name} was made for: its score means nothing. Name data with "
            "--dataset"
        )
    if model.source == "file" and dataset.source == "builtin":
        doubts.append(
            f"the built-in data set is of our own making: unless {model.name} was made for it, its score means nothing. "
            "Name data with --dataset"
        )
    return doubts


def too_many_threads(threads: int, instances: int, cpus: int) -> list[str]:
    """Threads of all instances together, where they are more than the CPUs that this process may use."""
    if threads * instances <= cpus:
        return []
    each = f"{instances} x {threads} threads"
    return [f"{each} share {cpus} usable CPUs and wait for each other: fewer --threads or --instances are quicker"]


def not_placed(wanted: str, placement: Placement) -> list[str]:
    """Cores that were asked for and not had.

    Args:
        wanted: `backend.placement` of the config.
        placement: What the worker says of it.
    """
    if wanted != "cores" or placement.instances:
        return []
    return [f"backend.placement=cores was asked for and nothing is pinned: {placement.why}"]


def asked_in_all(scenario: str, figures: Performance) -> int:
    """How many queries a run asked; in Offline, whose one query is the whole run, samples."""
    return figures.sample_count if scenario == "Offline" else figures.query_count


def too_short(scenario: str, duration_s: float, asked: int) -> list[str]:
    """What the figures of a run are worth that was over before they settled, or asked too little for a percentile.

    Args:
        scenario: LoadGen's.
        duration_s: Of the run.
        asked: See `asked_in_all`.
    """
    if duration_s >= _SHORT_S and asked >= _FEW:
        return []
    what = "samples" if scenario == "Offline" else "queries"
    found = f"the run took {seconds(duration_s)} and asked {asked:,} {what}"
    worth = "its throughput" if scenario == "Offline" else "its percentiles"
    return [
        f"{found}, too short for {worth} to mean much: VALID or not, it shows that the model runs, not how fast. Use --preset "
        "rules, or ask for more with --set load.min_query_count=... and load.min_duration_ms=..."
    ]
