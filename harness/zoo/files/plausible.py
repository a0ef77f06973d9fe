"""Does a file look like what its name says? For files without a published checksum this is all that can be asked.

A web page saved in a file's place is the mistake that is made most.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from accuracy.outside.text_files import read_text
from harness.config.official.published import TensorEntry

_HEAD_BYTES = 1024
_MAX_JSON_BYTES = 1 << 29
_LEAST_TEXT_BYTES = 1000
"""Of lists of pictures, labels and vocabularies: the shortest has 100 lines and more."""
_MAGIC = {
    ".tflite": (4, b"TFL3", "a TFLite model"),
    ".zip": (0, b"PK", "a zip archive"),
    ".gz": (0, b"\x1f\x8b", "a gzip file"),
    ".tgz": (0, b"\x1f\x8b", "a gzip file"),
    ".xz": (0, b"\xfd7zXZ\x00", "an xz file"),
    ".tar": (257, b"ustar", "a tar archive"),
    ".tfrecord": (0, b"\x78", "a zlib stream of TFRecords"),
}
"""Suffix -> where its mark lies, the mark, what it is."""


def implausible(path: Path, name: str, inputs: Sequence[TensorEntry] = (), outputs: Sequence[TensorEntry] = ()) -> str:
    """Why this file cannot be the one of this name; "" where it may be.

    Args:
        path: The file.
        name: What it should be, with its suffix.
        inputs: Of a model, as far as they are known.
        outputs: Likewise.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return "it is empty"
    if is_web_page(head):
        return "it is a web page, not the file: was it saved from a page that only shows it?"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _MAGIC:
        at, mark, what = _MAGIC[suffix]
        if head[at : at + len(mark)] != mark:
            return f"it is not {what}"
    if suffix == ".json":
        return _not_json(path)
    if suffix in (".txt", ".pbtxt") and b"\0" in head:
        return "it is not a text"
    return _other_tensors(path, inputs, outputs) if suffix == ".tflite" else ""


def too_short(path: Path, name: str) -> str:
    """Why a list of which no size is published cannot be whole; "" where it may be, or is no list."""
    size = path.stat().st_size
    if PurePosixPath(name).suffix.lower() != ".txt" or size >= _LEAST_TEXT_BYTES:
        return ""
    return f"it has {size} bytes: no official list of its kind is so short"


def is_web_page(head: bytes) -> bool:
    """Whether these first bytes are those of HTML."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--", b"<script", b"<body"))


def _not_json(path: Path) -> str:
    if path.stat().st_size > _MAX_JSON_BYTES:
        return f"it has more than {_MAX_JSON_BYTES:,} bytes"
    try:
        json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    return ""


def _other_tensors(path: Path, inputs: Sequence[TensorEntry], outputs: Sequence[TensorEntry]) -> str:
    from backends.base import ModelRejected
    from backends.litert.file.model_file import FileTensor
    from backends.litert.file.model_reader import read_model

    try:
        graph = read_model(path).main
    except ModelRejected as error:
        return str(error)

    def compare(what: str, wanted: Sequence[TensorEntry], found: Sequence[FileTensor]) -> str:
        if wanted and len(wanted) != len(found):
            return f"it has {len(found)} {what}s, the official model has {len(wanted)}"
        for entry, tensor in zip(wanted, found, strict=False):
            if entry.dtype and entry.dtype != tensor.dtype:
                return f"its {what} {tensor.name} is {tensor.dtype}, the official model's is {entry.dtype}"
            if entry.shape is not None and tensor.declared_shape and not _fits(tensor.declared_shape, entry.shape):
                shape = [size if size is not None else "any" for size in entry.shape]
                return f"its {what} {tensor.name} is {list(tensor.declared_shape)}, the official model's is {shape}"
        return ""

    return compare("input", inputs, graph.input_tensors) or compare("output", outputs, graph.output_tensors)


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or size == want for size, want in zip(shape, wanted, strict=True)
    )
