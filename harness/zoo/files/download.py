"""One file over HTTP, into a partial file that a later attempt, or a later process, goes on with.

Standard library only. https, unless the address is on this machine or was named by the user; redirects are few and never
leave https. Proxies are those of the environment (https_proxy, no_proxy, ...).
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

from harness.errors import HarnessError, shortened
from harness.json_records import from_json, to_json
from harness.whole_file import replacing
from harness.zoo.files.redirects import RefusedAddress, opener, refuse_scheme

MAX_BYTES = 8 << 30
"""Of a file whose size is not in the registry."""
_BLOCK = 1 << 17
_MAX_ATTEMPTS = 100
_AGENT = "tflite-loadgen"


class FetchFailed(HarnessError):  # noqa: N818 - reads as the sentence it stands in
    """The transfer broke, or what came is not the file: exit status 3."""


class _Passing(Exception):  # noqa: N818
    """Another attempt may do."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try."""

    timeout_s: float = 30.0
    """For a connection, and for the next bytes."""
    attempts: int = 5
    """In a row without a single new byte."""
    first_wait_s: float = 1.0
    """Before the second attempt; doubled each time."""
    longest_wait_s: float = 60.0
    """Whatever a server's Retry-After says."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is to be had, and what may be believed of it."""

    url: str
    size_bytes: int | None = None
    """As the registry has it."""
    checked: bool = False
    """A published checksum will be held against it, so bytes of another attempt may be gone on with unseen."""
    named_by_user: bool = False
    """A mirror: plain http is the user's decision."""


