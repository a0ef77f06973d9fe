"""Damage to any file that a cache holds: built-in sets and what is noted of them, stand-ins, their stamps, prepared samples."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

from tests.faults.inputs.mutations import raw_bytes
from tests.faults.of_runs.runs import Ground, Run, told_alike
from tests.faults.table import Group

_SETTINGS = (
    "load.min_duration_ms=300",
    "load.min_query_count=64",
    "load.expected_latency_ns=100000",
    "load.warm_up_s=0.1",
)
_BENCHMARKS = (("--task", "kws", "--dataset", "builtin"), ("--task", "ic", "--dataset", "builtin", "--count", "20"))
_ACCURACY = ("--mode", "accuracy")
_WAYS = (_ACCURACY, _ACCURACY, ("--scenario", "SingleStream"))


def corrupted(where: Ground, damages: int, seed: int) -> Group:
    """Damages one file of a cache before each of so many runs; half of them keep their old time.

    Right is: made anew, so that the score is the one before; or refused, with the file's name. A run that scores nothing may
    meet a sample that is another under its old size and time, and has kept the digest of what it read.
    """
    group, dice = Group("damage to whatever a cache holds"), random.Random(f"{seed} corrupted")
    for place, benchmark in enumerate(_BENCHMARKS):
        folder = where.folder / f"cached-{place}"
        cache, whole = folder / "cache", folder / "whole"
        cache.mkdir(parents=True)
        environment = where.environment | {"TFLITE_LOADGEN_CACHE": str(cache)}
        words = [*benchmark, "--threads", "1", *(word for each in _SETTINGS for word in ("--set", each))]
        here = replace(where, environment=environment, words=words)
        first = [Run(here, folder / "first", *_ACCURACY), Run(here, folder / "second", *_WAYS[2])]
        ends = [run.end() for run in first]
        if ends[0][0]:
            group.note(f"{benchmark[1]} does not run: {ends[0][2]}")
            continue
        score = first[0].score()
        cache.rename(whole)
        for number in range(damages // len(_BENCHMARKS)):
            shutil.copytree(whole, cache)
            file, how = _damage(cache, dice)
            way = dice.choice(_WAYS)
            run = Run(here, folder / f"run-{number}", *way)
            status, _, said = run.end()
            wrong = _wrong(run, file, score if way is _ACCURACY else None, status, said)
            group.note(wrong and f"{file.relative_to(cache)} {how}, {' '.join(way)}: {wrong}")
            shutil.rmtree(cache)
    return group


def _damage(cache: Path, dice: random.Random) -> tuple[Path, str]:
    kinds: dict[str, list[Path]] = {}
    for path in sorted(cache.rglob("*")):
        if path.is_file() and path.stat().st_size and not path.is_symlink():
            kinds.setdefault(
                f"{path.relative_to(cache).parts[0]} {path.suffix} {path.name.startswith('.')}", []
            ).append(path)
    file = dice.choice(kinds[dice.choice(sorted(kinds))])
    times, data = file.stat(), file.read_bytes()
    how = dice.choice(("changed", "changed", "cut", "emptied", "gone", "a folder"))
    if how == "changed":
        file.write_bytes(raw_bytes(data, dice))
    elif how == "cut":
        file.write_bytes(data[: dice.randrange(len(data))])
    elif how == "emptied":
        file.write_bytes(b"")
    else:
        file.unlink()
        if how == "a folder":
            file.mkdir()
    if file.is_file() and dice.random() < 0.5:
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        how += " under its old time"
    return file, how


def _wrong(run: Run, file: Path, score: str | None, status: int, said: str) -> str | None:
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if wrong := told_alike(status, run.status()):
        return f"{wrong}: {said.strip()[-300:]}"
    if status in (2, 3):
        return None if file.name in said or file.stem in said else f"refused without its name: {said.strip()[-300:]}"
    if score is not None and run.score() != score:
        return f"scores {run.score()}, not {score}"
    return None
