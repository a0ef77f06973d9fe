"""A run's directory that came from a device, made as if the run had been here: the target named, and our own paths again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from accuracy.outside.border import border
from harness.config.plain_yaml import load_yaml
from harness.errors import RunFailed
from harness.json_records import to_json
from harness.remote.answers import inside
from harness.remote.as_asked import refuse_other
from harness.remote.device import End
from harness.remote.luggage.relocated import put_back
from harness.remote.record import Job
from harness.results.files import RESULT_FILE, read_result
from harness.results.read_data import SAMPLES_FILE, samples_digest
from harness.results.record import Reason, Result, SeriesResult
from harness.results.subject import TargetDevice
from harness.series.journal import JOURNAL_FILE, read_journal
from harness.series.plan_file import plan_from_json
from harness.series.resume import digest_of
from harness.spec.schema import SPEC_FILE
from harness.units import bytes_text
from harness.whole_file import replacing, write_json

_LARGEST = {RESULT_FILE: 1 << 26, SPEC_FILE: 1 << 24, SAMPLES_FILE: 1 << 29, JOURNAL_FILE: 1 << 24}
"""Bytes of what is read whole. samples.json of a million samples has a quarter of its share."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What came back."""

    result: Result | SeriesResult | None
    """None where the run ended before it had one."""
    complaint: str
    """Of the job, with our paths."""


def brought_back(folder: Path, job: Job, end: End, paths: Mapping[str, str], target: str) -> Brought:
    """Rewrites what names the device's folders.

    Args:
        folder: The run's or the series' directory, as it came.
        job: What was asked for.
        end: How it ended.
        paths: From the device's folders to ours.
        target: As `--target` named it.

    Raises:
        ConfigError: A result is none of this version's.
        RunFailed: It is no run's directory, or another run's than was asked for.
        OSError: A file cannot be written.
    """
    for name, largest in _LARGEST.items():
        if large := [file for file in _all(folder, name) if file.stat().st_size > largest]:
            raise RunFailed(
                f"{large[0].name} that came from {target} has {bytes_text(large[0].stat().st_size)}: no run's has"
            )
    if any(next(_all(folder, name), None) for name in (SPEC_FILE, RESULT_FILE)):
        refuse_other(folder, plan_from_json(job.plan), target)
    _put_back_paths(folder, paths, target)
    told = TargetDevice(target, job.asked_from)
    for file in _all(folder, RESULT_FILE):
        result = _ended(_named(read_result(file.parent), file.parent, told, job), end)
        write_json(file, put_back(to_json(result), paths))
    for file in _all(folder, JOURNAL_FILE):
        _write_digests(file)
    found = read_result(folder) if (folder / RESULT_FILE).exists() else None
    return Brought(found, put_back(end.ended.complaint, paths) if end.ended else "")


def _put_back_paths(folder: Path, paths: Mapping[str, str], target: str) -> None:
    for file in _all(folder, SPEC_FILE):
        with border(RunFailed, f"{file.name} that came from {target}"):
            spec = put_back(load_yaml(file.read_text("utf-8"), ours=True), paths)
        with replacing(file) as opened:
            opened.write(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True).encode())
    for file in _all(folder, SAMPLES_FILE):
        with border(RunFailed, f"{file.name} that came from {target}"):
            samples = put_back(json.loads(file.read_text("utf-8")), paths)
            if not isinstance(samples, dict):
                raise TypeError("it is no object")
        write_json(file, samples)


def _all(folder: Path, name: str) -> Iterator[Path]:
    yield from sorted(folder.rglob(name))


def _named(result: Result | SeriesResult, folder: Path, target: TargetDevice, job: Job) -> Result | SeriesResult:
    """The result with what only this side knows."""
    if isinstance(result, SeriesResult):
        for run in result.runs:
            inside(run.directory)
        runs = tuple(
            replace(run, result=_of_run(run.result, folder / run.directory, target, job)) for run in result.runs
        )
        return replace(result, target=target, runs=runs)
    return _of_run(result, folder, target, job)


def _of_run(result: Result, folder: Path, target: TargetDevice, job: Job) -> Result:
    read = result.dataset.samples_file_sha256 and samples_digest(folder)
    dataset = replace(result.dataset, samples_file_sha256=read)
    return replace(result, target=target, made_by=job.made_by, dataset=dataset)


def _ended(result: Result | SeriesResult, end: End) -> Result | SeriesResult:
    """One that nobody could end there has failed."""
    if end.ended is not None or result.status != "started":
        return result
    what = "was started anew" if end.state == "rebooted" else "lost the run's process"
    return replace(
        result, status="failed", reasons=(*result.reasons, Reason(f"the device {what} in the run's middle", "", ""))
    )


def _write_digests(journal: Path) -> None:
    """Of results as they are now."""
    folder = journal.parent
    lines = [
        replace(line, digest=digest_of(folder / inside(line.run)))
        if line.digest and (folder / inside(line.run) / RESULT_FILE).exists()
        else line
        for line in read_journal(folder)
    ]
    with replacing(journal) as opened:
        opened.write("".join(f"{json.dumps(asdict(line))}\n" for line in lines).encode())
