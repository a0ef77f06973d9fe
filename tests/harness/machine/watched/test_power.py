"""What a machine draws, told by a kernel that is laid out here."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.machine.state import Energy
from harness.machine.watched.power import PowerMeter, joules


def lay_out(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n", encoding="ascii")


def test_rapl_counts_the_joules_of_the_time_in_between(tmp_path: Path) -> None:
    zone = "sys/class/powercap/intel-rapl:0"
    lay_out(
        tmp_path,
        {f"{zone}/name": "package-0", f"{zone}/energy_uj": "1000000", f"{zone}/max_energy_range_uj": "9000000"},
    )
    with PowerMeter(tmp_path) as meter:
        lay_out(tmp_path, {f"{zone}/energy_uj": "3000000"})
    found = meter.power()
    assert found.source == "RAPL, the CPU's packages"
    assert found.watts is not None
    assert found.watts > 0


def test_a_battery_that_is_emptied_tells_by_its_gauge(tmp_path: Path) -> None:
    battery = "sys/class/power_supply/BAT0"
    lay_out(
        tmp_path, {f"{battery}/type": "Battery", f"{battery}/status": "Discharging", f"{battery}/power_now": "6500000"}
    )
    with PowerMeter(tmp_path) as meter:
        pass
    assert meter.power().watts == pytest.approx(6.5)
    lay_out(tmp_path, {f"{battery}/status": "Charging"})
    with PowerMeter(tmp_path) as charging:
        pass
    assert charging.power().watts is None


def test_a_machine_that_tells_nothing_says_why(tmp_path: Path) -> None:
    with PowerMeter(tmp_path) as meter:
        pass
    assert meter.power().watts is None
    assert "no RAPL counter that can be read" in meter.power().source


def test_a_counter_that_begins_anew_is_carried_over() -> None:
    before, after = [Energy("package-0", 900, 1000)], [Energy("package-0", 100, 1000)]
    assert joules(before, after) == pytest.approx(200e-6)
    assert joules([Energy("package-0", 900, None)], [Energy("package-0", 100, None)]) is None
    assert joules(before, []) is None
