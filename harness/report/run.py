"""A result as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.config.workers import THREADS, WORKERS
from harness.messages.server_times import ServerTimes
from harness.model.comparison import Comparison
from harness.report.accuracy import accuracy_rows
from harness.report.requirements import missed_names, requirement_rows
from harness.report.table import table_lines
from harness.results.figures import MachineDuring, Memory, Performance
from harness.results.record import Compliance, Reason, Result
from harness.results.subject import BackendFacts, ModelFacts
from harness.units import duration, number, rate_text, seconds

_MODEL = {
    "standin": "a stand-in: its speed is the architecture's, its accuracy is not the official model's",
    "official": "the official file, recognised by its checksum",
    "file": "a file of yours",
}


_UNVERIFIED = "an official file's name, unverified: no checksum is published, this is the file that came first"


_LEAST_SHOWN_BYTES = 500_000
"""What takes less than half a megabyte is not worth a word."""


_NODES_SHOWN = 8


_DATA = {"builtin": "built in", "official": "official", "file": "yours"}


def render_run(result: Result, more: Sequence[tuple[str, str]] = ()) -> str:
    """The short table of one run.

    Args:
        result: The run.
        more: Rows of what its directory holds beside the result.
    """
    lines = [verdict_text(result)]
    lines += [f"  {line}" for why in result.reasons for line in reason_lines("because", why)]
    lines += [f"  warning: {warning}" for warning in result.warnings]
    lines += [f"  {line}" for why in result.unstable for line in reason_lines("unstable", why)]
    return "\n".join([*table_lines([*run_rows(result), *more]), *lines])


def reason_lines(word: str, reason: Reason) -> list[str]:
    """What, with its figure, and what to do."""
    figure = f" ({reason.figure})" if reason.figure else ""
    return [f"{word}: {reason.what}{figure}", *([f"fix: {reason.fix}"] if reason.fix else [])]


def run_rows(result: Result) -> list[tuple[str, str]]:
    """The table's rows: name and text."""
    model, data = result.model, result.dataset
    unverified = ", unverified" if data.checksum == "unverified" else ""
    count = "all" if data.count is None else f"{data.count:,}"
    rows = [
        ("benchmark", f"{result.title}, {result.scenario}, {_mode(result)}"),
        ("model", f"{model.name} ({_model_source(model)})"),
        ("data", f"{data.name} ({_DATA[data.source]}{unverified}), {count} samples{_profile(result)}"),
        *([("fed", str(fed))] if (fed := data.described.get("fed")) else []),
        ("backend", _backend(result.backend)),
        *_target(result),
        *_cluster(result),
        *_engine(result),
        *_rules(result),
    ]
    if model.modified:
        rows.append(("changed", model.modified))
    if result.reference:
        rows.append(("reference", f"{result.reference.model} on {result.reference.backend}, one thread"))
    rows += _invocation(model)
    if result.parity:
        rows.append(("parity", _parity(result.parity.comparison)))
    if result.performance:
        rows += _performance(result, result.performance)
    if result.accuracy:
        rows += accuracy_rows(result.accuracy, result.accuracy_card)
    rows += requirement_rows(result.requirements)
    if result.compliance:
        rows.append(("compliance", _compliance(result.compliance)))
    if result.memory.peak_rss_bytes:
        rows.append(("peak memory", _memory(result.memory.peak_rss_bytes, result.memory)))
    if result.performance and result.machine:
        rows += _energy(result.machine.during)
    return rows


def _target(result: Result) -> list[tuple[str, str]]:
    """Where it ran, if that was not where the command was given."""
    if result.target is None:
        return []
    system = result.system
    what = (system.board, system.soc and f"SoC {system.soc}", system.cpu, system.machine, f"{system.usable_cpus} CPUs")
    return [("device", f"{result.target.name}: {', '.join(filter(None, (system.host, *what)))}")]


