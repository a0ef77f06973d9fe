"""What a tree is made of, whatever its suite: the runs, for whom, and what the user told besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import accuracy
import backends
import configs
import harness
import native
import tasks
from harness.config.official.rule_sets import BenchmarkRules, RuleSet
from harness.submission.forms.documents import code_readme
from harness.submission.forms.pieces import CopyPiece, PartPiece, Piece, TextPiece
from harness.submission.forms.runs import RunPair

_PACKAGES = (accuracy, backends, configs, harness, native, tasks)
_CODE = (".py", ".c", ".yaml", ".typed")
_PART_BYTES = 20 << 20
MOST_BYTES = 50 << 20


@dataclass(frozen=True, slots=True)
class Package:
    """One system's results of one submitter."""

    rules: RuleSet
    division: str
    submitter: str
    system: str
    pairs: tuple[tuple[RunPair, BenchmarkRules], ...]
    told_system: Mapping[str, str]
    told_model: Mapping[str, str]
    infer: bool

    @property
    def owner(self) -> str:
        """The submitter's folder."""
        return f"{self.division}/{self.submitter}"

    @property
    def runs(self) -> list[RunPair]:
        """Without their rules."""
        return [pair for pair, _ in self.pairs]


@dataclass(frozen=True, slots=True)
class Contents:
    """A tree that is not written yet."""

    pieces: tuple[Piece, ...]
    results: Mapping[str, str]
    """Name of each result, and its score."""
    not_told: tuple[str, ...]
    """Fields that nobody has told."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


def code_pieces(package: Package, folder: str) -> list[Piece]:
    """The harness's own source, and how it was called.

    Args:
        package: The tree.
        folder: Of the submitter's code, and of whom it is for.
    """
    pieces: list[Piece] = [
        TextPiece(f"{folder}/README.md", code_readme(package.runs, metadata.version("tflite-loadgen")))
    ]
    for module in _PACKAGES:
        root = Path(str(module.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.suffix in _CODE and path.is_file() and path.stat().st_size and "__pycache__" not in path.parts:
                below = path.relative_to(root.parent).as_posix()
                pieces.append(CopyPiece(f"{folder}/tflite-loadgen/{below}", path))
    return pieces


def in_parts(path: str, source: Path) -> list[Piece]:
    """A file, or where it is too large for a repository its parts of 20 MB, as split names them: _aa, _ab, ..."""
    size = source.stat().st_size
    if size <= MOST_BYTES:
        return [CopyPiece(path, source)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    offsets = range(0, size, _PART_BYTES)
    return [
        PartPiece(
            f"{path}_{letters[number // 26]}{letters[number % 26]}", source, offset, min(_PART_BYTES, size - offset)
        )
        for number, offset in enumerate(offsets)
    ]


def score_text(pair: RunPair) -> str:
    """The figure that counts, and the accuracy, for people."""
    score, log = pair.performance.log.score or 0.0, pair.performance.log
    figure = f"{score:,.2f} samples/s" if log.scenario in ("Offline", "Server") else f"{score / 1e6:.6g} ms"
    scores = ", ".join(f"{name} {one.value:.6g}" for name, one in (pair.accuracy.result.accuracy or {}).items())
    return f"{figure}; {scores}"


def names_once(names: Sequence[str]) -> list[str]:
    """Names that occur twice, for an error."""
    return sorted({name for name in names if names.count(name) > 1})
