"""The default settings, and what `tune` finds, against the best of an exhaustive grid.

    .venv/bin/python -m benchmarks grid

For each of the tasks' models, float and int8, and keyword spotting: every sharing of the cores with every engine and kind of
workers, in SingleStream and Offline, there also in batches. All are open at once and asked in turn for a fifth of a second
(`benchmarks.contest`). After some turns those far behind leave; the best of the rest is then held against the default in
turns of its own, since the best of many is partly the luckiest.

Targets: the default within 5 % of the best, `tune`'s choice (60 s, int8) within 2 %.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.contest import Contest
from benchmarks.rows import Row, ratio
from benchmarks.side_by_side import Subject, subjects, zoo
from harness.config.files import find_benchmark, load_benchmark
from harness.machine.placement import most_instances
from harness.machine.topology import this_machine
from harness.messages.probe import Calibrated
from harness.tuning.session import TuningSearch
from harness.zoo.files.official import cache_dir

_SCENARIOS = ("SingleStream", "Offline")
_ENGINES = ("Interpreter", "CompiledModel")
_FIRST, _SECOND, _LAST = 7, 11, 25
"""Turns of all, of those that are not far behind, and of the best against the default."""
_FAR = 0.8
_BATCH = 8
_BUDGET_S = 60.0
_DEFAULT, _TUNED = "default", "tune's choice"
_TASKS = ("mobilenet_edgetpu", "ssd_mobilenet_v2", "deeplabv3", "mobilebert")

Fields = Mapping[str, Any]


def measure() -> list[Row]:
    """One row a model and scenario for the default, and one for `tune` where it is asked."""
    rows: list[Row] = []
    for subject, scenario in itertools.product(_subjects(), _SCENARIOS):
        rows += compare(subject, scenario, tune="float" not in subject.name)
    return rows


def _subjects() -> list[Subject]:
    found = [one for one in subjects() if one.task == "kws"]
    twin = zoo() / "models/mlperf_tiny/kws_ref_model_float32.tflite"
    if found and twin.is_file():
        found.append(dataclasses.replace(found[0], name=f"{found[0].name} float", model=str(twin)))
    for task in _TASKS:
        models = load_benchmark(find_benchmark(task)).models
        # Official files are taken where they are in the cache.
        found += [Subject(name, task, name) for name, entry in models.items() if entry.standin]
    return found


def compare(subject: Subject, scenario: str, *, tune: bool) -> list[Row]:
    """Goes through the grid of one model in one scenario.

    Args:
        subject: The model.
        scenario: SingleStream or Offline.
        tune: Whether `tune`'s choice is held against the best as well.
    """
    with Contest(subject, scenario) as contest:
        names = [_DEFAULT] if contest.open(_DEFAULT, {}) else []
        names += [name for name, fields in _grid(subject, scenario) if contest.open(name, fields)]
        if names[:1] != [_DEFAULT]:
            raise SystemExit(f"{subject.name}, {scenario}: the default cannot run")
        best = _best(contest, names)
        rows = [_row(contest, f"{subject.name}, {scenario}: default : best of {len(names) - 1}", _DEFAULT, best, 0.95)]
        if tune:
            found = TuningSearch(
                contest.config, contest.overrides, cache_dir(), budget_s=_BUDGET_S, fp16=False, say=lambda _: None
            ).search()
            contest.open(_TUNED, found.chosen)
            what = f"{subject.name}, {scenario}: tune's : best of {len(names) - 1}"
            rows.append(_row(contest, what, _TUNED, best, 0.98))
        return rows


def _best(contest: Contest, names: Sequence[str]) -> str:
    """The quickest of the grid, by what it makes of the default's speed in the same turn; those far behind leave early."""
    grid = [name for name in names if name != _DEFAULT]
    first = _speeds(contest, grid, _FIRST)
    limit = _FAR * max(statistics.median(speeds) for speeds in first.values())
    near = [name for name in grid if statistics.median(first[name]) >= limit]
    for name in set(grid) - set(near):
        contest.close(name)
    second = _speeds(contest, near, _SECOND) if len(near) > 1 else {near[0]: []}
    best = max(near, key=lambda name: statistics.median(first[name] + second[name]))
    for name in near:
        if name != best:
            contest.close(name)
    return best


def _speeds(contest: Contest, grid: Sequence[str], turns: int) -> dict[str, list[float]]:
    rates = contest.rounds([_DEFAULT, *grid], turns)
    return {name: [rate / base for rate, base in zip(rates[name], rates[_DEFAULT], strict=True)] for name in grid}


def _row(contest: Contest, what: str, name: str, best: str, target: float) -> Row:
    rates = contest.rounds([name, best], _LAST)
    row = ratio(what, zip(rates[name], rates[best], strict=True), target, at_least=True)
    return dataclasses.replace(row, beside=f"{_chosen(contest.calibrated[name])} : {best}; samples/s {row.beside}")


def _chosen(found: Calibrated) -> str:
    batch = f", batches of {found.batch}" if found.batch > 1 else ""
    return f"{found.instances} x {found.threads} {found.workers}, {found.engine}{batch}"


def _grid(subject: Subject, scenario: str) -> Iterator[tuple[str, Fields]]:
    for shape, engine in itertools.product(_shapes(subject, scenario), _ENGINES):
        name = f"{shape.get('backend.instances', 1)} x {shape['backend.threads']} "
        name += f"{shape.get('backend.workers', 'inline')}, {engine}"
        name += f", batches of {_BATCH}" if shape.get("backend.batch", 1) > 1 else ""
        yield name, {**shape, "backend.options": {"engine": engine}}


def _shapes(subject: Subject, scenario: str) -> Iterator[Fields]:
    """Every way to share the cores."""
    cores = this_machine().counts
    counts = [threads for threads in range(1, cores[0] + 1) if threads in (1, 2, 3, cores[0]) or threads % 4 == 0]
    if scenario == "SingleStream":
        yield from ({"backend.threads": threads} for threads in counts)
        return
    # MobileBERT's gigabytes, once more for each process or batch, are nothing that anyone would choose.
    large = subject.task == "mobilebert"
    kinds, batches = (("threads",), (1,)) if large else (("threads", "processes"), (1, _BATCH))
    for workers, threads, batch in itertools.product(kinds, counts, batches):
        yield {
            "backend.threads": threads,
            "backend.instances": most_instances(cores, threads),
            "backend.workers": workers,
            "backend.batch": batch,
        }
