"""machine_trace.bin in a run's directory: what the machine did while queries were timed. The only reader and writer.

A line of JSON, then a sample after the other: 8 bytes a column, little-endian, signed. The columns are those of
`harness.machine.watched.sampler`; -1 is what the machine does not tell.
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.machine.watched.sampler import COLUMNS
from harness.results.queries.headed_file import cut, read_headed, unknown_form, write_headed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MACHINE_TRACE_FILE = "machine_trace.bin"
_FORM = "tflite-loadgen machine trace"


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
    write_headed(folder / MACHINE_TRACE_FILE, head, little.tobytes())


def read_machine_trace(folder: Path) -> npt.NDArray[np.int64] | None:
    """What was sampled: int64 [samples, columns]; None where nothing was: an accuracy run, Offline, an earlier version.

    Raises:
        ConfigError: The file is cut, damaged or of another version.
    """
    import numpy as np

    path = folder / MACHINE_TRACE_FILE
    if (read := read_headed(path, _Head, _FORM)) is None:
        return None
    head, numbers = read
    if head.columns != COLUMNS:
        raise unknown_form(path, head)
    size = 8 * len(COLUMNS) * head.samples
    if head.samples < 0 or len(numbers) != size:
        raise cut(path, numbers, f"{head.samples:,} samples take {size:,}")
    samples = np.frombuffer(numbers, "<i8").reshape(-1, len(COLUMNS)).astype(np.int64)
    if np.any(np.diff(samples[:, 0]) <= 0):
        raise ConfigError(f"{path} is damaged: its times go back. Take it away, and the rest of the run counts")
    return samples
