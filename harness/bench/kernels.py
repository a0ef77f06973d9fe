"""What this machine makes of number types: one convolution, written in float, int8 and uint8, timed in turns.

A model's int8 twin is quicker where the CPU multiplies bytes well (AVX-512 VNNI, AVX-VNNI, ARM's dot product) and may be slower
where it does not. No model tells that of itself, since it has one type; these do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from backends.litert.file.opened_file import OpenedFile
from harness.bench.session import BenchCase, Contestant, Settings
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.machine.child_process import LONGEST_START_S
from harness.model.subject import Subject
from harness.statistics.intervals import Ratio
from harness.turns.contest import in_turns
from harness.turns.process import CandidateFailed
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph

NumberType = Literal["float32", "int8", "uint8"]
CONVOLUTION = "a 1x1 convolution of 28 x 28 x 128 to 128"
_SIDE, _CHANNELS = 28, 128
_ROUND_S, _TIMEOUT_S = 0.05, LONGEST_START_S
_SCALE = 0.05
_ZERO_POINT: dict[NumberType, int] = {"float32": 0, "int8": 0, "uint8": 128}
_QUICK = Settings(num_runs=1, min_secs=0, max_secs=2, warmup_runs=1, warmup_min_secs=0.02)


def compare_number_types(
    first: NumberType, others: Sequence[NumberType], folder: Path, seconds: float
) -> dict[NumberType, Ratio]:
    """How many times as quick the convolution is in other types than in the first; those that cannot be measured are left out.

    Args:
        first: What the others are held against.
        others: The others.
        folder: For the files.
        seconds: That it may take at most, once all are open.
    """
    contestants = {kind: _contestant(kind, folder) for kind in (first, *others)}
    try:
        ready = [kind for kind, each in contestants.items() if _opens(each.open)]
        if first not in ready:
            return {}
        rivals = [kind for kind in others if kind in ready]
        judged = in_turns(
            contestants[first],
            [contestants[kind] for kind in rivals],
            until=time.monotonic() + seconds,
            timeout_s=_TIMEOUT_S,
        )
        return {kind: each.ratio for kind, each in zip(rivals, judged, strict=True) if each.ratio is not None}
    except CandidateFailed:
        return {}
    finally:
        for each in contestants.values():
            each.process.close()


def write_convolution(kind: NumberType, file: Path) -> None:
    """The convolution in this type: int8 with a scale a channel, uint8 with one for all."""
    random = np.random.default_rng(28)
    dtype = np.dtype(kind)
    zero_point = _ZERO_POINT[kind]
    graph = Graph(f"{CONVOLUTION}, {kind}")
    tensors = None if kind == "float32" else Quantization.per_tensor(_SCALE, zero_point)
    scales = np.full(_CHANNELS, _SCALE, np.float32)
    given = graph.input("given", (1, _SIDE, _SIDE, _CHANNELS), dtype, tensors)
    shape = (_CHANNELS, 1, 1, _CHANNELS)
    if kind == "float32":
        weights = graph.constant("weights", random.standard_normal(shape).astype(np.float32))
        bias = graph.constant("bias", np.zeros(_CHANNELS, np.float32))
    else:
        drawn = (random.integers(-127, 127, shape) + zero_point).astype(dtype)
        of_weights = (
            Quantization.per_channel(scales, 0) if kind == "int8" else Quantization.per_tensor(_SCALE, zero_point)
        )
        of_bias = (
            Quantization.per_channel(scales * _SCALE, 0) if kind == "int8" else Quantization.per_tensor(_SCALE * _SCALE)
        )
        weights = graph.constant("weights", drawn, of_weights)
        bias = graph.constant("bias", np.zeros(_CHANNELS, np.int32), of_bias)
    made = graph.tensor(
        "made",
        (1, _SIDE, _SIDE, _CHANNELS),
        dtype,
        None if kind == "float32" else Quantization.per_tensor(2.0, zero_point),
    )
    graph.operator(
        "CONV_2D",
        [given, weights, bias],
        [made],
        schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1),
    )
    graph.output(made)
    with file.open("wb") as opened:
        graph.write(opened)


def _contestant(kind: NumberType, folder: Path) -> Contestant:
    file = folder / f"convolution_{kind}.tflite"
    write_convolution(kind, file)
    written = OpenedFile.of(file)
    subject = Subject(
        file,
        written.sha256,
        file.stem,
        "file",
        BackendSection(complete_shapes=False).model_dump(mode="json"),
        Invocation().model_dump(mode="json"),
        1,
        folder,
        (written,),
    )
    return Contestant(BenchCase(subject), _QUICK, _ROUND_S)


def _opens(step: Callable[[], None]) -> bool:
    try:
        step()
    except CandidateFailed:
        return False
    return True
