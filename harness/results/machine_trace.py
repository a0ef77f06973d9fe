"""machine_trace.bin in a run's directory: what the machine did while queries were timed. The only reader and writer.

A line of JSON, then a sample after the other: 8 bytes a column, little-endian, signed. The columns are those of
`harness.machine.sampler`; -1 is what the machine does not tell.
"""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.machine.sampler import COLUMNS
from harness.whole_file import replacing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MACHINE_TRACE_FILE = "machine_trace.bin"
_FORM = "tflite-loadgen machine trace"
_LONGEST_HEAD = 4096


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line."""

    form: str
    version: int
    columns: tuple[str, ...]
    samples: int


def write_machine_trace(folder: Path, samples: array[int]) -> None:
    """Writes them, whole or not at all.

    Args:
        folder: The run's directory.
        samples: A value for each of `COLUMNS`, of each.

    Raises:
        OSError: The disk is full.
    """
    little = array("q", samples)
    if sys.byteorder == "big":
        little.byteswap()
    head = _Head(_FORM, 1, COLUMNS, len(samples) // len(COLUMNS))
    with replacing(folder / MACHINE_TRACE_FILE) as file:
        file.write(json.dumps(to_json(head)).encode("ascii") + b"\n")
        file.write(little.tobytes())


def read_machine_trace(folder: Path) -> npt.NDArray[np.int64] | None:
    """What was sampled: int64 [samples, columns]; None where nothing was: an accuracy run, Offline, an earlier version.

    Raises:
        ConfigError: The file is cut, damaged or of another version.
    """
    import numpy as np

    path = folder / MACHINE_TRACE_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    line, end, body = data.partition(b"\n")
    try:
        head = from_json(_Head, json.loads(line[:_LONGEST_HEAD]) if end else None)
    except (NotThisRecord, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not what a run wrote ({error}): take it away, and the rest counts") from None
    if (head.form, head.version, head.columns) != (_FORM, 1, COLUMNS):
        raise ConfigError(f"{path} is of a form that this harness does not know: {head.form!r} {head.version}")
    if head.samples < 0 or len(body) != 8 * len(COLUMNS) * head.samples:
        raise ConfigError(
            f"{path} is cut or damaged ({len(body):,} bytes, where {head.samples:,} samples take "
            f"{8 * len(COLUMNS) * head.samples:,}): take it away, and the rest counts"
        )
    samples = np.frombuffer(body, "<i8").reshape(-1, len(COLUMNS)).astype(np.int64)
    if np.any(np.diff(samples[:, 0]) <= 0):
        raise ConfigError(f"{path} is damaged: its times go back. Take it away, and the rest counts")
    return samples
