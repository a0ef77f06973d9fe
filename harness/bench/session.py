"""Models are opened in processes of their own, warmed up, and asked in turn: see `harness.turns.contest`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.bench.processes import new_process
from harness.bench.result import MEASURED_BY, BenchResult, BenchRow, Refusal
from harness.errors import EXIT_BROKEN, EXIT_USER
from harness.machine.facts import describe
from harness.messages.bench import (
    Describe,
    Finish,
    Finished,
    InputsTaken,
    LeftOut,
    Opened,
    OpenForBench,
    Pace,
    Ran,
    Ready,
    Run,
    TakeInputs,
    TellLeftOut,
    WarmedUp,
    WarmUp,
)
from harness.model.contents.describe import ModelDescription
from harness.model.subject import Subject, measured_unchanged
from harness.spec.trial import has_xnnpack, without_xnnpack
from harness.turns.contest import in_turns
from harness.turns.process import CandidateFailed, MeasuringProcess
from tasks.tensors.random_inputs import SEED

SCHEMA_VERSION = 1
ROUND_S = 0.2
"""Of several models' turns; one run at least."""
Supply = Callable[[Opened, Path], Mapping[str, Path]]
"""Files of inputs for a model that is open, written into the folder that is given; a mapping without any leaves it its own."""


@dataclass(frozen=True, slots=True)
class BenchCase:
    """One model behind one backend, as it shall be measured."""

    subject: Subject
    backend_asked: str = "cpu"
    """As the user named it."""
    supply: Supply | None = None
    """None for what `Settings` say of the inputs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How often and how long is asked, by benchmark_model's own names and defaults, and what."""

    num_runs: int = 50
    min_secs: float = 1.0
    max_secs: float = 150.0
    warmup_runs: int = 1
    warmup_min_secs: float = 0.5
    run_delay: float | None = None
    """Seconds slept after each run."""
    run_frequency: float | None = None
    """Runs a second at most."""
    seed: int = SEED
    ranges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    percentiles: tuple[float, ...] = ()
    """Of the runs' times, beside the usual ones."""

    def pace(self) -> dict[str, Any]:
        """What of it goes into the result."""
        return {
            name: getattr(self, name)
            for name in (each.name for each in fields(self))
            if name not in ("ranges", "files", "percentiles") and getattr(self, name) is not None
        }


class Contestant:
    """One contender: its process, and what it told."""

    def __init__(
        self, asked: BenchCase, settings: Settings, round_s: float = ROUND_S, process: MeasuringProcess | None = None
    ) -> None:
        """Nothing is started yet.

        Args:
            asked: What it is.
            settings: How it is warmed up, and how long it runs at most.
            round_s: How long a round lasts, one run at least.
            process: One that is started already.
        """
        self._round_s = round_s
        subject = asked.subject
        self.asked, self._settings, self.timeout_s = asked, settings, subject.section.timeout_s
        self.process = process or new_process()
        self.row = BenchRow(
            subject.name, str(subject.model), subject.sha256, subject.source, asked.backend_asked, subject.threads
        )
        self._runs, self._asked_s = 0, 0.0

    def open(self) -> None:
        """Opens the model and warms it up."""
        settings = self._settings
        self.process.open(Ready, self.timeout_s)
        told = OpenForBench(self.asked.subject, settings.seed, settings.ranges, settings.files)
        opened = self.process.ask(told, Opened, self.timeout_s)
        self.row = replace(self.row, opened=opened)
        if self.asked.supply is not None and (files := self.asked.supply(opened, self.process.folder)):
            self.process.ask(TakeInputs(files), InputsTaken, self.timeout_s)
        warm_up = WarmUp(self._pace(settings.warmup_runs, settings.warmup_min_secs))
        warmed = self.process.ask(warm_up, WarmedUp, self.timeout_s + settings.max_secs)
        self.row = replace(self.row, warm_up=warmed)

    def run_all(self) -> None:
        """All runs at once."""
        settings = self._settings
        self._run(self._pace(settings.num_runs, settings.min_secs), self.timeout_s)

    def round(self, timeout_s: float) -> float:
        """Runs a second of one round."""
        return 1e9 / max(1, self._run(self._pace(1, self._round_s), timeout_s).median_ns)

    @property
    def wants_more(self) -> bool:
        """Whether it has not been asked as often and as long as it shall be."""
        settings = self._settings
        too_few = self._runs < settings.num_runs or self._asked_s < settings.min_secs
        return too_few and self._asked_s <= settings.max_secs and self.row.refusal is None

    def finish(self, times: Path | None = None) -> None:
        """Has it tell what was found.

        Args:
            times: Where what each run took goes: see `harness.messages.bench.Finish`.
        """
        asked = Finish(self._settings.percentiles, times)
        self.row = replace(self.row, found=self.process.ask(asked, Finished, self.timeout_s))

    def describe(self) -> None:
        """Has it tell what the file holds."""
        self.row = replace(self.row, description=self.process.ask(Describe(), ModelDescription, self.timeout_s))

    def left_out(self) -> LeftOut:
        """Has it measured what the delegate left; the last thing that it is asked."""
        return self.process.ask(TellLeftOut(), LeftOut, self.timeout_s)

    def refuse(self, failure: CandidateFailed) -> None:
        """Notes why it is not measured: see `refusal`."""
        self.row = replace(self.row, refusal=self.refusal(failure))

    def refusal(self, failure: CandidateFailed) -> Refusal:
        """Why it is not measured; where XNNPACK may have taken it down, with what the model does without.

        Raises:
            RunFailed: The model is another file now.
        """
        status = EXIT_BROKEN if failure.status_of_run is None else failure.status_of_run
        why, subject = str(failure), self.asked.subject
        if failure.by_a_fault and has_xnnpack(subject.section):
            without = without_xnnpack(subject, subject.held)
            why, status = f"{why}. {without.said}", EXIT_USER if without.runs else EXIT_BROKEN
        return Refusal(failure.kind, why, status)

    def _run(self, pace: Pace, timeout_s: float) -> Ran:
        ran = self.process.ask(Run(pace), Ran, timeout_s + self._settings.max_secs)
        self._runs, self._asked_s = self._runs + ran.runs, self._asked_s + ran.time_s
        return ran

    def _pace(self, least_runs: int, least_s: float) -> Pace:
        settings = self._settings
        return Pace(least_runs, least_s, settings.max_secs, settings.run_delay, settings.run_frequency)


