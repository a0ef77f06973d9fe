"""Ground truth of streams: from when to when something is said, a line each, `file,start_s,end_s`.

MLPerf Tiny's own form is read too: `NAME_ww_windows.json` beside `NAME.wav`, a list of starts and ends.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from accuracy.errors import TruthError
from accuracy.outside.text_files import NotText, lines_of, read_text

JSON_SUFFIX = "_ww_windows.json"
_HEADER = ["file", "start_s", "end_s"]


class Span(NamedTuple):
    """A part of a stream."""

    start_s: float
    end_s: float


def read_windows(path: Path) -> Mapping[str, tuple[Span, ...]]:
    """The spans of each stream by its file name, in time.

    Raises:
        TruthError: It cannot be read, has another header, or a line is no span; spans of one stream overlap.
    """
    if path.name.endswith(JSON_SUFFIX):
        return _read_json(path)
    try:
        rows = list(csv.reader(lines_of(read_text(path).rstrip())))
    except OSError as error:
        raise TruthError(f"no windows at {path}: {error.strerror}") from None
    except (NotText, csv.Error) as error:
        raise TruthError(f"{path} is no list of windows: {error}") from None
    if not rows or rows[0] != _HEADER:
        raise TruthError(f"{path} is no list of windows: its first line is not {','.join(_HEADER)}")
    found: dict[str, list[Span]] = {}
    for number, row in enumerate(rows[1:], 2):
        span = _span(row)
        if span is None:
            raise TruthError(
                f"{path}, line {number} is {','.join(row)[:60]!r}: expected a file, a start and a later end in s"
            )
        found.setdefault(row[0], []).append(span)
    return _in_time(path, found)


def _read_json(path: Path) -> Mapping[str, tuple[Span, ...]]:
    try:
        listed = json.loads(read_text(path))
    except OSError as error:
        raise TruthError(f"no windows at {path}: {error.strerror}") from None
    except (NotText, ValueError, RecursionError) as error:
        raise TruthError(f"{path} is no list of windows: {error}") from None
    spans = []
    for number, one in enumerate(listed if isinstance(listed, list) else [listed], 1):
        pair = [str(value) for value in one] if isinstance(one, list) else []
        span = _span(["", *pair]) if len(pair) == 2 else None
        if span is None:
            raise TruthError(f"{path}: window {number} is {str(one)[:60]}, not a start and a later end in s")
        spans.append(span)
    return _in_time(path, {path.name.removesuffix(JSON_SUFFIX) + ".wav": spans})


def _in_time(path: Path, found: Mapping[str, list[Span]]) -> Mapping[str, tuple[Span, ...]]:
    ordered = {name: tuple(sorted(spans)) for name, spans in found.items()}
    for name, spans in ordered.items():
        for one, other in pairwise(spans):
            if other.start_s < one.end_s:
                raise TruthError(f"{path}: two windows of {name} overlap, at {other.start_s:g} s")
    return ordered


def _span(row: list[str]) -> Span | None:
    try:
        start, end = (float(value) for value in row[1:])
    except ValueError:
        return None
    return Span(start, end) if math.isfinite(end) and 0 <= start < end else None
