"""Rules on a tiny results.txt: the score, the windows it is made of, and what went wrong meanwhile."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from harness.config.official.rule_sets import FALSE_ALARMS, MISSES, BenchmarkRules, ThroughputWindows
from harness.submission.finding import Fault, Rule

_ACCURACY = {
    "top1": ("Top 1% = 91.3", re.compile(r".* Top[- ]1%?\s?[:=] ([\d.]+).*")),
    "auc": ("AUC = 0.862", re.compile(r".* AUC\s?[:=] ([\d.]+).*")),
}
_MEDIAN = {
    "performance": (
        "Median throughput is     23.032 inf./sec.",
        re.compile(r".* Median throughput is\s+([\d.]+) inf\./sec\..*"),
    ),
    "energy": ("Median energy cost is 1430.6681 uJ/inf.", re.compile(r".*Median energy cost is ([\d.]+) uJ/inf")),
}
_DETECTIONS = re.compile(r"(\d+) True positives, (\d+) False negatives, (\d+) False positives")
_ERROR = re.compile(r"\bERROR\b.*")
_RUNTIME = re.compile(r"Runtime\s*:?=?\s*([\d.]+)\s*(?:sec|s\b)")
_NO_RUNTIME = re.compile(r"Runtime\s*:\s*(?![\d.])(\S+)")
_RATE = re.compile(r"Throughput\s*(?:is|:|=)\s*([\d.]+) inf")
_CLOSE = 0.01
"""Windows and median are printed, each rounded; a claim is told by far more."""
_AGAIN = "run the benchmark again with the runner, and put its own files here"


@dataclass(frozen=True, slots=True)
class TinyRun:
    """One results.txt."""

    file: str
    text: str
    kind: str
    """accuracy, performance or energy."""
    official: BenchmarkRules
    division: str
    windows: ThroughputWindows | None
    eembc: bool
    """Of EEMBC's runner, whose windows are told in another way."""

    def fault(self, what: str, figure: str = "", fix: str = _AGAIN) -> Fault:
        """Of the file."""
        return Fault(self.file, what, fix, figure)

    @property
    def detects(self) -> bool:
        """Sww counts hits and false alarms in place of an accuracy."""
        return self.official.detects


def errors(run: TinyRun) -> Iterator[Fault]:
    """What the runner says went wrong."""
    if found := _ERROR.findall(run.text):
        yield run.fault("holds errors of the runner's", f"{len(found)}: {found[0][:120]}")


def accuracy(run: TinyRun) -> Iterator[Fault]:
    """A score, and in closed the target."""
    if run.kind != "accuracy" or run.detects:
        return
    target = run.official.targets[0]
    example, pattern = _ACCURACY[target.metric]
    values = [_number(match[1]) for line in run.text.splitlines() if (match := pattern.match(line))]
    if not values or math.isnan(values[-1]):
        yield run.fault("claims no accuracy", f"needed a line as: ... {example}")
        return
    value, least = values[-1], target.value if target.metric == "auc" else 100 * target.value
    if run.division == "closed" and value < least:
        yield run.fault("misses the closed division's target", f"{value:g}, at least {least:g}")


def median(run: TinyRun) -> Iterator[Fault]:
    """The figure that counts, which is that of its windows."""
    if run.kind not in _MEDIAN or run.detects:
        return
    example, pattern = _MEDIAN[run.kind]
    told = [match[1] for line in run.text.splitlines() if (match := pattern.match(line))]
    if not told:
        yield run.fault("has no median", f"needed a line as: ... {example}")
        return
    rates = [_number(one) for one in _RATE.findall(run.text)]
    if run.kind != "performance" or run.windows is None or len(rates) != run.windows.count:
        return
    of_windows = statistics.median(rates)
    if not math.isclose(_number(told[-1]), of_windows, rel_tol=_CLOSE):
        yield run.fault("claims another median than its windows have", f"{told[-1]}, the windows {of_windows:.6g}")


def _number(text: str) -> float:
    """NaN, which agrees with nothing, for what has two points."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def windows(run: TinyRun) -> Iterator[Fault]:
    """Of so many measurements, each so long."""
    if run.kind != "performance" or run.windows is None or run.detects:
        return
    count = len(_RATE.findall(run.text))
    if count != run.windows.count and not (run.eembc and not count):
        yield run.fault("is made of another number of windows", f"{count}, needed {run.windows.count}")
    if untold := _NO_RUNTIME.findall(run.text):
        yield run.fault("has a window whose duration is no number", untold[0][:80])
    short = [_number(one) for one in _RUNTIME.findall(run.text) if _number(one) < run.windows.least_duration_s]
    if short:
        figure = f"{min(short):g} s, at least {run.windows.least_duration_s:g} s"
        yield run.fault("has a window that is too short", figure)


def detections(run: TinyRun) -> Iterator[Fault]:
    """sww: all of its 50 words count, as hits or misses."""
    if not run.detects or run.kind == "accuracy":
        return
    found = _DETECTIONS.search(run.text)
    if found is None:
        example = "Accuracy: 44 True positives, 6 False negatives, 4 False positives"
        yield run.fault("claims no accuracy", f"needed a line as: {example}")
        return
    hits, misses, alarms = (int(one) for one in found.groups())
    words = run.official.dataset_size.value
    if words is not None and hits + misses != words:
        yield run.fault("counts another number of words", f"{hits} + {misses} = {hits + misses}, needed {words}")
    most_misses, most_alarms = (
        next(target.value for target in run.official.targets if target.metric == name)
        for name in (MISSES, FALSE_ALARMS)
    )
    if run.division == "closed" and (misses > most_misses or alarms > most_alarms):
        most = f"at most {most_misses:g} and {most_alarms:g}"
        figure = f"{misses} false negatives and {alarms} false positives, {most}"
        yield run.fault("misses the closed division's target", figure)


TINY_RULES = (
    Rule("tiny-error", "TI runner; the official checker does not look", errors),
    Rule("tiny-accuracy", "TI submission_checker.py", accuracy),
    Rule("tiny-median", "TI submission_checker.py", median),
    Rule("tiny-windows", "TI MLPerfTiny_Rules.adoc; the official checker does not count", windows),
    Rule("tiny-detections", "TI MLPerfTiny_Rules.adoc; the official checker does not add up", detections),
)
