"""What is read of a machine: files laid out as kernels write them, below a folder that stands for /."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.json_records import to_json
from harness.machine.state import (
    CpuTime,
    cpu_seconds,
    cpuinfo_mhz,
    load_average,
    process_seconds,
    read_state,
    stall_seconds,
    swapped_pages,
)

TICKS = os.sysconf("SC_CLK_TCK")
STAT = """\
cpu  1000 10 200 5000 50 5 15 60 100 1
cpu0 400 4 100 2500 25 2 8 30 50 1
cpu1 600 6 100 2500 25 3 7 30 50 0
cpu10 1 1 1 1 1 1 1 1 0 0
intr 1 2 3
"""
LAPTOP = {
    "proc/loadavg": "0.52 0.58 0.59 2/467 12345\n",
    "proc/stat": STAT,
    "proc/7/stat": f"7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 {3 * TICKS} {2 * TICKS} 900 900 20 0 1 0 55 1 1\n",
    "proc/8/stat": f"8 (python) R 7 8 8 0 -1 4194560 1 0 0 0 {TICKS} 0 0 0 20 0 1 0 55 1 1\n",
    "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=7\n",
    "proc/vmstat": "nr_free_pages 10\npswpin 30\npswpout 12\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2600000\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "1800500\n",
    "sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq": "4000000\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "10\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4\n",
    "sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count": "1000\n",
    "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone0/temp": "71000\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "active\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "50000\n",
    "sys/class/thermal/thermal_zone0/trip_point_1_type": "passive\n",
    "sys/class/thermal/thermal_zone0/trip_point_1_temp": "-274000\n",
    "sys/class/thermal/thermal_zone0/trip_point_2_type": "critical\n",
    "sys/class/thermal/thermal_zone0/trip_point_2_temp": "105000\n",
    "sys/class/thermal/thermal_zone1/type": "asleep\n",
    "sys/class/hwmon/hwmon0/name": "k10temp\n",
    "sys/class/hwmon/hwmon0/temp1_input": "65250\n",
    "sys/class/hwmon/hwmon0/temp1_label": "Tctl\n",
    "sys/class/hwmon/hwmon1/name": "nvme\n",
    "sys/class/hwmon/hwmon1/temp1_input": "99000\n",
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/AC/online": "0\n",
    "sys/class/power_supply/BAT0/type": "Battery\n",
    "sys/class/power_supply/BAT0/status": "Discharging\n",
    "sys/class/power_supply/BAT0/capacity": "63\n",
    "sys/class/power_supply/mouse/type": "Battery\n",
    "sys/class/power_supply/mouse/scope": "Device\n",
    "sys/class/power_supply/mouse/status": "Discharging\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "123456789\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
    "sys/class/powercap/intel-rapl:0:0/name": "core\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "111\n",
    "sys/class/powercap/intel-rapl:1/name": "psys\n",
    "sys/class/powercap/intel-rapl:1/energy_uj": "222\n",
}


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_laptops_state_is_read_of_the_cpus_and_processes_asked_for(tmp_path: Path) -> None:
    state = read_state({1, 0}, [7, 8], lay_out(tmp_path, LAPTOP))
    assert to_json(state) == {
        "at_s": state.at_s,
        "load_average": [0.52, 0.58, 0.59],
        "cpu_mhz": [2600.0, 1800.5],
        "temperatures": [
            {"name": "x86_pkg_temp", "celsius": 71.0, "limit_celsius": 105.0},
            {"name": "k10temp Tctl", "celsius": 65.25, "limit_celsius": None},
        ],
        "throttle_count": 17,
        "cpu_s": {"busy": 1230 / TICKS, "steal": 60 / TICKS, "total": 6340 / TICKS},
        "own_cpu_s": 6.0,
        "memory_stall_s": 1.5,
        "swapped_pages": 42,
        "on_battery": True,
        "batteries": [{"status": "Discharging", "percent": 63}],
        "energy": [{"name": "package-0", "microjoules": 123456789, "wraps_at": 262143328850}],
    }


def test_what_cannot_be_read_is_null(tmp_path: Path) -> None:
    state = read_state({0}, [7], tmp_path)
    assert {name for name, value in to_json(state).items() if value is not None} == {"at_s"}


def test_a_process_that_is_gone_leaves_the_own_time_unknown(tmp_path: Path) -> None:
    root = lay_out(tmp_path, LAPTOP)
    assert read_state({0}, [7, 9], root).own_cpu_s is None
    assert read_state({0}, [], root).own_cpu_s is None


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({"AC": {"type": "Mains\n", "online": "1\n"}}, False),
        ({"AC": {"type": "Mains\n", "online": "0\n"}}, None),
        ({"BAT1": {"type": "Battery\n", "status": "Not charging\n"}}, False),
        ({"BAT1": {"type": "Battery\n"}}, None),
    ],
)
def test_a_machine_is_on_battery_where_its_own_battery_is_drained(
    supplies: dict[str, dict[str, str]], expected: bool | None, tmp_path: Path
) -> None:
    files = {f"sys/class/power_supply/{one}/{name}": text for one, of in supplies.items() for name, text in of.items()}
    assert read_state({0}, [], lay_out(tmp_path, files)).on_battery is expected


def test_where_no_driver_tells_frequencies_cpuinfo_does(tmp_path: Path) -> None:
    text = "processor\t: 0\ncpu MHz\t\t: 2596.098\n\nprocessor\t: 1\ncpu MHz\t\t: 1200.5\n"
    assert read_state({1}, [], lay_out(tmp_path, {"proc/cpuinfo": text})).cpu_mhz == (1200.5,)
    assert cpuinfo_mhz("processor\t: 0\nBogoMIPS\t: 48.00\n", {0}) is None


def test_this_machine_is_read_and_what_this_process_did_is_its_own() -> None:
    began_s = sum(os.times()[:2])
    state = read_state(os.sched_getaffinity(0), [os.getpid()])
    ended_s = sum(os.times()[:2])
    assert state.cpu_s is not None
    assert state.own_cpu_s is not None
    assert 0 < state.own_cpu_s <= state.cpu_s.total
    # Of user and system a tick is missing at most.
    assert began_s - 2 / TICKS <= state.own_cpu_s <= ended_s + 2 / TICKS


WORDS = st.one_of(
    st.sampled_from(
        ["cpu0", "cpu0 1 2 3 4 5 6 7 8 9", "some", "total=", "total=12", "pswpin", "pswpout", ":", ")", "nan"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=8),
)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(WORDS, st.sampled_from(["\n", " ", "\t: "]))).map(lambda pieces: "".join(map("".join, pieces)))
)
def test_whatever_a_file_holds_is_a_figure_or_nothing(text: str) -> None:
    found = [
        load_average(text),
        cpuinfo_mhz(text, {0}),
        (time := cpu_seconds(text, {0}, 100)) and to_json(time),
        process_seconds(text, 100),
        stall_seconds(text),
        swapped_pages(text),
    ]
    # JSON has no word for what is no number.
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 1 << 50), min_size=10, max_size=10))
def test_a_cpus_time_is_its_counts_without_those_of_guests_which_are_in_them_already(counts: list[int]) -> None:
    found = cpu_seconds(f"cpu  9 9\ncpu3 {' '.join(map(str, counts))}\n", {3}, 1)
    total = sum(counts[:8])
    busy = total - counts[3] - counts[4] - counts[7]
    assert found == (CpuTime(busy, counts[7], total) if total else None)
