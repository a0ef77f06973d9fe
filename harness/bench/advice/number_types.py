"""What the type of a model's weights costs on this machine: int8 and uint8 by their own kernels, float16 by what unpacks it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from backends.litert.file.model_reader import read_model
from harness.bench.advice.words import WORTH, command_of, times_as_quick
from harness.bench.kernels import CONVOLUTION, NumberType, compare_number_types
from harness.bench.session import BenchCase, Contestant, Settings
from harness.machine.facts import integer_extensions
from harness.messages.bench import Advice, Opened
from harness.model.contents.learnt import learnt_tensors
from harness.scratch_folder import ScratchFolder
from harness.turns.process import CandidateFailed
from harness.units import duration

_MOST_OF_WEIGHTS = 0.5
_MOST_KERNELS_S = 3.0
_OTHER_TYPES: Mapping[str, Sequence[NumberType]] = {"int8": ("float32",), "uint8": ("int8", "float32")}
"""What the kernels of a type are held against."""


def of_types(case: BenchCase, opened: Opened, say: Callable[[str], None]) -> Iterator[Advice]:
    """What the type of a model's weights costs here.

    Args:
        case: The model.
        opened: As it was opened.
        say: Hears what is done now.
    """
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
    with ScratchFolder("bench") as folder:
        found = compare_number_types(own, others, Path(folder), _MOST_KERNELS_S)
    for other, ratio in found.items():
        if ratio.low is None or ratio.low < 1 or ratio.median < WORTH:
            continue
        yield Advice(
            _why_other_type(own, other),
            f"{CONVOLUTION} is {times_as_quick(ratio)} in {other} as in {kind}",
            _twin(case, other),
        )


def _unpacking(case: BenchCase, opened: Opened) -> Iterator[Advice]:
    """What it costs to unpack half-precision weights, held against opening the model with weights that were packed before."""
    section = case.subject.section
    with ScratchFolder("bench") as folder:
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
    if took is not None and took * WORTH < opened.load_ns:
        yield Advice(
            "its weights are float16, which XNNPACK unpacks to float32 each time that the model is opened: a cache of packed "
            "weights is mapped instead (opening alone gets quicker)",
            f"it opens in {duration(took)} with the cache, in {duration(opened.load_ns)} without",
            command_of(case, "--backend cpu:weight_cache=true"),
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


def _twin(case: BenchCase, kind: NumberType) -> str:
    return f"./run.sh bench {shlex.quote(str(case.subject.model))} ITS-{kind.upper()}-TWIN.tflite"
