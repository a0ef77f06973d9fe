"""Files that change under a run: model, data, truth and the delegate's library, at every phase."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.machine.control import Phase
from tests.faults.of_runs.delegate_parts import DelegateParts, delegate_parts, write_sums
from tests.faults.of_runs.runs import Ground, Run
from tests.faults.table import Group

_PHASES = (Phase.STARTING, Phase.LOADING, Phase.CALIBRATING, Phase.PREPARING, Phase.RUNNING)
_WAYS = (
    ("--scenario", "SingleStream"),
    ("--scenario", "Offline", "--set", "backend.workers=processes", "--set", "load.target_qps=500"),
    ("--scenario", "Server", "--set", "load.target_qps=500"),
    ("--mode", "accuracy"),
)
_SAID = "changed during the run"

Change = Callable[[Path], None]


def _other(data: bytes) -> bytes:
    """As many bytes, and as good a file: only what it means is another."""
    at = len(data) // 2
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def _replaced(path: Path) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(_other(path.read_bytes()))
    beside.replace(path)


def _overwritten(path: Path) -> None:
    data = _other(path.read_bytes())
    with path.open("r+b") as file:
        file.write(data)


def _overwritten_under_its_old_time(path: Path) -> None:
    before = path.stat()
    _overwritten(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _touched(path: Path) -> None:
    os.utime(path)


def _away_and_back(path: Path) -> None:
    """Another file lies there for a moment only."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    path.write_bytes(_other(aside.read_bytes()))
    aside.replace(path)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _removed(path: Path) -> None:
    path.unlink()


_CHANGES: tuple[Change, ...] = (
    _replaced,
    _overwritten,
    _overwritten_under_its_old_time,
    _touched,
    _away_and_back,
    _cut,
    _removed,
)


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    file: Path
    ground: Ground


def changed(where: Ground, changes: int, seed: int) -> Group:
    """Changes one file of each of so many runs.

    Right is: the run is failed and names the file, whatever was done to it; or, for data that were read before or after alike,
    the run is valid and what it has kept of them is what lies there.
    """
    group, dice = Group("files that change under a run"), random.Random(f"{seed} changed")
    for number in range(changes):
        folder = where.folder / f"changed-{number}"
        folder.mkdir()
        target = dice.choice(_targets(where, folder))
        change, phase = dice.choice(_CHANGES), dice.choice(_PHASES)
        way = dice.choice(
            _WAYS[:3] if target.ground.words != where.words and "--task" not in target.ground.words else _WAYS
        )
        run = Run(target.ground, folder / "run", *way)
        run.reaches(phase)
        # Or it would be over before, where others keep this process from its CPU.
        with run.held() as reached:
            change(target.file)
        status, _, said = run.end()
        if not reached:
            group.miss()
            continue
        wrong = _wrong(run, target, status, said)
        words = f"{target.name} {change.__name__.strip('_')} while {phase.name}, {' '.join(way)}"
        group.note(wrong and f"{words}: {wrong}")
        shutil.rmtree(folder)
    return group


def _targets(where: Ground, folder: Path) -> list[_Target]:
    words = list(where.words)
    model = Path(words[words.index("--model") + 1])
    data = Path(words[words.index("--dataset") + 1])
    own_model, own_data = folder / "own.tflite", folder / "own-data"
    shutil.copyfile(model, own_model)
    shutil.copytree(data, own_data)
    words[words.index("--model") + 1], words[words.index("--dataset") + 1] = str(own_model), str(own_data)
    keywords = replace(where, words=words)
    targets = [
        _Target("the model", own_model, keywords),
        _Target("the truth", own_data / "y_labels.csv", keywords),
        _Target("a sample", own_data / "sample_0003.bin", keywords),
    ]
    if (parts := _parts(where)) is not None:
        library = folder / "libown.so"
        shutil.copyfile(parts.library, library)
        own = DelegateParts(write_sums(folder / "sums.tflite"), library)
        targets += [
            _Target("the delegate's library", library, own.ground(where)),
            _Target("the model behind a delegate", own.model, own.ground(where)),
        ]
    return targets


_made: dict[Path, DelegateParts | None] = {}


def _parts(where: Ground) -> DelegateParts | None:
    if where.folder not in _made:
        _made[where.folder] = delegate_parts(where.folder)
    return _made[where.folder]


def _wrong(run: Run, target: _Target, status: int, said: str) -> str | None:
    found = run.status()
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if status in (0, 1):
        # So short a run may be INVALID to LoadGen.
        told = found == ("invalid" if status else "valid")
        return None if told and _is_kept(run, target) else f"called {found or 'nothing'}, exit status {status}"
    if status not in (2, 3) or found != "failed":
        return f"exit status {status}, {found or 'no result'}: {said.strip()[-200:]}"
    named = (
        _SAID in said and str(target.file) in said if _is_held(target) else _SAID in said or target.file.name in said
    )
    return None if named else f"does not say why: {said.strip()[:500]}"


def _is_held(target: _Target) -> bool:
    return target.name.startswith(("the model", "the delegate"))


def _is_kept(run: Run, target: _Target) -> bool:
    """Whether what the run has kept of its data is what lies there: it was read when it was that already."""
    if _is_held(target):
        return False
    kept = run.read_data()
    item = {Path(each.name).name: each for each in (*kept.samples, *kept.files)}.get(target.file.name)
    there = target.file.is_file()
    return item.sha256 == _sha256(target.file) if item is not None and there else item is None and not there


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
