"""LoadGen's files: their names, its figures, its verdict."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accuracy.outside.border import reads
from accuracy.outside.plain_files import open_plain
from harness.errors import RunFailed
from harness.messages.server_times import ServerTimes
from harness.results.figures import Latency, Performance
from harness.results.record import Reason
from harness.results.subject import LoadGenSettings
from harness.spec.schema import Load
from harness.units import seconds

DETAIL_LOG = "mlperf_log_detail.txt"
_CLOCK_S = 2.0
"""How far two clocks may be apart: stamps are to the millisecond, and the machine is busy."""


ACCURACY_LOG = "mlperf_log_accuracy.json"


@reads(RunFailed)
def read_detail(folder: Path, *, accuracy: bool) -> dict[str, Any]:
    """The entries of mlperf_log_detail.txt by key, the last of a key winning.

    `:errors` lists LoadGen's errors.

    Raises:
        RunFailed: The log is missing or cut: LoadGen did not come to its end.
    """
    path = folder / DETAIL_LOG
    entries: dict[str, Any] = {}
    errors: list[str] = []
    try:
        with open_plain(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", errors="replace") as file:
            for line in file:
                if not line.startswith(":::MLLOG "):
                    continue
                entry = json.loads(line[len(":::MLLOG ") :])
                entries[entry["key"]] = entry["value"]
                if entry["metadata"].get("is_error"):
                    errors.append(str(entry["value"]))
    except OSError as error:
        raise RunFailed(f"{path} cannot be read: {error.strerror}. {_space(folder)}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFailed(f"{path} is cut or corrupt ({error}). {_space(folder)}") from None
    # LoadGen's last words; an accuracy run has no summary and ends sooner.
    if ("power_end" if accuracy else "num_errors") not in entries:
        raise RunFailed(f"{path} is cut: LoadGen did not come to its end. {_space(folder)}")
    return entries | {":errors": errors}


@reads(RunFailed, DETAIL_LOG)
def performance(detail: Mapping[str, Any], load: Load, server: ServerTimes | None = None) -> Performance:
    """LoadGen's own figures of a performance run; what is derived from them is marked so.

    Args:
        detail: See `read_detail`.
        load: What LoadGen was told.
        server: What Server's latency is made of, by another clock.
    """
    prefix = "per_query_latency_ns" if load.scenario == "MultiStream" else "latency_ns"
    bounds = "query_latency_ns" if load.scenario == "MultiStream" else "latency_ns"
    latency = {name: detail[f"result_{key}_percentile_{prefix}"] for name, key in _PERCENTILES.items()}
    latency |= {name: detail[f"result_{name}_{bounds}"] for name in ("mean", "min", "max")}
    query_count = detail["result_query_count"]
    sample_count = query_count * detail["generated_samples_per_query"]
    match load.scenario:
        case "Offline":
            per_second, duration_s = _rate(detail["result_samples_per_second"], sample_count)
        case "Server":
            per_second, duration_s = _rate(detail["result_completed_samples_per_sec"], sample_count)
        case "SingleStream":
            # By LoadGen's reckoning the time from the first query to the last: of a single one it says 0.
            overhead = "without" if query_count == 1 else "with"
            per_second, duration_s = _rate(detail[f"result_qps_{overhead}_loadgen_overhead"], sample_count)
        case _:
            # LoadGen gives no rate for MultiStream, only when it began and ended, to the millisecond.
            stamped_s = _clock_s(detail["power_end"]) - _clock_s(detail["power_begin"])
            duration_s = 0.001 if stamped_s == 0 else stamped_s
            per_second = sample_count / duration_s
    derived = [] if load.scenario in ("Offline", "Server") else ["samples_per_second"]
    early = {"SingleStream": "early_stopping_latency_ss", "MultiStream": "early_stopping_latency_ms"}
    if not (duration_s > 0 and per_second > 0 and min(latency.values()) >= 0):
        raise RunFailed(
            f"LoadGen's figures are none: it gives a duration of {duration_s:.3f} s, {per_second:.4g} samples per second and "
            f"latencies from {min(latency.values())} ns. Was the system's clock set while it measured? Run again"
        )
    return Performance(
        latency_ns=Latency(**latency),
        samples_per_second=per_second,
        queries_per_second=per_second * query_count / sample_count,
        query_count=query_count,
        sample_count=sample_count,
        duration_s=duration_s,
        # LoadGen writes 0 where it processed too few queries for an estimate.
        early_stopping_latency_ns=detail.get(early.get(load.scenario, ""), 0) or None,
        target_percentile=load.target_percentile,
        scheduled_samples_per_second=detail.get("result_scheduled_samples_per_sec"),
        overlatency_query_count=detail.get("result_overlatency_query_count"),
        derived=(*derived, "queries_per_second"),
        server=server,
    )


@reads(RunFailed, DETAIL_LOG)
def invalid_reasons(detail: Mapping[str, Any], figures: Performance, in_force: LoadGenSettings) -> list[Reason]:
    """Why LoadGen says INVALID: each condition that it names, the figure with what it needs, and the option that mends it."""
    if detail["result_validity"] == "VALID":
        return []
    reasons = []
    if detail.get("result_min_duration_met") is False:
        reasons.append(_too_short(figures, in_force, detail.get("effective_max_duration_ms", 0)))
    if detail.get("result_min_queries_met") is False:
        reasons.append(
            Reason(
                "too few queries",
                f"{figures.query_count:,} of {in_force.min_query_count:,}",
                "let it run longer: raise or remove load.max_duration_ms",
            )
        )
    if detail.get("result_perf_constraints_met") is False:
        reasons.append(_too_late(figures, in_force))
    elif detail.get("early_stopping_met") is False:
        reasons.append(_too_few_to_prove(str(detail.get("early_stopping_result", "")), figures))
    if not reasons:
        reasons.append(Reason("LoadGen says INVALID", str(detail.get("result_invalid_reason", "")).strip(), ""))
    return reasons


def _too_short(figures: Performance, in_force: LoadGenSettings, most_ms: int) -> Reason:
    """LoadGen was told to end, or it made its queries beforehand, by what it was told to expect, and had asked them all."""
    least = in_force.min_duration_ms / 1000
    if 0 < most_ms / 1000 <= figures.duration_s and in_force.scenario != "Offline":
        return Reason(
            "the minimum duration was not met: load.max_duration_ms ended the run",
            f"{seconds(figures.duration_s)} of {seconds(least)}",
            "raise or remove load.max_duration_ms",
        )
    if in_force.scenario in ("Offline", "Server"):
        option = f"--set load.target_qps={math.ceil(1.2 * figures.samples_per_second)}"
    else:
        option = f"--set load.expected_latency_ns={max(1, int(figures.latency_ns.mean / 2))}"
    return Reason(
        "the minimum duration was not met: LoadGen ran out of queries",
        f"{seconds(figures.duration_s)} of {seconds(least)}",
        f"the model is quicker than the calibration saw: run again on a quiet machine, give --retry, or say so with {option}",
    )


def _too_late(figures: Performance, in_force: LoadGenSettings) -> Reason:
    bound_ns, share = in_force.server_target_latency_ns, figures.target_percentile
    late, allowed = figures.overlatency_query_count or 0, int((1 - share) * figures.query_count)
    slow_ms = (figures.latency_ns.at(share) or figures.latency_ns.p99) / 1e6
    return Reason(
        f"too many queries took longer than the Server bound of {bound_ns / 1e6:g} ms",
        f"{late:,} of {figures.query_count:,} queries, {allowed:,} may; p{share * 100:g} {slow_ms:.3f} ms",
        f"ask for less with --set load.target_qps={0.8 * in_force.server_target_qps:.4g} (--retry does, where you have not set "
        f"it), or allow more with --set load.server_target_latency_ms={slow_ms * 1.1:.4g}",
    )


def _too_few_to_prove(said: str, figures: Performance) -> Reason:
    """Early stopping: LoadGen says how many queries it would need."""
    text = " ".join(said.replace("*", "").split())
    needed = re.search(r"at least (\d+)( more)?", text)
    count = 2 * figures.query_count
    if needed:
        count = int(needed[1]) + (figures.query_count if needed[2] else 0)
    return Reason(
        "too few queries for early stopping to prove the tail",
        text or f"{figures.query_count:,} queries",
        f"let it run longer: --set load.min_query_count={count}, or leave out --preset",
    )


CLOCK_WAS_SET = "the clock was set while the run lasted"


@reads(RunFailed, DETAIL_LOG)
def clock_was_set(detail: Mapping[str, Any], scenario: str, duration_s: float, span_s: float) -> list[Reason]:
    """Where LoadGen's stamps, which are of the wall clock, do not fit what a clock that only goes on says.

    Args:
        detail: See `read_detail`.
        scenario: LoadGen's. It gives no duration of MultiStream but these stamps; all others' are of its steady clock.
        duration_s: Of the run, by its figures.
        span_s: From before LoadGen's first query to after its last log, by a steady clock.
    """
    stamped_s = _clock_s(detail["power_end"]) - _clock_s(detail["power_begin"])
    least_s = 0.0 if scenario == "MultiStream" else duration_s
    if max(0.0, least_s - _CLOCK_S) <= stamped_s <= span_s + _CLOCK_S:
        return []
    return [
        Reason(
            CLOCK_WAS_SET,
            f"LoadGen's stamps are {stamped_s:.1f} s apart, a steady clock says {span_s:.1f} s",
            "let the clock be (timedatectl set-ntp false), and run again: reviewers read the stamps",
        )
    ]


def wrong_seeds(detail: Mapping[str, Any], load: Load) -> list[Reason]:
    """Seeds that LoadGen says it used and the rules do not name; none where the rules name none."""
    if load.seeds is None:
        return []
    found = {name: detail.get(f"effective_{name}") for name in load.seeds._fields}
    wrong = [f"{name} {found[name]}, not {seed}" for name, seed in load.seeds._asdict().items() if found[name] != seed]
    if not wrong:
        return []
    return [
        Reason(
            f"LoadGen's seeds are not those of {load.rules}",
            "; ".join(wrong),
            "run again: a log of other seeds is refused by the submission checkers",
        )
    ]


def _rate(per_second: float, count: int) -> tuple[float, float]:
    """LoadGen's own rate, and the duration in seconds it stands for."""
    return per_second, count / per_second if per_second else math.inf


def _clock_s(stamp: str) -> float:
    return datetime.strptime(stamp, "%m-%d-%Y %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


def _space(folder: Path) -> str:
    with contextlib.suppress(OSError):
        system = os.statvfs(folder)
        return f"{system.f_bavail * system.f_frsize:,} bytes are free there."
    return ""


_PERCENTILES = {"p50": "50.00", "p90": "90.00", "p95": "95.00", "p99": "99.00", "p99_9": "99.90"}
