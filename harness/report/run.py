"""A result as a person reads it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.config.workers import THREADS, WORKERS
from harness.report.accuracy import accuracy_rows
from harness.units import duration, seconds

_MODEL = {
    "standin": "a stand-in: its speed is the architecture's, its accuracy is not the official model's",
    "official": "the official file, recognised by its checksum",
    "file": "a file of yours",
}


_UNVERIFIED = "an official file's name, unverified: no checksum is published, this is the file that came first"


_DATA = {"builtin": "built in", "official": "official", "file": "yours"}


def render(result: Mapping[str, Any]) -> str:
    """The short table of one run."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _rows(result):
        table.add_row(name, value)
    screen = io.StringIO()
    console = Console(file=screen, width=118, highlight=False, force_terminal=False, markup=False)
    console.print(table)
    lines = [_verdict(result)]
    lines += [f"  {line}" for why in result["reasons"] for line in reason_lines("because", why)]
    lines += [f"  warning: {warning}" for warning in result["warnings"]]
    # Results of earlier versions say nothing of the machine.
    lines += [f"  {line}" for why in result.get("unstable", ()) for line in reason_lines("unstable", why)]
    rows = [line.rstrip() for line in screen.getvalue().splitlines()]
    return "\n".join([*rows, *lines])


def reason_lines(word: str, reason: Mapping[str, str]) -> list[str]:
    """What, with its figure, and what to do."""
    figure = f" ({reason['figure']})" if reason["figure"] else ""
    return [f"{word}: {reason['what']}{figure}", *([f"fix: {reason['fix']}"] if reason["fix"] else [])]


def _rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    model, data, backend = result["model"], result["dataset"], result["backend"]
    unverified = ", unverified" if data.get("checksum") == "unverified" else ""
    rows = [
        ("benchmark", f"{result['title']}, {result['scenario']}, {_mode(result)}"),
        ("model", f"{model['name']} ({_model_source(model)})"),
        ("data", f"{data['name']} ({_DATA[data['source']]}{unverified}), {data['count']:,} samples{_profile(result)}"),
        ("backend", _backend(backend)),
    ]
    if model["modified"]:
        rows.append(("changed", model["modified"]))
    if result.get("parity"):
        rows.append(("parity", _parity(result["parity"])))
    if result["performance"]:
        rows += _performance(result)
    if result["accuracy"]:
        rows += accuracy_rows(result["accuracy"], result.get("accuracy_card"))
    if result["memory"]["peak_rss_bytes"]:
        rows.append(("peak memory", _memory(result["memory"])))
    if result["performance"]:
        rows += _energy((result.get("machine") or {}).get("during") or {})
    return rows


def _memory(memory: Mapping[str, Any]) -> str:
    """Results of earlier versions hold the peak alone."""
    peak = f"{memory['peak_rss_bytes'] / 1e6:.0f} MB"
    if memory.get("running_pss_bytes") is None:
        return peak
    names = {"tensors": "tensors", "model": "model file", "samples": "samples", "weight_cache": "weight cache"}
    names |= {"loadgen": "LoadGen", "rest": "Python and libraries"}
    sizes = {text: memory["parts"][f"{name}_bytes"] / 1e6 for name, text in names.items()}
    parts = ", ".join(f"{text} {size:.0f}" for text, size in sizes.items() if size >= 0.5)
    return f"{peak}; while queries ran {memory['running_pss_bytes'] / 1e6:.0f} MB: {parts}"


