"""What would make a model quicker on this machine, each with a figure that was measured here and the command that gives it.

Nothing is said by rule of thumb: a way that was not quicker in turns is not named, and what a type of numbers costs is measured
on this machine's own kernels (`harness.bench.kernels`).
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from harness.bench.advice.number_types import of_types
from harness.bench.advice.words import WORTH, command_of, times_as_quick
from harness.bench.session import BenchCase, Contestant, Settings
from harness.machine.placement import thread_counts
from harness.machine.topology import this_machine
from harness.messages.bench import Advice, LeftOut, Opened
from harness.model.subject import measured_unchanged
from harness.statistics.intervals import Ratio
from harness.turns.contest import JudgedContender, in_turns
from harness.turns.process import CandidateFailed

_ROUND_S = 0.1
_NAMED = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to run the same model."""

    words: str
    options: str
    """Of `./run.sh bench` that give it."""
    fields: Mapping[str, Any]
    """Of the backend's section; `threads` among them."""
    undoes: str = ""
    """What it takes away from the model as it is run: then the advice is why that is there."""


def advise(case: BenchCase, settings: Settings, seconds: float, say: Say) -> tuple[Advice, ...]:
    """Measures what else there is.

    Args:
        case: The model as it is run.
        settings: What it is asked.
        seconds: That the turns may take at most; opening and warming up come on top.
        say: Hears what is done now.

    Returns:
        What pays most first; nothing where the model cannot be measured.

    Raises:
        RunFailed: A file has changed meanwhile.
    """
    quick = replace(
        settings, num_runs=1, min_secs=0.0, warmup_runs=1, warmup_min_secs=0.1, run_delay=None, run_frequency=None
    )
    with measured_unchanged([case.subject]), ExitStack() as stack:
        baseline = Contestant(case, quick, _ROUND_S)
        stack.callback(baseline.process.close)
        say("advice: opening the model in other ways")
        try:
            baseline.open()
        except CandidateFailed:
            return ()
        opened = baseline.row.opened
        if opened is None:
            return ()
        ways = list(_ways(case, opened))
        rivals = {}
        for way in ways:
            rival = Contestant(_by(case, way), quick, _ROUND_S)
            stack.callback(rival.process.close)
            try:
                rival.open()
            except CandidateFailed:
                continue
            rivals[way.words] = rival
        found: list[Advice] = []
        if rivals:
            say(f"advice: {len(rivals)} ways in turns")
            found += _by_turns(case, baseline, [way for way in ways if way.words in rivals], rivals, seconds)
        found += of_types(case, opened, say)
        found += _left_out(case, baseline, opened)
    return tuple(sorted(found, key=lambda advice: -(advice.speed_up or 0)))


def _ways(case: BenchCase, opened: Opened) -> Iterator[Way]:
    """What could be tried of this model."""
    section, info = case.subject.section, opened.backend
    if not info.accelerator:
        for threads in thread_counts(this_machine().counts[0]):
            if threads != case.subject.threads:
                yield Way(f"{threads} threads", f"--threads {threads}", {"threads": threads})
    if section.name == "cpu":
        engine = section.options.get("engine", "auto")
        if info.engine == "Interpreter" and engine == "auto" and not section.options.keys() - {"engine"}:
            options = {**section.options, "engine": "CompiledModel"}
            yield Way("the engine CompiledModel", "--backend cpu:engine=CompiledModel", {"options": options})
        if info.engine == "CompiledModel":
            yield Way(
                "the engine Interpreter", "--backend cpu:engine=Interpreter", {"options": {"engine": "Interpreter"}}
            )
        if section.options.get("xnnpack") is False:
            rest = {name: value for name, value in section.options.items() if name != "xnnpack"}
            yield Way("XNNPACK", "--backend cpu", {"options": rest})
    if opened.modified and "shapes of" in opened.modified:
        yield Way(
            "the file as it is",
            "--set backend.complete_shapes=false",
            {"complete_shapes": False},
            undoes="shapes that the file leaves out are written into a copy that is run instead (programs that load the file "
            "itself have none: convert it anew with its shapes)",
        )
    elif section.complete_shapes is False:
        yield Way("its missing shapes written", "--set backend.complete_shapes=true", {"complete_shapes": True})


def _by(case: BenchCase, way: Way) -> BenchCase:
    fields = dict(way.fields)
    threads = int(fields.pop("threads", case.subject.threads))
    section = case.subject.section.model_copy(update=fields)
    return replace(case, subject=replace(case.subject, backend=section.model_dump(mode="json"), threads=threads))


def _by_turns(
    case: BenchCase, baseline: Contestant, ways: Sequence[Way], rivals: Mapping[str, Contestant], seconds: float
) -> Iterator[Advice]:
    try:
        judged = in_turns(
            baseline,
            [rivals[way.words] for way in ways],
            until=time.monotonic() + seconds,
            timeout_s=baseline.timeout_s,
        )
    except CandidateFailed:
        return
    best_threads = max(
        (each.ratio.median for way, each in zip(ways, judged, strict=True) if "threads" in way.fields and each.ratio),
        default=0.0,
    )
    for way, each in zip(ways, judged, strict=True):
        if each.ratio is None or ("threads" in way.fields and each.ratio.median < best_threads):
            continue
        yield from told(case, way, each, each.ratio)


def told(case: BenchCase, way: Way, judged: JudgedContender, ratio: Ratio) -> Iterator[Advice]:
    """What is said of a way by what its turns say; nothing where it is not clear, or not worth another command."""
    command = command_of(case, way.options)
    if way.undoes:
        if judged.standing == "slower" and ratio.median < 1 / WORTH:
            gain = Ratio(
                1 / ratio.median,
                1 / ratio.high if ratio.high else None,
                1 / ratio.low if ratio.low else None,
                ratio.rounds,
            )
            yield Advice(way.undoes, f"it is {times_as_quick(gain)} with them", command, gain.median)
    elif judged.standing == "quicker" and ratio.median >= WORTH:
        yield Advice(way.words, f"{times_as_quick(ratio)} as it is now", command, ratio.median)


def _left_out(case: BenchCase, baseline: Contestant, opened: Opened) -> Iterator[Advice]:
    """Ops outside of the delegate, and what they cost."""
    coverage, info = opened.backend.coverage, opened.backend
    if coverage is None or not info.delegate or not coverage.cpu_ops:
        return
    try:
        found: LeftOut = baseline.left_out()
    except CandidateFailed:
        return
    if found.share is None or found.share < WORTH - 1:
        return
    often = sorted(coverage.cpu_ops, key=lambda op: (-coverage.cpu_ops[op], op))
    named = ", ".join(f"{op} ({coverage.cpu_ops[op]})" if coverage.cpu_ops[op] > 1 else op for op in often[:_NAMED])
    more = f" and {len(often) - _NAMED} more kinds" if len(often) > _NAMED else ""
    yield Advice(
        f"{named}{more} run outside of {info.delegate}: an op or a type that it takes in their place",
        f"they take {found.share:.1%} of the time",
        f"./run.sh profile {shlex.quote(str(case.subject.model))}",
    )
