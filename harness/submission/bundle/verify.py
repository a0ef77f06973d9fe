"""Unpacks a bundle, checks every hash, and makes every score and figure anew from the logs and the ground truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath

from accuracy.answers.log import LogError
from harness.errors import ConfigError, HarnessError, message_of
from harness.results.files import RESULT_FILE, read_result
from harness.results.loadgen_log import performance, read_detail
from harness.results.read_data import ReadData, lack_of_samples_file, load_read_data
from harness.results.record import Result, SeriesResult
from harness.results.same_data import refuse_changed_data
from harness.run.score import score
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.submission.bundle.manifest import MANIFEST, BundledRun, Manifest, read_manifest
from harness.submission.tree.documents import sha256_of
from harness.zoo.files.unpack import unpack

_SAME = 1e-9
"""A score is made by the same program of the same bytes; another numpy may add up in another order."""


@dataclass(frozen=True, slots=True)
class VerifiedRun:
    """One run, made anew."""

    run: str
    """As it was named where it ran."""
    mode: str
    equal: bool
    why: tuple[str, ...]
    """What is not equal, or could not be judged."""
    scores: Mapping[str, float]
    """What came out: metrics of an accuracy run; the figure that counts of a performance run."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole bundle."""

    bundle: str
    sha256: str
    equal: bool
    files: int
    wrong_files: tuple[str, ...]
    """Whose hash is not the manifest's, that lack, or that are in nobody's list."""
    runs: tuple[VerifiedRun, ...]
    cannot: tuple[str, ...]
    """What could not be judged."""


def verify(bundle: Path, into: Path, dataset: Path | None = None, truth: Path | None = None) -> Verified:
    """Verifies a bundle.

    Args:
        bundle: The archive.
        into: An empty folder for what is in it.
        dataset: In place of the data set of runs whose own is not in the bundle.
        truth: The same of the ground truth.

    Raises:
        ConfigError: It is no bundle, or an archive that does what none should.
        OSError: It cannot be unpacked.
    """
    unpack(bundle, lambda path: into / path if path.parts else None)
    manifest = read_manifest(into / MANIFEST)
    if (dataset or truth) and not any(run.missing for run in manifest.runs):
        raise ConfigError(f"{bundle} lacks nothing that its runs read: leave out --dataset and --truth")
    wrong = [*_wrong_files(manifest, into), *_untold_runs(manifest)]
    runs, cannot = [], []
    for one in manifest.runs:
        try:
            own = (dataset, truth) if one.missing else (None, None)
            runs.append(_verified(one, into, *own))
        except (HarnessError, LogError, OSError) as error:
            runs.append(VerifiedRun(one.was, "", False, (message_of(error),), {}))
        except Exception as error:
            # Whose class says that the data are absent is a room below; what it says is for the user.
            if not hasattr(error, "exit_status"):
                raise
            cannot.append(f"{one.was}: {message_of(error)}{f' ({one.missing})' if one.missing else ''}")
    equal = not wrong and not cannot and all(run.equal for run in runs)
    return Verified(
        str(bundle), sha256_of(bundle), equal, len(manifest.files), tuple(wrong), tuple(runs), tuple(cannot)
    )


def _wrong_files(manifest: Manifest, into: Path) -> Iterator[str]:
    listed = set()
    for one in manifest.files:
        path = into / _safe(one.path)
        listed.add(path)
        if not path.is_file():
            yield f"{one.path} is missing"
        elif path.stat().st_size != one.size or sha256_of(path) != one.sha256:
            yield f"{one.path} is not what was packed: its SHA-256 is another"
    for path in sorted(into.rglob("*")):
        if path.is_file() and path not in listed and path != into / MANIFEST:
            yield f"{path.relative_to(into).as_posix()} is in no list of the bundle's"