def download(
    source: Source,
    partial: Path,
    *,
    on_bytes: Callable[[int], None] = lambda _: None,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Brings the whole file into `partial`, going on with what is there.

    Args:
        source: The address.
        partial: Kept when the transfer breaks; a small file beside it says of what it is a part.
        on_bytes: Called with how many bytes are there, some times a second at most times.
        patience: How long to try.
        stop: Set to give up; the partial file stays.

    Raises:
        FetchFailed: The address does not give the file; the message says why.
    """
    patience, stop = patience or Patience(), stop or threading.Event()
    failures, wait_s = 0, patience.first_wait_s
    for _ in range(_MAX_ATTEMPTS):
        before = _size(partial)
        try:
            _attempt(source, partial, on_bytes, patience.timeout_s, stop)
            return
        except RefusedAddress as error:
            raise FetchFailed(f"{source.url}: {error}") from None
        except _Passing as error:
            why = error
        failures, wait_s = (0, patience.first_wait_s) if _size(partial) > before else (failures + 1, wait_s * 2)
        if failures >= patience.attempts:
            break
        if stop.wait(min(wait_s / 2 if why.wait_s is None else why.wait_s, patience.longest_wait_s)):
            raise FetchFailed(f"{source.url}: stopped")
    kept = "What came is kept: try" if _size(partial) else "Nothing came: try"
    raise FetchFailed(f"{source.url}: gave up after {failures} attempts: {why}. {kept} again later")


def forget(partial: Path) -> None:
    """Removes a partial file and what is known of it."""
    partial.unlink(missing_ok=True)
    _note_path(partial).unlink(missing_ok=True)


def _attempt(
    source: Source, partial: Path, on_bytes: Callable[[int], None], timeout_s: float, stop: threading.Event
) -> None:
    have = _usable_part(source, partial)
    request = urllib.request.Request(source.url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        note = _read_note(partial)
        if note is not None and note.url == source.url and note.validator:
            request.add_header("If-Range", note.validator)
    refuse_scheme(source.url, named_by_user=source.named_by_user)
    try:
        with opener().open(request, timeout=timeout_s) as response:
            start, total = _extent(response, have)
            _refuse_size(source, total)
            _write_note(partial, source.url, response.headers)
            with partial.open("r+b" if start else "wb") as file:
                file.truncate(start)
                file.seek(start)
                _copy(response, file, start, total or source.size_bytes or MAX_BYTES, on_bytes, stop)
    except urllib.error.HTTPError as error:
        with error:
            _explain(error, partial, have)
    except (TimeoutError, http.client.HTTPException, urllib.error.URLError, ConnectionError, ssl.SSLError) as error:
        raise _classified(error) from None
    except OSError as error:
        raise _no_room(error, partial) from None
    except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError) as error:
        # A Location, a Content-Range, a status line that no server should send, and no library expects.
        raise RefusedAddress(
            f"what it answers makes no sense ({type(error).__name__}: {shortened(str(error))})"
        ) from None
    size = _size(partial)
    whole = source.size_bytes if total is None else total
    if whole is not None and size < whole:
        raise _Passing(f"the connection was cut at {size:,} of {whole:,} bytes")


def _copy(
    response: Any, file: IO[bytes], at: int, limit: int, on_bytes: Callable[[int], None], stop: threading.Event
) -> None:
    on_bytes(at)
    while block := response.read1(_BLOCK):
        if at + len(block) > limit:
            raise RefusedAddress(f"it sends more than the {limit:,} bytes that were announced: the file grew")
        if stop.is_set():
            raise RefusedAddress("stopped")
        file.write(block)
        at += len(block)
        on_bytes(at)


def _usable_part(source: Source, partial: Path) -> int:
    """How many bytes may be gone on with: those of this very version, or any that a checksum will judge."""
    have, note = _size(partial), _read_note(partial)
    same = note is not None and note.url == source.url and note.validator
    return have if have and (same or source.checked) and have <= (source.size_bytes or MAX_BYTES) else 0


def _extent(response: Any, have: int) -> tuple[int, int | None]:
    """(where the body starts, the whole file's size if it is told)."""
    length = response.headers.get("Content-Length", "")
    if response.status == http.client.OK:
        return 0, int(length) if length.isascii() and length.isdigit() else None
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if response.status != http.client.PARTIAL_CONTENT or not found or int(found[1]) != have:
        raise RefusedAddress(f"it answers {response.status} to a request for the bytes from {have:,} on")
    return have, None if found[3] == "*" else int(found[3])


def _refuse_size(source: Source, total: int | None) -> None:
    wanted = source.size_bytes
    if total is None:
        return
    if wanted is not None and total != wanted:
        raise RefusedAddress(
            f"it has {total:,} bytes now, the registry says {wanted:,}: it is not the same file any more"
        )
    if total > MAX_BYTES:
        raise RefusedAddress(f"it has {total:,} bytes, more than the limit of {MAX_BYTES:,}")


def _explain(error: urllib.error.HTTPError, partial: Path, have: int) -> None:
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
        forget(partial)
        raise _Passing("the part that is here does not fit the file") from None
    if error.code == http.client.TOO_MANY_REQUESTS or error.code >= 500:
        raise _Passing(
            f"the server answers {error.code} {shortened(error.reason)}", _retry_after(error.headers.get("Retry-After"))
        )
    if error.code in (http.client.NOT_FOUND, http.client.GONE):
        raise RefusedAddress(f"there is no such file ({error.code})")
    raise RefusedAddress(f"the server answers {error.code} {shortened(error.reason)}")


def _retry_after(value: str | None) -> float | None:
    if value is None:
        return None
    with contextlib.suppress(ValueError, TypeError, ArithmeticError, LookupError):
        if value.strip().isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _classified(error: Exception) -> Exception:
    cause = getattr(error, "reason", error)
    if isinstance(cause, socket.gaierror):
        return RefusedAddress(f"its host cannot be found ({cause.strerror}): is there a network?")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RefusedAddress(f"its certificate is not trusted: {cause.verify_message}")
    if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return RefusedAddress(f"{cause.strerror}: is there a network?")
    return _Passing(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "nothing comes any more"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was cut"
    return str(getattr(error, "reason", "") or error or type(error).__name__)


def _no_room(error: OSError, partial: Path) -> RefusedAddress:
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = ". Free some space and run the command again: it goes on where it stopped"
    return RefusedAddress(f"{partial} cannot be written: {error.strerror or error}{hint}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _note_path(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


@dataclass(frozen=True, slots=True)
class _Note:
    """What a part came from."""

    url: str
    validator: str
    """Of the version that it is a part of: its ETag, or its date; empty where the server tells neither."""


def _read_note(partial: Path) -> _Note | None:
    """None where there is none, or what is there is none of ours."""
    try:
        return from_json(_Note, json.loads(_note_path(partial).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def _write_note(partial: Path, url: str, headers: Message) -> None:
    etag = headers.get("ETag", "")
    # A weak ETag promises no equal bytes; a date serves where there is none.
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    note = _Note(url, validator)
    if _read_note(partial) != note:
        with replacing(_note_path(partial)) as out:
            out.write(json.dumps(to_json(note)).encode())
