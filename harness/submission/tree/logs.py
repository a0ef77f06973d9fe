"""LoadGen's logs in a tree: each figure asked for by its type, since a stranger may have written anything there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.submission.tree.documents import Broken, read_text_file

DETAIL = "mlperf_log_detail.txt"
SUMMARY = "mlperf_log_summary.txt"
ACCURACY = "mlperf_log_accuracy.json"
TRACE = "mlperf_log_trace.json"

SCORES = {
    "SingleStream": "early_stopping_latency_ss",
    "MultiStream": "early_stopping_latency_ms",
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
}
"""The key of the figure that counts, by scenario (SC constants.py RESULT_FIELD_NEW)."""
_MARK = ":::MLLOG"
_MOST_LOG = 64 << 20
_ONCE = ("effective_", "requested_", "result_", "early_stopping_", "sut_name", "qsl_", "num_")
"""Beginnings of the keys that a run has once."""


@dataclass(frozen=True, slots=True)
class DetailLog:
    """mlperf_log_detail.txt: the first value of each key, as the official checker takes it; of power_end the last."""

    entries: Mapping[str, object]
    errors: tuple[str, ...]
    """What LoadGen marked as errors."""
    twice: tuple[str, ...] = ()
    """Keys that LoadGen writes once a run and that have another value further down, as where two logs were joined."""

    def integer(self, key: str) -> int | None:
        """A whole number; None where there is none."""
        found = self.entries.get(key)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def number(self, key: str) -> float | None:
        """A number; None where there is none."""
        found = self.entries.get(key)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def text(self, key: str) -> str | None:
        """A text; None where there is none."""
        found = self.entries.get(key)
        return found if isinstance(found, str) else None

    def flag(self, key: str) -> bool | None:
        """True or false; None where it is neither."""
        found = self.entries.get(key)
        return found if isinstance(found, bool) else None

    @property
    def scenario(self) -> str | None:
        """That LoadGen ran."""
        return self.text("effective_scenario")

    @property
    def score(self) -> float | None:
        """The figure that counts, in ns or samples per second."""
        return self.number(SCORES.get(self.scenario or "", ""))

    def moment(self, key: str) -> datetime | None:
        """`power_begin` or `power_end`, to the millisecond."""
        try:
            return datetime.strptime(self.text(key) or "", "%m-%d-%Y %H:%M:%S.%f").replace(tzinfo=UTC)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class SummaryLog:
    """mlperf_log_summary.txt: what stands before and after the colons."""

    lines: Mapping[str, str]


def read_detail_log(path: Path) -> DetailLog | Broken:
    """Reads LoadGen's detail log; one that does not come to its end is broken."""
    text = read_text_file(path, _MOST_LOG, strict=True)
    if isinstance(text, Broken):
        return text
    if not text.strip():
        return Broken("is empty")
    entries: dict[str, object] = {}
    errors: list[str] = []
    twice: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith(_MARK):
            continue
        try:
            entry = json.loads(line[len(_MARK) :])
            key, value, is_error = entry["key"], entry["value"], entry["metadata"]["is_error"]
            if entries.setdefault(str(key), value) != value and str(key).startswith(_ONCE):
                twice[str(key)] = None
            # Each set of samples that is loaded has a beginning and an end.
            if key == "power_end":
                entries[key] = value
            if is_error:
                errors.append(str(value))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            return Broken(f"is cut or damaged: line {number} is none of LoadGen's ({type(error).__name__}: {error})")
    if not entries:
        return Broken("holds none of LoadGen's lines")
    if "power_end" not in entries and "num_errors" not in entries:
        return Broken("is cut: LoadGen's last lines are missing")
    return DetailLog(entries, tuple(errors), tuple(twice))


def read_summary_log(path: Path) -> SummaryLog | Broken:
    """Reads LoadGen's summary."""
    text = read_text_file(path)
    if isinstance(text, Broken):
        return text
    if not text.strip():
        return Broken("is empty")
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return SummaryLog({name.strip(" *\t"): value.strip() for name, _, value in pairs})
