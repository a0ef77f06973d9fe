"""What TFLite's benchmark_model prints, read.

Of LRT tflite/tools/benchmark/ (benchmark_model.cc, benchmark_tflite_model.cc). Releases differ: `p5`,
`median` and `p95` came late, the memory line was once called "Peak memory footprint", and lines may have `INFO: ` before them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"([0-9]{1,18}(?:\.[0-9]{0,18})?(?:e[+-]?[0-9]{1,2})?)(?![0-9.e])"
_TIMES = re.compile(r"\bcount=[0-9]{1,12} (?:first|curr)=.*$", re.MULTILINE)
_SECTION = re.compile(r"Running benchmark for at least \d+ iterations")
_PAIR = re.compile(rf"\b(\w+)={_NUMBER}")
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}.*Inference \(avg\): {_NUMBER}"
)
_MEMORY = re.compile(rf"(?:Memory footprint delta|Peak memory footprint)[^:]*: init={_NUMBER} overall={_NUMBER}")
_APPLIED = re.compile(
    r"Explicitly applied (.+?) delegate, and the model graph will be "
    r"(?:(completely) executed|partially executed by the delegate w/ ([0-9]{1,9}))"
)
_ROUNDED = 1e-4
_MB = 1 << 20
"""The tool divides by 1024 twice, whatever it calls that."""


class NotTheTool(ValueError):  # noqa: N818 - it says what it is not
    """The text has not what benchmark_model prints at the end of a run."""


@dataclass(frozen=True, slots=True)
class ToolTimes:
    """Runs, as the tool tells of them, in ns (it tells whole microseconds, or six digits). None: this release does not tell."""

    runs: int
    mean: float
    min: float
    max: float
    std: float
    """The population's."""
    median: float | None
    p5: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Applied:
    """A delegate that took a part of the model."""

    delegate: str
    """By the tool's own name: `XNNPACK`, `GPU`, `NNAPI`, `EXTERNAL`."""
    completely: bool
    kernels: int | None
    """The pieces that it runs; None where it runs all."""


@dataclass(frozen=True, slots=True)
class ToolFound:
    """What one run of the tool found."""

    init_ns: float
    """Loading, delegates and allocation."""
    first_ns: float
    warm_up: ToolTimes | None
    latency: ToolTimes
    """Of the runs that count: not LoadGen's."""
    applied: tuple[Applied, ...]
    """None at all where the runtime's default was left to do what it does."""
    memory_init_bytes: int | None
    memory_overall_bytes: int | None
    """How far the tool's high-water mark rose; None where it does not tell."""

    def took(self, delegate: str) -> bool:
        """Whether this delegate runs anything of the model."""
        return any(each.delegate.casefold() == delegate.casefold() for each in self.applied)


def read_output(text: str) -> ToolFound:
    """What the tool found.

    Raises:
        NotTheTool: It did not come to its end.
    """
    summary = _SUMMARY.search(text)
    sections = _SECTION.split(text)[1:]
    if summary is None or not sections:
        raise NotTheTool("no 'Inference timings in us' after runs")
    times = [_times(section) for section in sections]
    latency = times[-1]
    if latency is None:
        raise NotTheTool("no count of the runs that count")
    memory = _MEMORY.search(text)
    return ToolFound(
        float(summary[1]) * 1e3,
        float(summary[2]) * 1e3,
        times[0] if len(times) > 1 else None,
        latency,
        tuple(
            Applied(name, bool(completely), int(kernels) if kernels else None)
            for name, completely, kernels in _APPLIED.findall(text)
        ),
        *((round(float(part) * _MB) for part in memory.groups()) if memory else (None, None)),
    )


def _times(section: str) -> ToolTimes | None:
    line = _TIMES.search(section)
    if line is None:
        return None
    found = {name: float(value) for name, value in _PAIR.findall(line[0])}
    runs = int(found["count"])
    # Of one run it prints no more than that.
    only = found.get("curr", 0.0) if runs == 1 else None

    def ns(name: str, other: float | None = None) -> float:
        value = found.get(name, other)
        if value is None:
            raise NotTheTool(f"{line[0][:200]!r} has no {name}")
        return value * 1e3

    low, mean, high = ns("min", only), ns("avg", only), ns("max", only)
    # It prints six digits of each.
    if runs < 1 or not low <= mean * (1 + _ROUNDED) or not mean <= high * (1 + _ROUNDED):
        raise NotTheTool(f"{line[0][:200]!r} is no count of runs with its mean between the quickest and the slowest")
    late = {name: found[name] * 1e3 if name in found else None for name in ("median", "p5", "p95")}
    return ToolTimes(runs, mean, low, high, ns("std", None if only is None else 0.0), **late)