def _cluster(result: Result) -> list[tuple[str, str]]:
    """The nodes that answered, each with its share, the largest first."""
    cluster = result.cluster
    if cluster is None:
        return []
    nodes = sorted(cluster.nodes, key=lambda node: -node.samples)
    shares = [f"{node.facts.host} {node.facts.address} {100 * node.share:.1f} %" for node in nodes[:_NODES_SHOWN]]
    more = [f"{len(nodes) - _NODES_SHOWN} more"] if len(nodes) > _NODES_SHOWN else []
    count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    again = [f"{cluster.sent_again:,} samples sent again"] if cluster.sent_again else []
    where = cluster.address or "of the run's own, on this machine"
    listed = "; ".join([f"Ray {cluster.ray} {where}", f"{count}: {', '.join([*shares, *more])}", *again])
    return [("cluster", listed), ("network", f"{cluster.trust.partition(':')[0]}; {cluster.network.partition(',')[0]}")]


def _engine(result: Result) -> list[tuple[str, str]]:
    """What an accuracy run says of the engine that it did not choose by speed."""
    engines = result.calibration.engines if result.calibration else None
    return [("engine", f"{engines.chosen}, {engines.why}")] if engines and result.mode == "accuracy" else []


def _rules(result: Result) -> list[tuple[str, str]]:
    """Older results do not tell."""
    if result.rules is None:
        return []
    return [("rules", "; ".join((result.rules, *result.rules_notes)))]


def _compliance(compliance: Compliance) -> str:
    verdict = {True: "passed", False: "FAILED", None: "not judged yet"}[compliance.passed]
    return f"{compliance.test} {verdict}; needed by {compliance.needed}"


def _memory(peak_bytes: int, memory: Memory) -> str:
    peak = f"{number(peak_bytes / 1e6, 0)} MB"
    if memory.running_pss_bytes is None:
        return peak
    parts = memory.parts
    sizes = {
        "tensors": parts.tensors_bytes,
        "model file": parts.model_bytes,
        "samples": parts.samples_bytes,
        "weight cache": parts.weight_cache_bytes,
        "LoadGen": parts.loadgen_bytes,
        "Python and libraries": parts.rest_bytes,
    }
    text = ", ".join(
        f"{name} {number(size / 1e6, 0)}" for name, size in sizes.items() if size and size >= _LEAST_SHOWN_BYTES
    )
    return f"{peak}; while queries ran {number(memory.running_pss_bytes / 1e6, 0)} MB: {text}"


def _energy(during: MachineDuring) -> list[tuple[str, str]]:
    """Where the machine counts it, which few do."""
    if during.energy_j is None or during.energy_j_per_sample is None:
        return []
    each = during.energy_j_per_sample * 1e3
    return [("energy", f"{number(during.energy_j, 1)} J, {each:.3g} mJ a sample (the whole CPU's, idle included)")]


def _model_source(model: ModelFacts) -> str:
    return _UNVERIFIED if model.checksum == "unverified" else _MODEL[model.source]


def _invocation(model: ModelFacts) -> list[tuple[str, str]]:
    """What the file left open, and what the model keeps from one query to the next; older results do not tell."""
    rows = []
    if model.open_sizes and model.input_shapes:
        shapes = (f"{name} {list(shape)}" for name, shape in model.input_shapes.items())
        rows.append(("inputs", f"{', '.join(shapes)}: the file leaves sizes open"))
    if model.state == "reset" and model.reset_ns is not None:
        took = duration(model.reset_ns)
        said = f"put back before every query ({took}; outside a stream's latency, a part of all else)"
        rows.append(("state", f"the model keeps {model.keeps}: {said}"))
    if model.state == "keep":
        rows.append(("state", f"the model keeps {model.keeps}: it lives on from query to query (model.state: keep)"))
    return rows


def _mode(result: Result) -> str:
    """The preset says how long a performance run lasts; an accuracy run lasts as long as its samples."""
    return result.mode if result.mode == "accuracy" else f"{result.mode} ({result.preset})"


def _profile(result: Result) -> str:
    profile = result.options.get("profile")
    return f", prepared by the profile {profile}" if profile else ""


