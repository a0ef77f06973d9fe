"""Two checkouts of this harness measured in turns, each by its own command and in its own environment, by LoadGen's figures.

What two versions have in common is the command line and result.json, which the contract fixes; nothing else of another version
is touched. A commit is laid out once in the cache, where its own run.sh makes its environment.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.comparison.live import LiveFigure, Match
from harness.errors import EXIT_USER, ConfigError, shortened
from harness.scratch_folder import ScratchFolder
from harness.turns.process import CandidateFailed
from harness.way_in import COMPLAINT

_OURS = Path(__file__).resolve().parents[2]
_FOLDER = "checkouts"
_NOT_FOR_OTHERS = (
    "TFLITE_LOADGEN_VENV",
    "TFLITE_LOADGEN_BY_SCRIPT",
    "TFLITE_LOADGEN_HISTORY",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
)
"""Each has an environment of its own, and runs of a comparison are no part of a history."""
_RUN_S, _ENVIRONMENT_S, _GIT_S, _GRACE_S = 600.0, 1800.0, 60.0, 10.0
_SHORT = ("--preset", "rapid", "--set", "load.min_duration_ms=1000")
"""A second of queries: most of a pair's time is the two processes' start, and pairs are what tells."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One that can be run."""

    name: str
    """As it was asked for, with its commit where it is one."""
    root: Path


def checkout_of(text: str, cache: Path, say: Callable[[str], None]) -> Checkout:
    """A folder with a checkout, or a commit of the clone that this runs from.

    Args:
        text: As the user wrote it. A folder comes before a commit of the same name.
        cache: Where commits are laid out.
        say: Hears what takes long.

    Raises:
        ConfigError: It is neither, or its environment cannot be made.
    """
    folder = Path(text)
    if folder.is_dir():
        root, name = folder.resolve(), text
        if not (root / "run.sh").is_file() or not (root / "harness").is_dir():
            raise ConfigError(f"{text} is no checkout of this harness: it has no run.sh and no harness/")
    else:
        commit = _commit(text)
        root, name = _laid_out(commit, cache), f"{text} ({commit[:12]})"
    if not (root / ".venv/.stamp").is_file():
        say(f"{name}: making its environment, once ...")
    done = _ended([str(root / "run.sh"), "--help"], _ENVIRONMENT_S)
    if done.returncode:
        raise ConfigError(f"{name} does not run: {_last_line(done.stderr)}")
    return Checkout(name, root)


def match_of_checkouts(base: Checkout, new: Checkout, words: Sequence[str], figure: LiveFigure) -> Match:
    """Runs both once, one after the other.

    Args:
        base: What the other is held against.
        new: The other.
        words: What both run: --task, --model, ...
        figure: Of the result.
    """

    def match(*, new_first: bool) -> float:
        sides = (new, base) if new_first else (base, new)
        found = [_figure(side, words, figure) for side in sides]
        one, other = reversed(found) if new_first else found
        return other / one

    return match


def _figure(side: Checkout, words: Sequence[str], figure: LiveFigure) -> float:
    """One run's, in ns, by LoadGen's log.

    Raises:
        CandidateFailed: The run broke, or has no such figure.
    """
    with ScratchFolder("checkout") as folder:
        out = Path(folder) / "run"
        done = _ended([str(side.root / "run.sh"), "run", *words, *_SHORT, "--json", "--out", str(out)], _RUN_S)
    if done.returncode == EXIT_USER:
        raise ConfigError(f"{side.name}: {_last_line(done.stderr)}")
    if done.returncode not in (0, 1):
        raise CandidateFailed(f"{side.name}: {_last_line(done.stderr)}", "crashed", done.returncode)
    try:
        value: Any = json.loads(done.stdout)["performance"]["latency_ns"][figure]
    except (ValueError, KeyError, TypeError, RecursionError):
        value = None
    if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise CandidateFailed(f"{side.name}: its result has no {figure} of a latency", "crashed", done.returncode)
    return float(value)


def _commit(text: str) -> str:
    """Its whole number."""
    if not (_OURS / ".git").exists():
        raise ConfigError(
            f"{text} is no folder, and commits are those of a clone, which this is not: name the folder of a checkout"
        )
    words = ["git", "-C", str(_OURS), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}"]
    done = _ended(words, _GIT_S)
    if done.returncode:
        raise ConfigError(f"{shortened(text)} is neither a folder with a checkout nor a commit of {_OURS}")
    return done.stdout.strip()


def _laid_out(commit: str, cache: Path) -> Path:
    """The files of a commit, whole or not at all."""
    place = cache / _FOLDER / commit
    if place.is_dir():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with ScratchFolder(commit, place.parent) as half:
            archive, files = Path(half) / "files.tar", Path(half) / "files"
            words = ["git", "-C", str(_OURS), "archive", "--format=tar", f"--output={archive}", commit]
            if (done := _ended(words, _GIT_S)).returncode:
                raise ConfigError(f"git cannot lay out {commit}: {_last_line(done.stderr)}")
            with tarfile.open(archive) as opened:
                opened.extractall(files, filter="data")
            if not (files / "run.sh").is_file():
                raise ConfigError(f"the commit {commit[:12]} holds no run.sh: it is none of this harness")
            if not place.is_dir():
                files.rename(place)
    except (OSError, tarfile.TarError) as error:
        raise ConfigError(f"{commit[:12]} cannot be laid out in {place.parent}: {error}") from None
    return place


def _ended(words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """A command that has come to its end, whatever that is; one that is broken off is told to stop first."""
    env = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_OTHERS}
    try:
        # Ctrl-C is for this process, which ends the other.
        process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(f"{words[0]} cannot be run: {error.strerror}") from None
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            process.terminate()
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise CandidateFailed(f"{words[0]} took more than {seconds:.0f} s", "too slow", None) from None
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def _last_line(text: str) -> str:
    lines = [line.strip().removeprefix(COMPLAINT) for line in text.splitlines() if line.strip()]
    return shortened(lines[-1], 400) if lines else "it said nothing"
