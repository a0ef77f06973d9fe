"""Reads mlperf_log_accuracy.json as a stream: memory stays flat however long the log is.

LoadGen writes a JSON array with one object a line, `{ "seq_id" : 0, "qsl_idx" : 5, "data" : "0000803F" }`, where `data`
is upper-case hex (INF loadgen/logging.cc). Other harnesses pass the file through tools that fold it into one line, so
objects are found by their braces, which never nest.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_OBJECT = re.compile(r"\{[^{}]*\}")
_CHUNK_CHARS = 1 << 20


class LogError(Exception):
    """An accuracy log that is cut, corrupt or incomplete. The user must look at the run: exit status 2."""


class Answer(NamedTuple):
    """What the system under test answered for one sample."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    """The sample's index in the query sample library (`qsl_idx`)."""
    data: bytes


def read_rows(path: Path) -> Iterator[Answer]:
    """Every row of an accuracy log in file order, repeated samples included.

    Raises:
        LogError: The file is missing, cut in the middle, or a row is not what LoadGen writes.
    """
    try:
        with path.open(encoding="ascii") as file:
            if (start := file.read(1)) != "[":
                raise LogError(f"{path} is not an accuracy log: it starts with {start!r}, not with '['")
            rest = ""
            row_number = 0
            while chunk := file.read(_CHUNK_CHARS):
                rest += chunk
                end = 0
                for match in _OBJECT.finditer(rest):
                    row_number += 1
                    yield _parse(path, row_number, match.group())
                    end = match.end()
                rest = rest[end:]
    except FileNotFoundError:
        raise LogError(f"no accuracy log at {path}: was this an accuracy run?") from None
    except UnicodeDecodeError as error:
        raise LogError(f"{path} is not an accuracy log: {error}") from None
    if rest.strip().strip(",").strip() != "]":
        raise LogError(f"{path} is cut in the middle, after row {row_number}: the run that wrote it did not finish")


def read_answers(path: Path, sample_count: int) -> Iterator[Answer]:
    """One answer for each of `sample_count` samples, in file order.

    MultiStream fills its last queries with samples it has already asked: the first row of a sample counts.

    Raises:
        LogError: As `read_rows`; also where a sample is out of range or has no row.
    """
    seen = bytearray(sample_count)
    count = 0
    for answer in read_rows(path):
        if answer.index >= sample_count:
            raise LogError(f"{path} answers sample {answer.index}, but the data set has only {sample_count} samples")
        if seen[answer.index]:
            continue
        seen[answer.index] = 1
        count += 1
        yield answer
    if count != sample_count:
        missing = seen.index(0)
        raise LogError(
            f"{path} answers {count} of {sample_count} samples (sample {missing} is the first without an answer)"
        )


def _parse(path: Path, row_number: int, text: str) -> Answer:
    try:
        row = json.loads(text)
        index = row["qsl_idx"]
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise ValueError(f"qsl_idx is {index!r}")
        return Answer(index, bytes.fromhex(row["data"]))
    except (ValueError, KeyError, TypeError) as error:
        raise LogError(f"{path}, row {row_number} is not an answer: {error}") from None


def write_rows(path: Path, answers: Iterable[Answer]) -> None:
    """Writes an accuracy log as LoadGen does; `seq_id` counts the rows.

    Raises:
        OSError: The file exists already or cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.partial")
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    try:
        with temporary.open("w", encoding="ascii") as file:
            opening = "["
            for number, (index, data) in enumerate(answers):
                file.write(
                    f'{opening}\n{{ "seq_id" : {number}, "qsl_idx" : {index}, "data" : "{data.hex().upper()}" }}'
                )
                opening = ","
            file.write(f"{'[' if opening == '[' else ''}\n]\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