def bench(
    asked: Sequence[BenchCase],
    settings: Settings,
    say: Callable[[str], None],
    process: MeasuringProcess | None = None,
    times: Path | None = None,
) -> BenchResult:
    """Measures models, several of them in turns.

    One that cannot be measured is a row that says why; the others are held against the first that can.

    Args:
        asked: One at least.
        settings: Of all.
        say: Hears what is done now.
        process: One that is started already, for the first.
        times: A folder for what each run took, `times_file` a model; None where nobody asks.

    Raises:
        RunFailed: A file has changed meanwhile.
    """
    first, *others = told_apart(asked)
    entries = [
        Contestant(first, settings, process=process),
        *(Contestant(each, settings) for each in others),
    ]
    try:
        with measured_unchanged(case.subject for case in asked):
            rounds_s = _measure(entries, settings, say, times)
        return BenchResult(
            SCHEMA_VERSION, MEASURED_BY, describe(), settings.pace(), tuple(entry.row for entry in entries), rounds_s
        )
    finally:
        for entry in entries:
            entry.process.close()


def times_file(folder: Path, place: int) -> Path:
    """Where `bench` leaves what each run of the model at this place took."""
    return folder / f"times-{place}.npz"


def told_apart(asked: Sequence[BenchCase]) -> list[BenchCase]:
    """The same, with the folder in front of the name where two files have one name."""
    files: dict[str, set[Path]] = {}
    for case in asked:
        files.setdefault(case.subject.name, set()).add(case.subject.model)
    found = []
    for case in asked:
        subject = case.subject
        if len(files[subject.name]) > 1:
            subject = replace(subject, name=f"{subject.model.parent.name}/{subject.name}")
        found.append(replace(case, subject=subject))
    return found


def _measure(
    entries: Sequence[Contestant], settings: Settings, say: Callable[[str], None], times: Path | None
) -> float | None:
    open_entries = []
    for entry in entries:
        say(f"{entry.row.name}: opening, warming up")
        if _attempt(entry, entry.open):
            open_entries.append(entry)
    began, several = time.monotonic(), len(open_entries) > 1
    if several:
        say(f"{len(open_entries)} in turns")
        take_turns(open_entries, settings)
    elif open_entries:
        _attempt(open_entries[0], open_entries[0].run_all)
    rounds_s = time.monotonic() - began if several else None
    for place, entry in enumerate(entries):
        file = None if times is None else times_file(times, place)
        if entry in open_entries and entry.row.refusal is None and _attempt(entry, partial(entry.finish, file)):
            _attempt(entry, entry.describe)
    return rounds_s


def take_turns(entries: Sequence[Contestant], settings: Settings) -> None:
    """Measures two or more in turns, and notes in their rows what came of it; who fails is out."""
    first, *rivals = entries
    try:
        judged = in_turns(
            first,
            rivals,
            until=time.monotonic() + settings.max_secs * len(entries),
            timeout_s=max(entry.timeout_s for entry in entries),
            wants_more=lambda: any(entry.wants_more for entry in entries),
            # Whoever compares wants to know by how much one is slower, not only that it is.
            drops_far=False,
        )
    except CandidateFailed as failure:
        first.refuse(failure)
        # The others are as good as before, and are held against the next.
        if len(rivals) > 1:
            take_turns(rivals, settings)
        else:
            _attempt(rivals[0], rivals[0].run_all)
        return
    for entry, each in zip(rivals, judged, strict=True):
        entry.row = replace(entry.row, speed=each.ratio, standing=each.standing)
        if each.failure is not None:
            entry.refuse(each.failure)


def _attempt(entry: Contestant, step: Callable[[], None]) -> bool:
    """Whether it came about; else the row says why not."""
    try:
        step()
    except CandidateFailed as failure:
        entry.refuse(failure)
        return False
    return True
