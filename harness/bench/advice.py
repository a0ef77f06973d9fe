"""What would make a model quicker on this machine, each with a figure that was measured here and the command that gives it.

Nothing is said by rule of thumb: a way that was not quicker in turns is not named, and what a type of numbers costs is measured
on this machine's own kernels (`harness.bench.kernels`).
"""

from __future__ import annotations

import shlex
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.litert.file.model_reader import read_model
from harness.bench.kernels import CONVOLUTION, NumberType, compare_number_types
from harness.bench.session import BenchCase, Contestant, Settings
from harness.machine.facts import integer_extensions
from harness.machine.placement import thread_counts
from harness.machine.topology import this_machine
from harness.messages.bench import Advice, LeftOut, Opened
from harness.model.costs import learnt_tensors
from harness.statistics.intervals import Ratio
from harness.turns.contest import Judged, in_turns
from harness.turns.process import CandidateFailed
from harness.units import duration

_ROUND_S = 0.1
_WORTH = 1.03
"""Less is not worth another command."""
_MOST_OF_WEIGHTS = 0.5
_NAMED = 4
_MOST_KERNELS_S = 3.0
_OTHER_TYPES: Mapping[str, Sequence[NumberType]] = {"int8": ("float32",), "uint8": ("int8", "float32")}
"""What the kernels of a type are held against."""
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
    """
    quick = replace(
        settings, num_runs=1, min_secs=0.0, warmup_runs=1, warmup_min_secs=0.1, run_delay=None, run_frequency=None
    )
    with ExitStack() as stack:
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
        found += _of_types(case, opened, say)
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


def told(case: BenchCase, way: Way, judged: Judged, ratio: Ratio) -> Iterator[Advice]:
    """What is said of a way by what its turns say; nothing where it is not clear, or not worth another command."""
    command = _command(case, way.options)
    if way.undoes:
        if judged.standing == "slower" and ratio.median < 1 / _WORTH:
            gain = Ratio(
                1 / ratio.median,
                1 / ratio.high if ratio.high else None,
                1 / ratio.low if ratio.low else None,
                ratio.rounds,
            )
            yield Advice(way.undoes, f"it is {_times(gain)} with them", command, gain.median)
    elif judged.standing == "quicker" and ratio.median >= _WORTH:
        yield Advice(way.words, f"{_times(ratio)} as it is now", command, ratio.median)


def _times(ratio: Ratio) -> str:
    interval = f", 95 % interval {ratio.low:.2f}..{ratio.high:.2f}" if ratio.low and ratio.high else ""
    return f"{ratio.median:.2f} times as quick{interval},"


def _of_types(case: BenchCase, opened: Opened, say: Say) -> Iterator[Advice]:
    """What the type of the weights costs here."""
    if opened.backend.accelerator or opened.backend.engine == "none":
        return
    kind = _type_of_weights(case.subject.model)
    if kind == "float16" and case.subject.section.name == "cpu":
        yield from _unpacking(case, opened)
    others: Sequence[NumberType] | None = _OTHER_TYPES.get(kind)
    if others is None:
        return
    own: NumberType = "int8" if kind == "int8" else "uint8"
    say("advice: one convolution in each type of numbers")
    with tempfile.TemporaryDirectory(prefix="tflite-loadgen-bench-") as folder:
        found = compare_number_types(own, others, Path(folder), _MOST_KERNELS_S)
    for other, ratio in found.items():
        if ratio.low is None or ratio.low < 1 or ratio.median < _WORTH:
            continue
        yield Advice(
            _why_other_type(own, other),
            f"{CONVOLUTION} is {_times(ratio)} in {other} as in {kind}",
            _twin(case, other),
        )


def _unpacking(case: BenchCase, opened: Opened) -> Iterator[Advice]:
    """What it costs to unpack half-precision weights, held against opening the model with weights that were packed before."""
    section = case.subject.section
    with tempfile.TemporaryDirectory(prefix="tflite-loadgen-bench-") as folder:
        options = {**section.options, "weight_cache": str(Path(folder) / "packed")}
        cached = replace(
            case,
            subject=replace(
                case.subject, backend=section.model_copy(update={"options": options}).model_dump(mode="json")
            ),
        )
        # The first writes the cache.
        loads = [_load_ns(cached) for _ in range(2)]
    took = loads[-1]
    if took is not None and took * _WORTH < opened.load_ns:
        yield Advice(
            "its weights are float16, which XNNPACK unpacks to float32 each time that the model is opened: a cache of packed "
            "weights is mapped instead (opening alone gets quicker)",
            f"it opens in {duration(took)} with the cache, in {duration(opened.load_ns)} without",
            _command(case, "--backend cpu:weight_cache=true"),
        )


def _load_ns(case: BenchCase) -> int | None:
    contestant = Contestant(case, Settings(warmup_runs=0, warmup_min_secs=0.0))
    try:
        contestant.open()
    except CandidateFailed:
        return None
    finally:
        contestant.process.close()
    return contestant.row.opened.load_ns if contestant.row.opened else None


def _why_other_type(kind: NumberType, other: NumberType) -> str:
    if other == "int8":
        return "its weights are uint8 with one scale for a whole tensor: signed int8 with a scale a channel has other kernels"
    has = integer_extensions()
    why = f"though this CPU has {', '.join(has)}" if has else "this CPU has no instructions for products of bytes"
    return (
        f"its weights are {kind}, whose kernels are slower here than float32's ({why}): hold its float twin against it"
    )


def _type_of_weights(file: Path) -> str:
    """The type that most weights have, "" where none has most."""
    model = read_model(file)
    counts: Counter[str] = Counter()
    seen = set()
    for tensor in learnt_tensors(model, range(len(model.subgraphs))):
        if tensor.buffer not in seen and len(tensor.declared_shape) > 1:
            seen.add(tensor.buffer)
            counts[tensor.dtype] += tensor.stored_bytes
    if not counts:
        # Float16 weights are read by a DEQUANTIZE, not by the op that multiplies them.
        stored = Counter[str]()
        for tensor in model.main.tensors:
            if tensor.constant:
                stored[tensor.dtype] += tensor.stored_bytes
        counts = stored
    if not counts:
        return ""
    kind, count = counts.most_common(1)[0]
    return kind if count > _MOST_OF_WEIGHTS * sum(counts.values()) else ""


def _left_out(case: BenchCase, baseline: Contestant, opened: Opened) -> Iterator[Advice]:
    """Ops outside of the delegate, and what they cost."""
    coverage, info = opened.backend.coverage, opened.backend
    if coverage is None or not info.delegate or not coverage.cpu_ops:
        return
    try:
        found: LeftOut = baseline.left_out()
    except CandidateFailed:
        return
    if found.share is None or found.share < _WORTH - 1:
        return
    often = sorted(coverage.cpu_ops, key=lambda op: (-coverage.cpu_ops[op], op))
    named = ", ".join(f"{op} ({coverage.cpu_ops[op]})" if coverage.cpu_ops[op] > 1 else op for op in often[:_NAMED])
    more = f" and {len(often) - _NAMED} more kinds" if len(often) > _NAMED else ""
    yield Advice(
        f"{named}{more} run outside of {info.delegate}: an op or a type that it takes in their place",
        f"they take {found.share:.1%} of the time",
        f"./run.sh profile {shlex.quote(str(case.subject.model))}",
    )


def _command(case: BenchCase, options: str) -> str:
    behind = (
        "" if case.backend_asked == "cpu" or "--backend" in options else f" --backend {shlex.quote(case.backend_asked)}"
    )
    threads = "" if case.subject.threads == 1 or "--threads" in options else f" --threads {case.subject.threads}"
    return f"./run.sh bench {shlex.quote(str(case.subject.model))} {options}{behind}{threads}"


def _twin(case: BenchCase, kind: NumberType) -> str:
    return f"./run.sh bench {shlex.quote(str(case.subject.model))} ITS-{kind.upper()}-TWIN.tflite"
