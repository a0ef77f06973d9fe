"""Why a run's figures may not be the same the next time: what happened to the machine meanwhile, or would.

`doctor` and every run judge by the same functions. None of this changes what LoadGen says of a run.
"""

from __future__ import annotations

from harness.machine.facts import System
from harness.machine.state import MachineState
from harness.machine.watched.power import joules
from harness.messages.calibration import WarmUp
from harness.results.figures import MachineDuring
from harness.results.record import Reason

_BUSY = 0.2
"""Load per CPU from which other work is felt in the figures."""
_FREE_MEMORY_BYTES = 1 << 30
_SHORTEST_S = 1.0
"""The kernel counts CPU time in hundredths of a second: shares of less say nothing."""
_OTHERS, _STEAL, _SLOWER, _STALL, _DRIFT = 0.05, 0.01, 0.10, 0.01, 0.05
_NEAR_CELSIUS, _HOT_CELSIUS = 5, 90
"""So near to the sensor's limit, or where it has none from so much on, a machine is about to slow down."""


def between(before: MachineState, after: MachineState) -> MachineDuring:
    """What happened from one state to the other."""
    duration_s = after.at_s - before.at_s
    others, steal = _shares(before, after) if duration_s >= _SHORTEST_S else (None, None)
    fastest = [max(state.cpu_mhz or [0.0]) for state in (before, after)]
    stall_s = _difference(before.memory_stall_s, after.memory_stall_s)
    throttled = _difference(before.throttle_count, after.throttle_count)
    swapped = _difference(before.swapped_pages, after.swapped_pages)
    return MachineDuring(
        duration_s=duration_s,
        others_cpu_share=others,
        steal_share=steal,
        frequency_change=fastest[1] / fastest[0] - 1 if all(fastest) else None,
        throttled=None if throttled is None else int(throttled),
        memory_stall_share=None if stall_s is None or duration_s <= 0 else stall_s / duration_s,
        swapped_pages=None if swapped is None else int(swapped),
        energy_j=joules(before.energy, after.energy),
    )


def reasons(before: MachineState, after: MachineState, span: MachineDuring) -> list[Reason]:
    """Why what was measured between two states may not hold.

    Args:
        before: The machine.
        after: The machine.
        span: What `between` says of the two.
    """
    found = []
    if (share := span.others_cpu_share) is not None and share > _OTHERS:
        found.append(
            Reason(
                "other work used the CPUs",
                f"{share:.1%} of their time",
                "stop it (top shows it), or bind the run to CPUs that nothing else uses (taskset -c 2,3 ./run.sh ...)",
            )
        )
    if (share := span.steal_share) is not None and share > _STEAL:
        found.append(
            Reason(
                "the hypervisor gave the CPUs to other machines",
                f"{share:.1%} of their time was stolen",
                "use a machine or an instance with CPUs of its own; --repeat 5 shows how much it matters",
            )
        )
    if (change := span.frequency_change) is not None and change < -_SLOWER:
        mhz = [max(state.cpu_mhz or [0.0]) for state in (before, after)]
        found.append(
            Reason(
                "the CPU's frequency dropped",
                f"{mhz[0]:.0f} to {mhz[1]:.0f} MHz",
                "let the machine cool down before a run, set the governor to performance, or switch its turbo off",
            )
        )
    if throttled := span.throttled:
        found.append(
            Reason(
                "the CPU was throttled for heat or power",
                f"{throttled:,} times",
                "let the machine cool down before a run, and see to its cooling",
            )
        )
    found += _hot(after)
    if (pages := span.swapped_pages) or (span.memory_stall_share or 0) > _STALL:
        stall = span.memory_stall_share
        figures = [f"{pages:,} pages swapped"] if pages else []
        figures += [f"something waited for it {stall:.1%} of the time"] if stall else []
        found.append(
            Reason(
                "memory was short",
                ", ".join(figures),
                "free some, or keep fewer samples in memory with --set load.performance_sample_count=...",
            )
        )
    return found + _on_battery(after)


def not_warm(warm_up: WarmUp | None) -> list[Reason]:
    """Of a model whose latency had not settled when LoadGen began: see `harness.worker.warm_up`."""
    if warm_up is None or warm_up.stable:
        return []
    last = [f"{ns / 1e6:.3g} ms" for ns in warm_up.windows_ns[-2:]]
    return [
        Reason(
            f"the latency was not stable within {warm_up.time_s:.1f} s of warm-up",
            f"a sample took {' and then '.join(last)}",
            "measure on a quiet machine, or let it warm up longer: --set load.warm_up_s=10",
        )
    ]


def drifted(drift: float | None) -> list[Reason]:
    """Of a run whose second half was slower, or quicker, than its first: see `harness.statistics.drift`."""
    if drift is None or abs(drift) <= _DRIFT:
        return []
    return [
        Reason(
            "the latency drifted",
            f"{drift:+.1%} from the first half of the run to the second",
            "run again on a quiet, cool machine; --repeat 5 shows the spread",
        )
    ]


def prospects(machine: System, available_memory_bytes: int | None) -> list[Reason]:
    """What of a machine would show in the figures of a run.

    Args:
        machine: As it is.
        available_memory_bytes: Memory that can be had; None where the system does not say.
    """
    found = []
    governor, cpus, (load, *_) = machine.governor, machine.usable_cpus, machine.load_average or (0.0,)
    if governor not in (None, "performance"):
        found.append(
            Reason(
                f"the CPU's governor is {governor}", "", "set it to performance (cpupower frequency-set -g performance)"
            )
        )
    if load > _BUSY * cpus:
        found.append(
            Reason("other work is running", f"a load of {load:g} on {cpus} usable CPUs", "stop it before you measure")
        )
    if machine.cpus and cpus < machine.cpus:
        found.append(
            Reason(
                f"only {cpus} of {machine.cpus} CPUs may be used",
                "",
                "widen the affinity or the control group's quota, or compare with runs under the same one only",
            )
        )
    free = available_memory_bytes
    if free is not None and free < _FREE_MEMORY_BYTES:
        found.append(
            Reason(
                "little memory is free", f"only {free / 1e6:.0f} MB", "free some: large models will swap or be killed"
            )
        )
    return found


def _hot(state: MachineState) -> list[Reason]:
    hot = [
        f"{sensor.name} {sensor.celsius:.0f} °C" + (f", its limit {limit:.0f} °C" if limit else "")
        for sensor in state.temperatures or ()
        for limit in [sensor.limit_celsius]
        if sensor.celsius >= (limit - _NEAR_CELSIUS if limit else _HOT_CELSIUS)
    ]
    if not hot:
        return []
    return [Reason("the machine is hot", "; ".join(hot), "let it cool down before a run, and see to its cooling")]


def _on_battery(state: MachineState) -> list[Reason]:
    if not state.on_battery:
        return []
    charge = [f"{battery.percent} %" for battery in state.batteries or () if battery.percent is not None]
    return [Reason("the machine runs on battery", ", ".join(charge), "plug it in: many machines slow down without")]


def _shares(before: MachineState, after: MachineState) -> tuple[float | None, float | None]:
    """What others used of the CPUs, and what was stolen."""
    first, last = before.cpu_s, after.cpu_s
    if first is None or last is None or last.total <= first.total:
        return None, None
    total = last.total - first.total
    own = _difference(before.own_cpu_s, after.own_cpu_s)
    steal = max(0.0, last.steal - first.steal) / total
    # The two clocks differ by a tick or so.
    others = None if own is None else max(0.0, last.busy - first.busy - own) / total
    return others, steal


def _difference(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else last - first