def _untold_runs(manifest: Manifest) -> Iterator[str]:
    """Results that the manifest has in no run: nobody would make their figures anew."""
    told = [one.folder for one in manifest.runs]
    if not told:
        yield f"{MANIFEST} names no run"
    for name in sorted({name for name in told if told.count(name) > 1}):
        yield f"{MANIFEST} names the run {name} twice"
    for one in manifest.files:
        folder, _, name = one.path.rpartition("/")
        if name == RESULT_FILE and folder not in told:
            yield f"{one.path} is of a run that {MANIFEST} does not name"


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ConfigError(f"the bundle names a path that leads out of it: {name!r}")
    return path


def _verified(run: BundledRun, into: Path, dataset: Path | None, truth: Path | None) -> VerifiedRun:
    folder = into / _safe(run.folder)
    result, spec = read_result(folder), read_spec(folder)
    if isinstance(result, SeriesResult):
        raise ConfigError(f"{run.folder} holds a series, not a run")
    gone = _gone(folder, result)
    if spec.load.mode != "accuracy":
        why = (*gone, *_other_figures(folder, spec, result))
        speed = result.performance.samples_per_second if result.performance else 0.0
        return VerifiedRun(run.was, spec.load.mode, not why, why, {"samples_per_second": speed})
    places = {one.was: str(into / _safe(one.path)) for one in run.data}
    moved = _moved(spec, places, dataset, truth)
    task = open_task(moved.task, moved.options, moved.dataset)
    kept = load_read_data(folder)
    if kept is not None and dataset is None:
        refuse_changed_data(folder, task, _kept_there(kept, places))
    judged = score(moved, folder, task)
    scores = {name: one.value for name, one in judged.accuracy.items()}
    claimed = {name: one.value for name, one in (result.accuracy or {}).items()}
    other = (
        f"{name} is {scores.get(name)}, and result.json says {claimed.get(name)}"
        for name in sorted({*scores, *claimed})
        if not _same(scores.get(name), claimed.get(name))
    )
    why = (*gone, *other)
    return VerifiedRun(run.was, "accuracy", not why, why, scores)


def _gone(folder: Path, result: Result) -> tuple[str, ...]:
    """What a run has kept of its data and the bundle has not.

    Raises:
        ConfigError: The bundle has another than the run has written.
    """
    lack = lack_of_samples_file(folder, result.dataset.samples_file_sha256)
    return (lack,) if lack else ()


def _other_figures(folder: Path, spec: Spec, result: Result) -> Iterator[str]:
    """Figures of result.json that LoadGen's log does not give."""
    detail = read_detail(folder, accuracy=False)
    claimed = result.performance
    if claimed is None:
        yield "result.json has no figures"
        return
    found = performance(detail, spec.load, claimed.server)
    for field in fields(found):
        one, other = getattr(found, field.name), getattr(claimed, field.name)
        if one != other:
            yield f"performance.{field.name} is {one}, and result.json says {other}"
    if (detail["result_validity"] == "VALID") < (result.status == "valid"):
        yield f"LoadGen says {detail['result_validity']}, and result.json says {result.status}"


def _moved(spec: Spec, places: Mapping[str, str], dataset: Path | None, truth: Path | None) -> Spec:
    """The run's spec with its data where they lie now."""
    ref = spec.dataset
    new = {
        "path": dataset.resolve() if dataset else Path(_there(str(ref.path), places)),
        "truth": truth.resolve() if truth else Path(_there(str(ref.truth), places)) if ref.truth else None,
    }
    options = {name: _there(value, places) if isinstance(value, str) else value for name, value in spec.options.items()}
    return spec.model_copy(update={"dataset": ref.model_copy(update=new), "options": options})


def _kept_there(kept: ReadData, places: Mapping[str, str]) -> ReadData:
    return replace(kept, files=tuple(replace(item, name=_there(item.name, places)) for item in kept.files))


def _there(name: str, places: Mapping[str, str]) -> str:
    """Where a path lies now: itself, or below a folder that was packed."""
    for was, now in places.items():
        if name == was:
            return now
        if name.startswith(f"{was}/"):
            return now + name.removeprefix(was)
    return name


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return (math.isnan(one) and math.isnan(other)) or abs(one - other) <= _SAME
