"""The numbers of a result that can be asked for, by the names that they have in result.json.

`p90`, `samples_per_second`, `peak_rss_bytes`, `server.waiting_ns.p99`, or the whole path: `performance.latency_ns.p90`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.json_records import KEY
from harness.results.figures import MachineDuring, Memory, Peak, Performance
from harness.results.subject import OpenBackend
from harness.units import Unit
from tasks.base import MetricKind

_EVERY_MODE = frozenset({"performance", "accuracy", "find-peak"})
_TIMED = frozenset({"performance", "find-peak"})
SEARCHED = frozenset({"find-peak"})
_SUFFIXES: Mapping[str, Unit] = {
    "queries_per_second": "queries/s",
    "samples_per_second": "samples/s",
    "_qps": "queries/s",
    "_ns": "ns",
    "_s": "s",
    "_bytes": "bytes",
    "energy_j": "J",
    "energy_j_per_sample": "J",
    "_share": "share",
    "duty_cycle": "share",
    "_change": "share",
    "_drift": "share",
    "percentile": "share",
    "gap": "share",
    "tolerance": "share",
}
"""The end of a field's name -> what it counts in; any other field is a count, or has what the record around it has."""


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """A number of a result that can be asked for."""

    name: str
    unit: Unit
    modes: frozenset[str]
    """The modes that measure it."""
    path: tuple[str, ...] = ()
    """Its place in the records; empty for a metric."""


def metric_figure(name: str, kind: MetricKind | None = None) -> NamedFigure:
    """A metric as a figure.

    Args:
        name: Its own; of one output's figure with the output behind it.
        kind: What the task says of it; None leaves it to the name.
    """
    return NamedFigure(name, (kind or MetricKind.named(name)).unit, frozenset({"accuracy"}))


@functools.cache
def figures() -> Mapping[str, NamedFigure]:
    """Every number of a result by its name, and by its whole path in result.json; of two of one name, the first here."""
    found: dict[str, NamedFigure] = {}
    parts: list[tuple[tuple[str, ...], tuple[str, ...], type[Any], frozenset[str]]] = [
        (("performance",), ("performance",), Performance, _TIMED),
        (("memory",), ("memory",), Memory, _EVERY_MODE),
        (("machine", "during"), ("machine", "during"), MachineDuring, _EVERY_MODE),
        (("backend", "opened"), ("backend",), OpenBackend, _EVERY_MODE),
        ((), ("peak",), Peak, SEARCHED),
    ]
    for place, shown, kind, modes in parts:
        for path, keys, unit in _numbers(kind):
            timed = _TIMED if path[-1] in ("energy_j_per_sample", "latency_drift") else modes
            short = ".".join(keys).removeprefix("latency_ns.")
            for name in (short, ".".join((*shown, *keys))):
                found.setdefault(name, NamedFigure(name, unit, timed, (*place, *path)))
    return found


def _numbers(kind: type[Any], unit: Unit = "count") -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Unit]]:
    """The place of every number in a record, its keys in JSON, and its unit."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        ends = (of for suffix, of in _SUFFIXES.items() if field.name.endswith(suffix))
        own: Unit = next(ends, unit)
        hint = hints[field.name]
        kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        key = str(field.metadata.get(KEY, field.name))
        for each in kinds:
            if each in (int, float):
                yield (field.name,), (key,), own
                break
            if dataclasses.is_dataclass(each):
                inner = _numbers(typing.cast("type[Any]", each), own)
                yield from (((field.name, *path), (key, *keys), unit) for path, keys, unit in inner)


def number_at(record: object, path: Sequence[str]) -> float | None:
    """The number at a place in the records; None where there is none."""
    for name in path:
        record = getattr(record, name, None)
    return record if isinstance(record, int | float) else None
