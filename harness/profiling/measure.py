"""A profile, made in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from backends.litert.file.hidden_state import HiddenState
from backends.litert.file.model_reader import read_model
from harness.config.invocation import Invocation
from harness.messages.conversation import Hear, Progressed
from harness.model.drawn_inputs import fed_nothing, inputs_explained
from harness.model.input_shapes import unused_size
from harness.profiling.ops import ModelOps, with_rates
from harness.profiling.peak import measured_peaks
from harness.profiling.record import AskedProfile, Op, Profile, Slice, TimeSpread
from harness.profiling.summary import by_shape, by_type, warnings_for
from harness.profiling.timing import OfEvents, Runs, quickest, run_in_turns, source_of
from tasks.tensors.random_inputs import InputRange, random_inputs, words_of

_TELL_EVERY_S = 0.5


def profile(asked: AskedProfile, hear: Hear) -> Profile:
    """Runs the model and says what its ops took.

    Args:
        asked: What is profiled.
        hear: Is told how far it is.

    Raises:
        ModelRejected: The runtime cannot run the model.
        BackendUnavailable: The backend is not here, or does not tell what its ops take.
        ModelMismatch: A range that fits no input.
    """
    subject = asked.subject
    opener = subject.opener()
    with ExitStack() as stack:
        backend = opener.open_covered(subject.threads)
        stack.callback(backend.close)
        ranges = {name: InputRange(values[0], values[1]) for name, values in asked.ranges.items()}
        inputs, fed = random_inputs(backend.inputs, ranges), words_of(backend.inputs, ranges)
        with inputs_explained(subject.model):
            # The interpreter says best what it does not take.
            answers = backend.invoke(inputs)
        odd = [
            f"output {tensor.name} holds {count:,} values that are no numbers (NaN): the model or its inputs are broken"
            for tensor, values in zip(backend.outputs, answers, strict=True)
            if values.dtype.kind == "f" and (count := int(np.isnan(values).sum()))
        ]
        shapes, pieces, info = backend.tensor_shapes(), backend.partitions() or [], backend.info()
        source, why_coarse = source_of(stack, subject, backend, opener.model, inputs)
        runs = run_in_turns(
            source,
            runs=asked.num_runs,
            warmup_runs=asked.warmup_runs,
            max_secs=asked.max_secs,
            told=_Teller(hear, asked.num_runs),
        )
        how, events, inside = source.how, isinstance(source, OfEvents), dict(source.inside)
    delegated = info.coverage.delegated_nodes if info.accelerator and info.coverage else None
    ops = ModelOps(read_model(opener.model), shapes, pieces, inside, delegated).ops(runs)
    peaks: Mapping[str, float] = {}
    if asked.peak:
        hear(Progressed("the machine's peak", 0, 1))
        peaks = measured_peaks([op.peak_of for op in ops if op.peak_of], subject.threads)
    whole = _Whole(asked, opener.modified, how, why_coarse, fed, events=events)
    found = whole.profile(runs, [with_rates(op, peaks) for op in ops], peaks)
    return replace(
        found,
        warnings=(
            *found.warnings,
            *odd,
            *fed_nothing(given := [(each.name, each.shape) for each in backend.inputs]),
            *unused_size(given, Invocation.model_validate(dict(subject.invocation))),
            *_lives_on(opener.file.keeps),
        ),
    )


def _lives_on(keeps: HiddenState) -> list[str]:
    """What must be known of a model that keeps something: what tells the times of its ops cannot put that back."""
    if not keeps:
        return []
    return [
        f"the model keeps {keeps} from one run to the next, which a profile does not put back: each run goes on where the last "
        "ended"
    ]


class _Teller:
    """Tells not too often how many runs are done."""

    def __init__(self, hear: Hear, total: int) -> None:
        self._hear, self._total, self._last = hear, total, time.perf_counter()

    def __call__(self, done: int) -> None:
        if time.perf_counter() - self._last > _TELL_EVERY_S:
            self._last = time.perf_counter()
            self._hear(Progressed("profiled runs", done, self._total))


class _Whole:
    """What there is to say beside the ops."""

    def __init__(
        self, asked: AskedProfile, modified: str | None, how: str, why_coarse: str, fed: str, *, events: bool
    ) -> None:
        self._asked, self._modified, self._how = asked, modified, how
        self._why_coarse, self._fed, self._events = why_coarse, fed, events

    def profile(self, runs: Runs, ops: Sequence[Op], peaks: Mapping[str, float]) -> Profile:
        """The record."""
        subject = self._asked.subject
        sums = runs.sums_us
        with_it, without = quickest(sums), quickest(runs.unprofiled_us)
        unprofiled = _spread([runs.unprofiled_us[place] for place in without])
        op_sum = _spread([sums[place] for place in with_it])
        ratio = op_sum.mean_us / unprofiled.mean_us if unprofiled.mean_us else 0.0
        return Profile(
            subject.name,
            subject.source,
            subject.model,
            self._modified,
            subject.section.name,
            dict(subject.section.options),
            subject.threads,
            how=self._how,
            why_coarse=self._why_coarse,
            fed=self._fed,
            num_runs=len(sums),
            counted_runs=len(with_it),
            unprofiled=unprofiled,
            profiled=_spread([runs.profiled_us[place] for place in quickest(runs.profiled_us)]),
            slowest_us=max(runs.unprofiled_us),
            op_sum=op_sum,
            op_sum_ratio=ratio,
            peaks=peaks,
            multiply_adds=sum(op.multiply_adds or 0 for op in ops),
            warnings=warnings_for(
                unprofiled.mean_us, ratio, events=self._events, runs=len(sums), asked=self._asked.num_runs
            ),
            ops=tuple(ops),
            by_type=by_type(ops, peaks),
            by_shape=by_shape(ops, peaks),
            trace=_median_run(runs, sums),
        )


def _median_run(runs: Runs, sums: Sequence[float]) -> tuple[Slice, ...]:
    order = {key: number for number, key in enumerate(runs.keys)}
    middle = int(np.argsort(sums)[len(sums) // 2])
    return tuple(Slice(order[key], start, length, laid) for key, start, length, laid in runs.slices[middle])


def _spread(values: Sequence[float]) -> TimeSpread:
    array = np.array(values)
    return TimeSpread(
        float(array.mean()), float(np.median(array)), float(array.min()), float(array.max()), float(array.std())
    )
