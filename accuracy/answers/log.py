"""Reads mlperf_log_accuracy.json as a stream: memory stays flat however long the log is.

LoadGen writes a JSON array with one object a line, `{ "seq_id" : 0, "qsl_idx" : 5, "data" : "0000803F" }`, where `data`
is upper-case hex (INF loadgen/logging.cc). Other harnesses pass the file through tools that fold it into one line, so
objects are found by their braces, which never nest. A file counts as one log only where it is one array: two logs in
one file, or half of one before another, are no run's answers.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

from accuracy.outside.border import reads
from accuracy.outside.plain_files import open_plain
from accuracy.outside.text_files import NotText, decode_text

_ROW = re.compile(r"\s*(\{[^{}]*\})\s*([],])")
_ROW_BEGUN = re.compile(r"\s*(?:\{[^{}]*(?:\}\s*)?)?")
_CUT_OUT = re.compile(r"\n\s*\.\.\.\s*\n")
_EMPTY_END = re.compile(r"\s*\]")
_CHUNK_CHARS = 1 << 20
_HEAD_BYTES = 1 << 12
_GZIP = b"\x1f\x8b"


class LogError(Exception):
    """An accuracy log that is cut, corrupt or incomplete. The user must look at the run: exit status 2."""

    exit_status = 2


class Answer(NamedTuple):
    """What the system under test answered for one sample."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    """The sample's index in the query sample library (`qsl_idx`)."""
    data: bytes


Answers: TypeAlias = Callable[[], Iterable[Answer]]
"""Reads a log, every time from its beginning."""


class Sample:
    """A context that names the sample in any `LogError` raised within; costs a fraction of a microsecond."""

    __slots__ = ("_index", "_names")

    def __init__(self, index: int, names: Sequence[str] | None = None) -> None:
        """Takes the sample.

        Args:
            index: Of the sample.
            names: File names of all samples, where they have any.
        """
        self._index = index
        self._names = names

    def __enter__(self) -> None:
        """Nothing to do before an error."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raises LogError: "sample 7 (name.jpg): " and the error within."""
        if isinstance(error, LogError):
            name = f" ({self._names[self._index]})" if self._names and self._index < len(self._names) else ""
            raise LogError(f"sample {self._index}{name}: {error}") from None


