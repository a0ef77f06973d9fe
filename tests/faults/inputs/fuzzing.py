"""Inputs near to right ones, for every reader: each must be read, or refused by an error of the house's tree.

An error that no user should meet, or a reading that takes more processor time than any file deserves, is wrong. What was wrong
is made as small as it goes and kept, so that it can become a regression file in `cases/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from harness.errors import exit_status, memory_ran_out
from tests.faults.inputs.readers import Reader
from tests.faults.table import Group

CASES = Path(__file__).parent / "cases"
_MOST_CPU_S = 20.0
_MOST_TRIES = 300


class _TooLong(BaseException):
    """So much processor time no input deserves."""


def fuzz(readers: Sequence[Reader], inputs: int, seed: int, keep: Path | None = None) -> list[Group]:
    """Gives each reader its share of the inputs.

    Args:
        readers: Who reads.
        inputs: For all of them together.
        seed: Of the dice: the same inputs for the same seed, whatever the machine.
        keep: Where inputs that were read wrongly are kept, made small.
    """
    shares = sum(reader.share for reader in readers)
    return [_fuzz_one(reader, math.ceil(inputs * reader.share / shares), seed, keep) for reader in readers]


def replay(readers: Sequence[Reader]) -> Group:
    """The inputs that were once read wrongly."""
    group, by_name = Group("inputs kept from earlier"), {_file_name(reader): reader for reader in readers}
    for case in sorted(CASES.glob("*.bin")):
        reader = by_name[case.name.rpartition("-")[0]]
        with _scratch() as folder:
            group.note(wrong_with(reader, case.read_bytes(), folder))
    return group


def wrong_with(reader: Reader, data: bytes, folder: Path) -> str | None:
    """What reading these bytes does that it should not; None where it is as it should be."""
    path = folder / reader.file
    path.write_bytes(data)
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
    except _TooLong:
        return f"takes more than {_MOST_CPU_S:g} s of processor time"
    except BaseException as error:
        if exit_status(error) is not None and not memory_ran_out(error):
            return None
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.name}: {str(error)[:80]!r}"
    return None


def _fuzz_one(reader: Reader, count: int, seed: int, keep: Path | None) -> Group:
    group = Group(f"fuzzed: {reader.name}")
    dice = random.Random(f"{seed} {reader.name}")
    with _scratch() as folder:
        for good in reader.seeds:
            if wrong_with(reader, good, folder) is not None:
                group.note(f"a seed is not read: {wrong_with(reader, good, folder)}")
        for _ in range(count):
            good = dice.choice(reader.seeds)
            data = dice.choice(reader.ways)(good, dice)
            if data == good:
                group.miss()
                continue
            finding = wrong_with(reader, data, folder)
            if finding is not None and finding not in group.findings and keep is not None:
                small = _smaller(reader, data, _kind(finding), folder)
                keep.mkdir(parents=True, exist_ok=True)
                digest = hashlib.sha256(small).hexdigest()[:8]
                (keep / f"{_file_name(reader)}-{digest}.bin").write_bytes(small)
            group.note(finding)
    return group


def _smaller(reader: Reader, data: bytes, kind: str, folder: Path) -> bytes:
    """Stretches taken away as long as the same goes wrong."""
    tries, size = 0, len(data) // 2
    while size and tries < _MOST_TRIES:
        at, before = 0, len(data)
        while at < len(data) and tries < _MOST_TRIES:
            tries += 1
            less = data[:at] + data[at + size :]
            found = wrong_with(reader, less, folder)
            if found is not None and _kind(found) == kind:
                data = less
            else:
                at += size
        if len(data) == before:
            size //= 2
    return data


def _kind(finding: str) -> str:
    return finding.partition(":")[0]


def _file_name(reader: Reader) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in reader.name)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Processor time, not the clock's: the machine may be busy."""

    def late(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, _MOST_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
