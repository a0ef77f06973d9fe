"""machine_trace.bin: what is written is what is read, and what is damaged is said to be."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.machine.watched.sampler import COLUMNS
from harness.results.queries.machine_trace import MACHINE_TRACE_FILE, read_machine_trace, write_machine_trace


def _samples(count: int) -> array[int]:
    return array("q", [row * 100 + column for row in range(count) for column in range(len(COLUMNS))])


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_machine_trace(tmp_path, _samples(3))
    read = read_machine_trace(tmp_path)
    assert read is not None
    assert read.shape == (3, len(COLUMNS))
    assert read.ravel().tolist() == _samples(3).tolist()


def test_a_run_that_sampled_nothing_has_nothing_to_read(tmp_path: Path) -> None:
    assert read_machine_trace(tmp_path) is None
    write_machine_trace(tmp_path, _samples(0))
    read = read_machine_trace(tmp_path)
    assert read is not None
    assert len(read) == 0


@pytest.mark.parametrize("damage", ["cut", "head", "form", "nothing", "longer", "backwards", "folder", "nested"])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, damage: str) -> None:
    write_machine_trace(tmp_path, _samples(4))
    path = tmp_path / MACHINE_TRACE_FILE
    data = path.read_bytes()
    line, _, body = data.partition(b"\n")
    changed = {
        "cut": data[:-5],
        "head": b"\x00" + data,
        "form": data.replace(b"machine trace", b"machine tract"),
        "nothing": b"",
        "longer": data + b"12345678",
        "backwards": line + b"\n" + body[len(body) // 2 :] + body[: len(body) // 2],
        "folder": b"",
        "nested": b"[" * 100_000 + b"\n",
    }[damage]
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(changed)
    with pytest.raises(ConfigError, match=MACHINE_TRACE_FILE):
        read_machine_trace(tmp_path)