def _performance(result: Result, figures: Performance) -> list[tuple[str, str]]:
    latency = figures.latency_ns
    percentile = figures.target_percentile * 100
    if result.scenario == "Offline":
        rows = [("throughput", f"{rate_text(figures.samples_per_second)} samples/s")]
    else:
        named = {"p50": latency.p50, "p90": latency.p90, "p99": latency.p99}
        rows = [(name, duration(value)) for name, value in named.items()]
    if result.scenario in ("SingleStream", "MultiStream"):
        early = figures.early_stopping_latency_ns
        rows.append((f"early stopping p{percentile:g}", duration(early) if early else "too few queries"))
    if figures.duty_cycle is not None:
        rows.append(
            ("duty cycle", f"{100 * figures.duty_cycle:.3g} %, the mean latency in the time from sample to sample")
        )
    if result.scenario == "Server" and result.loadgen:
        measured = ", 10 times the measured time of one answer" if _bound_is_measured(result) else ""
        rows.append((f"bound on p{percentile:g}", duration(result.loadgen.server_target_latency_ns) + measured))
        rows.append(("asked", f"{rate_text(result.loadgen.server_target_qps)} queries/s"))
        rows.append(("completed", f"{rate_text(figures.samples_per_second)} queries/s"))
        if figures.server:
            rows.append(("of it, by our clock", _split(figures.server)))
    rows.append(("queries", _queries(figures)))
    rows.append(("duration", seconds(figures.duration_s)))
    return rows


def _split(server: ServerTimes) -> str:
    """LoadGen's log has the sum alone, so this is the harness's own measurement."""
    named = {"waiting": server.waiting_ns, "working": server.working_ns}
    return "; ".join(f"{name} p50 {duration(times.p50)}, p99 {duration(times.p99)}" for name, times in named.items())


def _queries(figures: Performance) -> str:
    count, each = figures.query_count, figures.sample_count // max(1, figures.query_count)
    return f"{count:,}" + (f" of {each:,} samples" if each > 1 else "")


def _bound_is_measured(result: Result) -> bool:
    return result.calibration is not None and result.calibration.server_bound_from == "measured"


def _backend(backend: BackendFacts) -> str:
    opened, answering = backend.opened, backend.answering
    if opened is None or answering is None:
        return backend.name
    # Results of version 1 may not say who answers.
    known = WORKERS.get(answering.workers or THREADS.name)
    workers = str(answering.workers)
    if known:
        workers = known.label_of_one if answering.instances == 1 else known.label
    shape = " ".join(filter(None, (str(answering.instances), workers, "x", str(answering.threads), "thread")))
    shape += "s" if answering.threads > 1 else ""
    shape += f", batches of {answering.batch}" if answering.batch > 1 else ""
    if opened.engine == "none":
        return f"{backend.name}: the model is NOT run, every answer is zeros ({shape})"
    cover = ", timed path in Python" if answering.native is False else ""
    if opened.delegate:
        cover += f", {opened.delegate} runs {opened.delegated_nodes} of {opened.nodes} nodes"
    return f"{backend.name} ({opened.engine}, {shape}{cover})"


def _parity(parity: Comparison) -> str:
    if parity.passed is None:
        return "not held against the CPU: it cannot run this model"
    agree = [figure.agreement for figure in parity.outputs if figure.agreement is not None]
    steps = [figure.max_steps for figure in parity.outputs if figure.max_steps is not None]
    parts = [f"agrees with one CPU thread on {parity.samples} samples" if parity.passed else "DISAGREES with the CPU"]
    if agree:
        parts.append(f"{min(agree):.2%} of the decisions")
    if steps:
        parts.append(f"within {max(steps):g} quantisation steps")
    return ", ".join(parts)


def verdict_text(result: Result) -> str:
    """VALID, INVALID and what is missed, in a line."""
    lost = missed_names(result.requirements)
    if result.mode == "accuracy" and result.status == "valid":
        names = [name for name, found in (result.accuracy or {}).items() if found.passed is False]
        if names := list(dict.fromkeys([*names, *lost])):
            return f"TARGET MISSED: {', '.join(names)}"
        return "the accuracy run is complete"
    return result.status.upper() + (f", but MISSED: {', '.join(lost)}" if lost else "")
