"""Files of a tree that people and tools write: text and JSON, read strictly, never trusted."""

from __future__ import annotations

import codecs
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy.outside.plain_files import NotPlain, open_plain

_MOST_TEXT = 1 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be used."""

    what: str
    """Why: as a half sentence after the file's name."""


def read_text_file(path: Path, most: int = _MOST_TEXT, *, strict: bool = False) -> str | Broken:
    """The text of a file, at most its first `most` bytes.

    Args:
        path: The file.
        most: Bytes that are read.
        strict: What is no UTF-8 makes the file broken, as it does for the official checkers; else it is replaced.
    """
    try:
        with open_plain(path) as file:
            content = file.read(most)
    except FileNotFoundError:
        return Broken("is missing")
    except NotPlain:
        return Broken("is no plain file")
    except OSError as error:
        return Broken(f"cannot be read: {error.strerror}")
    if not strict:
        return content.decode("utf-8", "replace")
    try:
        # A character that is cut at the end is none of the file's.
        return codecs.getincrementaldecoder("utf-8")().decode(content, final=len(content) < most)
    except UnicodeDecodeError as error:
        return Broken(f"is no UTF-8 text: byte {error.start}")


def read_json_object(path: Path) -> dict[str, object] | Broken:
    """A JSON file that holds an object; keys that occur twice, NaN, trailing commas and a byte order mark are no JSON."""
    text = read_text_file(path, strict=True)
    if isinstance(text, Broken):
        return text
    if text.startswith("\ufeff"):
        return Broken("begins with a byte order mark, which JSON has none of")
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        comma = " (a comma before a closing bracket?)" if "Expecting property name" in str(error) else ""
        return Broken(f"is no JSON: {error}{comma}")
    return value if isinstance(value, dict) else Broken(f"holds no object but {type(value).__name__}")


def sha256_of(path: Path) -> str:
    """Of a file of any size, in blocks.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key occurs twice among {', '.join(name for name, _ in pairs)}")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")
