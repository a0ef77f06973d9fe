"""What is no chart: memory by parts, the machine and what it did, the delegate's share, settings and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.config.backend import BackendSection
from harness.config.registry import task_class
from harness.errors import HarnessError
from harness.html_report.charts import bar_chart
from harness.html_report.markup import Html, element, joined, section, table
from harness.machine.state import MachineState
from harness.results.record import Result
from harness.spec.schema import Spec
from harness.units import bytes_text, seconds

_PARTS = {
    "tensors_bytes": "tensors and packed weights",
    "model_bytes": "the model's file",
    "samples_bytes": "prepared samples",
    "weight_cache_bytes": "shared packed weights",
    "loadgen_bytes": "LoadGen",
    "rest_bytes": "Python and libraries",
}


def memory_section(result: Result) -> list[Html]:
    """Nothing where nothing is known."""
    memory = result.memory
    sizes = {name: getattr(memory.parts, key) for key, name in _PARTS.items()}
    rows = [(name, size / 1e6, bytes_text(size)) for name, size in sizes.items() if size]
    if not rows:
        return []
    rows.sort(key=lambda row: -row[1])
    peak = (
        f"At its highest {bytes_text(memory.peak_rss_bytes)}, the calibration included."
        if memory.peak_rss_bytes
        else ""
    )
    return [section("Memory", bar_chart("Memory by parts", f"While queries ran. {peak}".strip(), rows, "MB"))]


def delegate_section(result: Result) -> list[Html]:
    """How much of the model the delegate runs."""
    opened = result.backend.opened
    if opened is None or not opened.delegate or opened.nodes is None or opened.delegated_nodes is None:
        return []
    left = ", ".join(f"{times} {name}" for name, times in (opened.cpu_ops or {}).items())
    rows = [
        ("delegate", opened.delegate),
        ("nodes it runs", f"{opened.delegated_nodes:,} of {opened.nodes:,}"),
        ("pieces", "not known" if opened.partitions is None else f"{opened.partitions:,}"),
        ("left to the CPU's kernels", left or "nothing"),
    ]
    if (share := result.backend.answering and result.backend.answering.cpu_ops_time_share) is not None:
        rows.append(("time in those", f"{share:.1%}"))
    return [section("Delegate", table("What the delegate runs", rows))]


def machine_section(result: Result) -> Html:
    """What machine, and what it did while the run lasted."""
    system = result.system
    rows = [
        ("CPU", system.cpu or system.machine),
        ("CPUs", f"{system.usable_cpus} usable of {system.cpus if system.cpus is not None else 'an unknown number'}"),
        ("memory", bytes_text(system.memory_bytes) if system.memory_bytes else "not known"),
        ("governor", system.governor or "not known"),
        ("system", system.platform),
        ("versions", ", ".join(f"{name} {version}" for name, version in system.versions.items()) or "not known"),
    ]
    parts = [table("The machine", rows)]
    if result.machine is not None:
        parts.append(element("h4", "While the run lasted"))
        parts.append(
            table("What the machine did", _meanwhile(result), ("what", "before", "after"), numbers=frozenset({1, 2}))
        )
        parts.append(table("What happened meanwhile", _during(result)))
    return section("The machine", *parts)


def _meanwhile(result: Result) -> list[tuple[str, str, str]]:
    assert result.machine is not None
    both = (result.machine.before, result.machine.after)

    def row(name: str, of: Any) -> tuple[str, str, str]:
        first, last = (of(state) for state in both)
        return name, first, last

    return [
        row("load over a minute", lambda state: f"{state.load_average[0]:.2f}" if state.load_average else "not known"),
        row("fastest CPU", lambda state: f"{max(state.cpu_mhz):,.0f} MHz" if state.cpu_mhz else "not known"),
        row("hottest sensor", _hottest),
    ]


def _hottest(state: MachineState) -> str:
    return (
        f"{max(one.celsius for one in state.temperatures):.0f} \N{DEGREE SIGN}C" if state.temperatures else "no sensor"
    )


def _during(result: Result) -> list[tuple[str, str]]:
    assert result.machine is not None
    during = result.machine.during

    def share(value: float | None) -> str:
        return "not known" if value is None else f"{value:.1%}"

    rows = [
        ("other work on the CPUs", share(during.others_cpu_share)),
        ("taken by the hypervisor", share(during.steal_share)),
        ("change of the clock", share(during.frequency_change)),
        ("slowed for heat or power", "not known" if during.throttled is None else f"{during.throttled:,} times"),
        ("waited for memory", share(during.memory_stall_share)),
        ("pages swapped", "not known" if during.swapped_pages is None else f"{during.swapped_pages:,}"),
        (
            "second half against the first",
            "not known" if during.latency_drift is None else f"{during.latency_drift:+.1%} latency",
        ),
    ]
    if during.energy_j is not None:
        rows.append(("energy of the whole CPU", f"{during.energy_j:,.1f} J in {seconds(during.duration_s)}"))
    return rows


def settings_section(result: Result, spec: Spec | None) -> Html:
    """What the run was asked for beyond the defaults, then all settings in force."""
    parts = []
    if result.system.argv:
        parts.append(element("p", "Asked with ", element("code", " ".join(result.system.argv[1:]))))
    if spec is not None:
        differing = _differing(spec)
        listed = table("Settings that differ", differing, ("setting", "here", "default"))
        parts.append(listed if differing else element("p", "Nothing differs from the defaults."))
    force = result.loadgen
    if force is not None:
        rows = [(field.name, str(getattr(force, field.name))) for field in fields(force) if field.name != "others"]
        rows += [(name, str(value)) for name, value in force.others.items()]
        parts.append(_folded("LoadGen's settings in force", rows))
    if spec is not None:
        parts.append(_folded("The run as it was resolved (spec.yaml)", _flat(spec.model_dump(mode="json"))))
    return section("Settings", joined(parts))


def _folded(title: str, rows: list[tuple[str, str]]) -> Html:
    return element("details", element("summary", title), table(title, rows))


def _differing(spec: Spec) -> list[tuple[str, str, str]]:
    """Options of the task and the backend beside their defaults, and the load beside what the rules ask."""
    found = []
    default_backend = dict(_flat(BackendSection(name=spec.backend.name).model_dump(mode="json"), "backend"))
    for name, value in _flat(spec.backend.model_dump(mode="json"), "backend"):
        if value != (default := default_backend.get(name, "none")):
            found.append((name, value, default))
    try:
        # What an option is where nobody says anything; some a benchmark's own config sets.
        options = task_class(spec.task).Options()
    except (HarnessError, TypeError, ValueError):
        options = None
    for name, said in spec.options.items() if is_dataclass(options) else ():
        usual = getattr(options, name, None)
        if str(said) != str(usual):
            found.append((f"model/dataset.{name}", str(said), str(usual)))
    if spec.load.by_the_rules is not None:
        asked = spec.load.by_the_rules
        for name in ("min_query_count", "min_duration_ms", "performance_sample_count", "target_percentile"):
            here, rules = getattr(spec.load, name), getattr(asked, name)
            if here != rules:
                found.append((f"load.{name}", f"{here:,}", f"{rules:,} by {spec.load.rules}"))
    return found


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested settings as `a.b.c` and text."""
    if isinstance(value, Mapping) and value:
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    return [(name, "none" if value is None else str(value))]