def _energy(during: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the machine counts it, which few do."""
    if during.get("energy_j") is None:
        return []
    each = during["energy_j_per_sample"] * 1e3
    return [("energy", f"{during['energy_j']:,.1f} J, {each:.3g} mJ a sample (the whole CPU's, idle included)")]


def _model_source(model: Mapping[str, Any]) -> str:
    return _UNVERIFIED if model.get("checksum") == "unverified" else _MODEL[model["source"]]


def _mode(result: Mapping[str, Any]) -> str:
    """The preset says how long a performance run lasts; an accuracy run lasts as long as its samples."""
    return str(result["mode"]) if result["mode"] == "accuracy" else f"{result['mode']} ({result['preset']})"


def _profile(result: Mapping[str, Any]) -> str:
    profile = result["options"].get("profile")
    return f", prepared by the profile {profile}" if profile else ""


def _performance(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    figures = result["performance"]
    latency = figures["latency_ns"]
    percentile = figures["target_percentile"] * 100
    if result["scenario"] == "Offline":
        rows = [("throughput", f"{figures['samples_per_second']:,.2f} samples/s")]
    else:
        rows = [(name, duration(latency[name])) for name in ("p50", "p90", "p99")]
    if result["scenario"] in ("SingleStream", "MultiStream"):
        early = figures["early_stopping_latency_ns"]
        rows.append((f"early stopping p{percentile:g}", duration(early) if early else "too few queries"))
    if result["scenario"] == "Server":
        bound = result["loadgen"]["server_target_latency_ns"]
        measured = ", 10 times the measured time of one answer" if _bound_is_measured(result) else ""
        rows.append((f"bound on p{percentile:g}", duration(bound) + measured))
        rows.append(("asked", f"{result['loadgen']['server_target_qps']:,.2f} queries/s"))
        rows.append(("completed", f"{figures['samples_per_second']:,.2f} queries/s"))
        if "server" in figures:
            rows.append(("of it, by our clock", _split(figures["server"])))
    rows.append(("queries", _queries(figures)))
    rows.append(("duration", seconds(figures["duration_s"])))
    return rows


def _split(server: Mapping[str, Any]) -> str:
    """LoadGen's log has the sum alone, so this is the harness's own measurement."""
    parts = []
    for name in ("waiting", "working"):
        times = server[f"{name}_ns"]
        parts.append(f"{name} p50 {duration(times['p50'])}, p99 {duration(times['p99'])}")
    return "; ".join(parts)


def _queries(figures: Mapping[str, Any]) -> str:
    count, each = figures["query_count"], figures["sample_count"] // figures["query_count"]
    return f"{count:,}" + (f" of {each:,} samples" if each > 1 else "")


def _bound_is_measured(result: Mapping[str, Any]) -> bool:
    return bool(result["calibration"]["server_bound_from"] == "measured")


def _backend(backend: Mapping[str, Any]) -> str:
    # Results of earlier versions do not say who answers.
    workers = WORKERS.get(str(backend.get("workers")), THREADS)
    shape = " ".join(filter(None, (str(backend["instances"]), workers.label, "x", str(backend["threads"]), "thread")))
    shape += "s" if backend["threads"] > 1 else ""
    shape += f", batches of {backend['batch']}" if backend.get("batch", 1) > 1 else ""
    if backend["engine"] == "none":
        return f"{backend['name']}: the model is NOT run, every answer is zeros ({shape})"
    cover = "" if backend.get("native", True) else ", timed path in Python"
    if backend["delegate"]:
        cover += f", {backend['delegate']} runs {backend['delegated_nodes']} of {backend['nodes']} nodes"
    return f"{backend['name']} ({backend['engine']}, {shape}{cover})"


def _parity(parity: Mapping[str, Any]) -> str:
    if parity["passed"] is None:
        return "not held against the CPU: it cannot run this model"
    figures = parity["outputs"]
    agree = [figure["agreement"] for figure in figures if figure["agreement"] is not None]
    steps = [figure["max_steps"] for figure in figures if figure.get("max_steps") is not None]
    parts = [
        f"agrees with one CPU thread on {parity['samples']} samples" if parity["passed"] else "DISAGREES with the CPU"
    ]
    if agree:
        parts.append(f"{min(agree):.2%} of the decisions")
    if steps:
        parts.append(f"within {max(steps):g} quantisation steps")
    return ", ".join(parts)


def _verdict(result: Mapping[str, Any]) -> str:
    if result["mode"] == "accuracy" and result["status"] == "valid":
        missed = [name for name, found in result["accuracy"].items() if found["passed"] is False]
        return f"TARGET MISSED: {', '.join(missed)}" if missed else "the accuracy run is complete"
    return str(result["status"]).upper()