@reads(LogError)
def read_rows(path: Path) -> Iterator[Answer]:
    """Every row of an accuracy log in file order, repeated samples included.

    Raises:
        LogError: The file is missing, cut in the middle, not one array of rows, or a row is not what LoadGen writes.
    """
    try:
        # A byte order mark is what an editor of Windows leaves.
        with open_plain(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig") as file:
            while (start := file.read(1)).isspace():
                pass
            if start != "[":
                raise LogError(f"{path} is not an accuracy log: it starts with {start!r}, not with '['")
            yield from _rows_of_array(path, file)
    except FileNotFoundError:
        raise LogError(f"no accuracy log at {path}: was this an accuracy run?") from None
    except OSError as error:
        raise LogError(f"the accuracy log {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise LogError(f"{path} is not an accuracy log: {_what_it_is(path, error)}") from None


def _what_it_is(path: Path, error: UnicodeDecodeError) -> str:
    """What a file is that is no text in UTF-8, as every reader of text says it."""
    with contextlib.suppress(OSError):
        with open_plain(path) as file:
            head = file.read(_HEAD_BYTES)
        if head.startswith(_GZIP):
            return "it is compressed by gzip: unpack it"
        try:
            decode_text(head)
        except NotText as why:
            return str(why)
    return str(error)


def _rows_of_array(path: Path, file: TextIO) -> Iterator[Answer]:
    """The rows after the opening bracket: exactly one comma between two, one closing bracket, white space elsewhere."""
    rest = ""
    row_number = 0
    while chunk := file.read(_CHUNK_CHARS):
        rest = rest.lstrip() + chunk
        end = 0
        if row_number == 0 and (empty := _EMPTY_END.match(rest)):
            _check_nothing_follows(path, file, rest[empty.end() :], row_number)
            return
        while match := _ROW.match(rest, end):
            row_number += 1
            end = match.end()
            row, after = match.groups()
            yield _parse(path, row_number, row)
            if after == "]":
                _check_nothing_follows(path, file, rest[end:], row_number)
                return
        rest = rest[end:]
        if not _ROW_BEGUN.fullmatch(rest):
            _refuse_truncated(path, rest)
            raise LogError(
                f"{path}: row {row_number + 1} is not an object with one comma or the closing ']' after it "
                f"({_opening(rest)}). A log is one array; was something edited, or appended to it?"
            )
    _refuse_truncated(path, rest)
    raise LogError(f"{path} is cut in the middle, after row {row_number}: the run that wrote it did not finish")


def _refuse_truncated(path: Path, text: str) -> None:
    """Names a log that MLCommons' tool has cut for a submission: both ends with an ellipsis between them."""
    if _CUT_OUT.search(text):
        raise LogError(
            f"{path} was truncated for a submission: MLCommons' truncate_accuracy_log.py keeps its head and its tail, with "
            "'...' between them, and writes the sha256 of the whole log into accuracy.txt (hash=...). The answers between "
            "are gone, so it cannot be scored: score the log as the run wrote it, whose sha256 that is"
        )


def _check_nothing_follows(path: Path, file: TextIO, rest: str, row_number: int) -> None:
    while not (rest := rest.lstrip()):
        if not (rest := file.read(_CHUNK_CHARS)):
            return
    raise LogError(
        f"{path} goes on after its closing ']', which follows row {row_number} ({_opening(rest)}): "
        "are two logs in one file?"
    )


def _opening(text: str) -> str:
    text = text.lstrip()
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


class Contradictions:
    """Samples of a log that are answered more than once, and not alike."""

    def __init__(self) -> None:
        """None so far."""
        self._first: dict[int, int] = {}
        self._found: dict[int, None] = {}

    def take(self, answer: Answer) -> None:
        """Holds a row against the first of its sample."""
        if self._first.setdefault(answer.index, hash(answer.data)) != hash(answer.data):
            self._found[answer.index] = None

    def notes(self) -> list[str]:
        """What is to be said of them."""
        if not self._found:
            return []
        return [
            f"{len(self._found):,} samples are answered more than once and not alike, the first is sample "
            f"{next(iter(self._found))}: the first answer of each counts, as in MLCommons' scripts. Were two logs joined, or "
            "does the model answer otherwise each time?"
        ]


def read_answers(path: Path, sample_count: int, contradictions: Contradictions | None = None) -> Iterator[Answer]:
    """One answer for each of `sample_count` samples, in file order.

    MultiStream fills its last queries with samples it has already asked: the first row of a sample counts.

    Args:
        path: Of the log.
        sample_count: Of the data set.
        contradictions: Is told of every row.

    Raises:
        LogError: As `read_rows`; also where a sample is out of range or has no row.
    """
    seen = bytearray(sample_count)
    count = 0
    for answer in read_rows(path):
        if answer.index >= sample_count:
            raise LogError(f"{path} answers sample {answer.index}, but the data set has only {sample_count} samples")
        if contradictions is not None:
            contradictions.take(answer)
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


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError(f"a key occurs twice in {[key for key, _ in pairs]}")
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats)


def _parse(path: Path, row_number: int, text: str) -> Answer:
    try:
        row = _DECODER.decode(text)
        index = row["qsl_idx"]
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise ValueError(f"qsl_idx is {index!r}")
        return Answer(index, bytes.fromhex(row["data"]))
    except (ValueError, KeyError, TypeError) as error:
        _refuse_truncated(path, text)
        raise LogError(f"{path}, row {row_number} is not an answer: {error}") from None


def write_rows(path: Path, answers: Iterable[Answer]) -> None:
    """Writes an accuracy log as LoadGen does; `seq_id` counts the rows.

    Raises:
        OSError: The file exists already or cannot be written; nothing is left behind.
    """
    # Not by harness.whole_file: this package imports none of the harness, and a log is never written over.
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
