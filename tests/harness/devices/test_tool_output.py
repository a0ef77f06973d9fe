"""benchmark_model's output, of several releases."""

from __future__ import annotations

import math
import re
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.devices.tool_output import Applied, NotTheTool, ToolTimes, read_output

OLD = """\
STARTING!
Going to apply 1 delegates one after another.
GPU acceleration is unsupported on this platform.
Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ 22 delegate kernels.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 180 seconds.
count=6 first=140706 curr=74599 min=74599 max=140706 avg=85791.2 std=24559

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 180 seconds.
count=50 first=74456 curr=74516 min=73909 max=75323 avg=74481.6 std=268

Inference timings in us: Init: 18738, First inference: 140706, Warmup (avg): 85791.2, Inference (avg): 74481.6
Peak memory footprint (MB): init=6.5 overall=64.5
"""
ONE_RUN = """\
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=1 curr=2732148 p5=2732148 median=2732148 p95=2732148
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=2 first=2653894 curr=2709263 min=2640862 max=3025403 avg=2.71985e+06 std=105101 p5=2640862 median=2709263 p95=302540
INFO: Inference timings in us: Init: 458883, First inference: 2732148, Warmup (avg): 2.73215e+06, Inference (avg): 2.71985e+06
"""


def test_an_old_release_without_percentiles_is_read_and_nothing_is_made_up() -> None:
    found = read_output(OLD)
    assert found.latency == ToolTimes(50, 74_481_600, 73_909_000, 75_323_000, 268_000, None, None, None)
    assert (found.init_ns, found.first_ns) == (18_738_000, 140_706_000)
    assert (found.memory_init_bytes, found.memory_overall_bytes) == (6_815_744, 67_633_152)
    assert found.applied == (Applied("XNNPACK", completely=False, kernels=22),)
    assert not found.took("GPU")


def test_times_of_six_digits_and_a_warm_up_of_one_run_are_read() -> None:
    found = read_output(ONE_RUN)
    assert found.warm_up is not None
    assert (found.warm_up.runs, found.warm_up.mean, found.warm_up.std) == (1, 2_732_148_000, 0)
    assert found.latency.mean == pytest.approx(2.71985e9)
    assert (found.latency.median, found.memory_init_bytes) == (2_709_263_000, None)


@pytest.mark.parametrize(
    "cut", [OLD[: OLD.index("Inference timings")], OLD[OLD.index("Inference timings") :], "", "count=1 first=1"]
)
def test_output_that_is_cut_gives_no_figures(cut: str) -> None:
    with pytest.raises(NotTheTool):
        read_output(cut)


@settings(max_examples=60)
@given(
    st.sampled_from([OLD, ONE_RUN]),
    st.integers(0, len(OLD)),
    st.integers(0, 12),
    st.sampled_from(["", "...", "1.2.3", "1e999", "9" * 5000, "nan", "-", "\u0663", "\n", "=", "count="]),
)
def test_whatever_another_release_prints_is_read_as_finite_figures_or_as_none(
    text: str, at: int, cut: int, put: str
) -> None:
    try:
        found = read_output(text[:at] + put + text[at + cut :])
    except NotTheTool:
        return
    figures = [found.init_ns, found.first_ns, *(each for each in asdict(found.latency).values() if each is not None)]
    assert all(math.isfinite(each) for each in figures)


@pytest.mark.parametrize(
    ("name", "value"), [("avg", "1"), ("avg", "9e9"), ("min", "9e9"), ("max", "1"), ("count", "0")]
)
def test_figures_that_contradict_each_other_are_none(name: str, value: str) -> None:
    text, changed = re.subn(rf"{name}=[0-9.e+]+", f"{name}={value}", OLD)
    assert changed
    with pytest.raises(NotTheTool, match="no count of runs"):
        read_output(text)


@pytest.mark.parametrize("number", ["1.2.3", "...", "1e999", "9" * 5000])
def test_a_figure_that_is_none_is_not_half_read(number: str) -> None:
    with pytest.raises(NotTheTool):
        read_output(OLD.replace("avg=74481.6", f"avg={number}"))
