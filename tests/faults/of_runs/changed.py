"""Files that change under a run, for good or for a while: model, data, truth, vocabulary, the delegate's library."""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import EXIT_USER
from harness.machine.control import Phase
from tests.faults.of_runs.decoys import Decoy
from tests.faults.of_runs.delegate_parts import DelegateParts, delegate_parts, write_sums
from tests.faults.of_runs.questions import questions
from tests.faults.of_runs.runs import Ground, Run
from tests.faults.table import Group

_PHASES = (Phase.STARTING, Phase.LOADING, Phase.CALIBRATING, Phase.PREPARING, Phase.RUNNING)
_LATER = (*_PHASES, Phase.WRITING)
_LONGEST_TO_RESOLVE_S = 0.1
"""Of a run's first moments, in which its model and data are found."""
_WAYS = (
    ("--scenario", "SingleStream"),
    ("--scenario", "Offline", "--set", "backend.workers=processes", "--set", "load.target_qps=500"),
    ("--scenario", "Server", "--set", "load.target_qps=500"),
    ("--mode", "accuracy"),
)
_FOR_A_WHILE, _LINKED, _RESOLVING = 0.5, 0.4, 0.25
"""How often."""
_SAID = "changed during the run"

Change = Callable[[Path], None]


def _other(data: bytes) -> bytes:
    """As many bytes, and as good a file: only what it means is another."""
    at = len(data) // 2
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def _longer(data: bytes) -> bytes:
    """A library that works as before."""
    return data + bytes(16)


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


def _overwritten_through_a_mapping(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[:] = _other(mapped[:])


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
    _overwritten_through_a_mapping,
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

    @property
    def by_kind(self) -> bool:
        """Whether the run can be scored."""
        return "--task" in self.ground.words


def changed(where: Ground, changes: int, seed: int) -> Group:
    """Changes one file of each of so many runs.

    Right is: the run is failed and names the file, whatever was done to it; or, for data that were read before or after alike,
    the run is valid and what it has kept of them is what lies there.
    """
    group, dice = Group("files that change under a run"), random.Random(f"{seed} changed")
    for number in range(changes):
        folder = where.folder / f"changed-{number}"
        (folder / "files").mkdir(parents=True)
        target = dice.choice(_targets(where, folder / "files"))
        way = dice.choice(_WAYS if target.by_kind else _WAYS[:3])
        wrong = (_for_a_while if dice.random() < _FOR_A_WHILE else _for_good)(target, folder, way, dice)
        if wrong is None:
            group.miss()
            continue
        group.note(wrong or None)
        shutil.rmtree(folder)
    return group


def _for_good(target: _Target, folder: Path, way: Sequence[str], dice: random.Random) -> str | None:
    """What was wrong, "" for nothing, None where the run was over before."""
    change, phase = dice.choice(_CHANGES), dice.choice(_PHASES)
    run = Run(target.ground, folder / "run", *way)
    run.reaches(phase)
    # Or it would be over before, where others keep this process from its CPU.
    with run.held() as reached:
        change(target.file)
    status, _, said = run.end()
    if not reached:
        return None
    wrong = _wrong(run, target, status, said)
    return f"{target.name} {change.__name__.strip('_')} while {phase.name}, {' '.join(way)}: {wrong}" if wrong else ""


def _for_a_while(target: _Target, folder: Path, way: Sequence[str], dice: random.Random) -> str | None:
    """As `_for_good`, of a folder that is moved away and put back, or a link to it that is led elsewhere and back."""
    linked = dice.random() < _LINKED
    decoy = Decoy(folder / "files", target.file, _longer if "library" in target.name else _other, linked=linked)
    resolving = dice.random() < _RESOLVING
    first = dice.choice(_PHASES)
    last = dice.choice(_LATER if resolving else _LATER[_LATER.index(first) + 1 :])
    run = Run(target.ground, folder / "run", *way)
    if resolving:
        time.sleep(dice.uniform(0, _LONGEST_TO_RESOLVE_S))
        reached = run.process.poll() is None
    else:
        reached = run.reaches(first)
    decoy.put()
    ended_later = run.reaches(last)
    decoy.take_away()
    status, _, said = run.end()
    opened = decoy.was_opened()
    if not reached:
        return None
    # A link that is followed when the run is planned leads to a file by its own path, which the run names.
    as_named = run.names(decoy.double)
    wrong = _wrong(run, target, status, said, unopened=not opened or as_named)
    if not wrong or (status == EXIT_USER and (as_named or not ended_later) and target.file.name in said):
        return ""
    when = f"{'resolving' if resolving else first.name} to {last.name}"
    how = "behind a link" if linked else "in a folder"
    return f"{target.name} {how} swapped from {when}, {' '.join(way)}, opened {opened}: {wrong}"


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
    (folder / "questions").mkdir()
    asked = questions(where, folder / "questions")
    targets += [
        _Target("the vocabulary", folder / "questions" / "vocab.txt", asked),
        _Target("the questions and their truth", folder / "questions" / "questions.json", asked),
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


def _wrong(run: Run, target: _Target, status: int, said: str, *, unopened: bool = False) -> str | None:
    """Args: unopened: Nobody has opened another file in the target's place, or the result names that one."""
    found = run.status()
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if status in (0, 1):
        # So short a run may be INVALID to LoadGen.
        told = found == ("invalid" if status else "valid")
        return (
            None
            if told and (unopened or _is_kept(run, target))
            else f"called {found or 'nothing'}, exit status {status}"
        )
    if status not in (2, 3) or found != "failed":
        return f"exit status {status}, {found or 'no result'}: {said.strip()[-200:]}"
    named = (
        _SAID in said and str(target.file.parent) in said
        if _is_held(target)
        else _SAID in said or target.file.name in said
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
