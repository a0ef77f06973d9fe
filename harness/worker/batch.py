"""Several samples in one run of the model: whether it can be done, whether it answers the same, whether it pays.

A batch is a second instance of the model, its inputs resized; the one for a single sample stays and answers what is left over,
so nothing is padded. It is proven before it is used: every sample in every place must be answered as by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Array, Backend, BackendUnavailable, ModelRejected, TensorSpec
from harness.errors import ConfigError, RunFailed
from harness.messages.calibration import BatchChoice
from harness.model.opening import Opener
from harness.serving.instances import Instances
from harness.serving.samples import Row
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from harness.worker import timing
from harness.worker.timing import ServiceTime

_MEASURED = frozenset({"cpu"})
"""Backends that are tried unasked. A delegate may break on shapes that it was not made for, and take the run with it."""
_DUEL_NS = 150_000_000
_MOST_PAIRS = 12
"""That a clear answer takes: 10 in a row after 2 that warm up."""
_LARGEST = 32
"""Beyond it nothing more is gained here: the calls around the kernels are a thirtieth of what they were."""
_SERVER_NS = 100_000
"""So long a query of Server may be kept by those that came with it."""
_LARGEST_FILE_BYTES = 50_000_000
"""The second instance packs the weights once more: a larger model costs more memory and time than it can give."""

_ANSWER_BYTES = 64_000_000
"""Of answers held side by side; a class map has megabytes."""


class CannotBatchError(Exception):
    """The model cannot be asked several samples at once; says why."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was decided."""

    size: int
    sut: SystemUnderTest
    """The first instance, with a batch where one is used."""
    time_share: float = 1.0
    """A sample's time in a batch as a part of its time alone; LoadGen's expectation of the run follows it."""
    choice: BatchChoice | None = None
    """None where there was none."""


def choose_batch(
    spec: Spec, instances: Instances, first: SystemUnderTest, indices: Sequence[int], alone: ServiceTime
) -> Batch:
    """Uses the batch that the config wants; with `auto` one that is clearly quicker than sample by sample.

    Args:
        spec: The run.
        instances: Opens instances.
        first: An instance for single samples.
        indices: Samples that are loaded.
        alone: What it takes for one of them.

    Raises:
        ConfigError: The config wants a batch that the model cannot do.
    """
    asked, keeps = spec.backend.batch, instances.opener.file.keeps
    if keeps and asked not in (1, "auto"):
        raise ConfigError(
            f"backend.batch is {asked}, but the model keeps {keeps} from one run to the next, which samples of one batch would "
            "share. Use --batch 1, or leave it to auto."
        )
    if asked == 1:
        return Batch(1, first)
    if keeps:
        why = f"not measured: the model keeps {keeps}, which samples of one batch would share"
        return Batch(1, first, choice=BatchChoice(1, why))
    if asked != "auto":
        try:
            return _measure(instances, first, indices, asked, alone, wanted=True)
        except CannotBatchError as error:
            raise ConfigError(f"backend.batch is {asked}, but {error}. Use --batch 1, or leave it to auto.") from None
    if spec.load.mode == "accuracy":
        return Batch(1, first, choice=BatchChoice(1, timing.NOT_TIMED))
    size, why_not = _size_to_try(spec, instances, alone)
    if why_not:
        return Batch(1, first, choice=BatchChoice(1, f"not measured: {why_not}"))
    try:
        return _measure(instances, first, indices, size, alone, wanted=False)
    except CannotBatchError as error:
        return Batch(1, first, choice=BatchChoice(1, str(error)))


def _measure(
    instances: Instances,
    first: SystemUnderTest,
    indices: Sequence[int],
    size: int,
    alone: ServiceTime,
    *,
    wanted: bool,
) -> Batch:
    """Opens a batch, holds it against single samples, and proves it if it is to be used.

    Raises:
        CannotBatchError: See `open_many` and `prove_batch`.
    """
    began = time.monotonic()
    many = open_many(instances.opener, first.backend, size)
    instances.control.tick()
    try:
        sut = instances.with_batch(first, many)
        tick = instances.control.tick
        one_by_one = _one_by_one(first, alone, tick)
        duel = timing.duel(one_by_one, sut.answer_all, in_groups(indices, size), _DUEL_NS, tick)
        if wanted or duel.second_wins:
            prove_batch(instances, first.backend, many, [instances.samples.rows[index] for index in indices])
    except (RuntimeError, ValueError, RunFailed) as error:
        many.close()
        raise CannotBatchError(f"asked {size} samples at once it fails: {str(error).splitlines()[0]}") from None
    except BaseException:
        many.close()
        raise
    medians = {"1": duel.first_ns // size, str(size): duel.second_ns // size}
    time_s = time.monotonic() - began
    if not (wanted or duel.second_wins):
        many.close()
        why = f"{size} at once are not clearly quicker"
        return Batch(1, first, choice=BatchChoice(1, why, medians, duel.pairs, time_s))
    why = "config" if wanted else "clearly quicker"
    choice = BatchChoice(size, why, medians, duel.pairs, time_s)
    return Batch(size, sut, duel.second_ns / duel.first_ns, choice)


def _one_by_one(
    first: SystemUnderTest, alone: ServiceTime, tick: Callable[[], None]
) -> Callable[[Sequence[int]], object]:
    """As a run answers without batches; heard of after each sample where those take seconds."""
    answer = timing.heard(first.answer, alone.median_ns, tick)
    return first.answer_all if answer is first.answer else lambda group: list(map(answer, group))


def whole_invokes(sut: SystemUnderTest, indices: Sequence[int]) -> tuple[Callable[[Any], object], Sequence[Any], int]:
    """What measures an instance: its call, what to call it with, and how many samples that answers each time."""
    if sut.batch == 1:
        return sut.answer, indices, 1
    return sut.answer_all, in_groups(indices, sut.batch), sut.batch


def in_groups(indices: Sequence[int], size: int) -> list[list[int]]:
    """So many samples at once, each sample first once."""
    return [[indices[(start + place) % len(indices)] for place in range(size)] for start in range(len(indices))]


def _size_to_try(spec: Spec, instances: Instances, alone: ServiceTime) -> tuple[int, str]:
    """The largest batch that can be told from single samples in the time there is; else why none is tried."""
    if spec.backend.name not in _MEASURED:
        return 1, f"backend {spec.backend.name} is asked for more than one sample only where the config says so"
    size_bytes = instances.opener.model.stat().st_size
    if size_bytes > _LARGEST_FILE_BYTES:
        return 1, f"the model has {size_bytes / 1e6:.0f} MB, which another instance would unpack once more"
    most = {"MultiStream": spec.load.samples_per_query, "Server": _SERVER_NS // max(1, alone.median_ns)}
    fitting = _DUEL_NS // (2 * _MOST_PAIRS * max(1, alone.median_ns))
    limit = min(_LARGEST, fitting, most.get(spec.load.scenario, _LARGEST))
    if limit < 2:
        return 1, f"a sample takes {alone.median_ns / 1e6:.1f} ms, beside which a call is nothing"
    return 1 << (limit.bit_length() - 1), ""


def open_many(opener: Opener, single: Backend, size: int) -> Backend:
    """The model with its inputs resized.

    Raises:
        CannotBatchError: It does not let itself be resized, or its tensors have no place for samples.
    """
    flat = [tensor for tensor in (*single.inputs, *single.outputs) if tensor.shape[:1] != (1,)]
    if flat:
        named = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in flat)
        raise CannotBatchError(f"the model has tensors without a leading dimension of 1: {named}")
    try:
        many = opener.open_many(single, size)
    except (ModelRejected, BackendUnavailable, ValueError, RuntimeError, TypeError) as error:
        # A plug-in may not know the argument.
        raise CannotBatchError(
            f"the model cannot be resized to {size} samples: {str(error).splitlines()[0].rstrip('.')}"
        ) from None
    for one, resized in zip((*single.inputs, *single.outputs), (*many.inputs, *many.outputs), strict=True):
        if resized.shape != (size, *one.shape[1:]):
            many.close()
            raise CannotBatchError(
                f"resized to {size} samples the model has {one.name} as {list(resized.shape)}, where "
                f"{[size, *one.shape[1:]]} would be one row a sample"
            )
    return many


def prove_batch(instances: Instances, single: Backend, many: Backend, rows: Sequence[Row]) -> None:
    """Holds every sample in every place of a batch against the same sample by itself.

    Integers must be the same to the last bit, floats within the task's tolerance of the backends' proof.

    Raises:
        CannotBatchError: They are not.
    """
    size = many.inputs[0].shape[0]
    rows = rows[: max(1, _ANSWER_BYTES // max(1, sum(tensor.nbytes for tensor in single.outputs)))]
    # Samples may be all alike; one turned round differs from its original, and holds no value that it did not hold.
    rows = [*rows, tuple(np.ascontiguousarray(array.reshape(-1)[::-1].reshape(array.shape)) for array in rows[0])]
    ask_one, ask_many = single.runner(), many.batch_runner()
    expected = []
    for row in rows:
        expected.append([output.copy() for output in ask_one(row)])
        instances.control.tick()
    for turn in range(len(rows)):
        # Once round, each sample has been in each place.
        asked = [(turn + place) % len(rows) for place in range(size)]
        for number, found in zip(asked, ask_many([rows[number] for number in asked]), strict=True):
            why = _difference(instances, single, expected[number], found)
            if why:
                raise CannotBatchError(f"asked {size} samples at once the model answers otherwise: {why}")
        instances.control.tick()


def _difference(instances: Instances, single: Backend, expected: Sequence[Array], found: Sequence[Array]) -> str:
    """Nothing where the answers are the same."""
    differs = [not np.array_equal(one, other) for one, other in zip(expected, found, strict=True)]
    integers = [tensor.name for tensor, other in zip(single.outputs, differs, strict=True) if other and _exact(tensor)]
    if integers:
        return f"other integers in {', '.join(integers)}"
    if not any(differs):
        return ""
    return "; ".join(instances.parity.compare(single.outputs, [expected], [found]).why)


def _exact(tensor: TensorSpec) -> bool:
    return tensor.dtype.kind != "f"
