"""The process in which `bench` measures one model, once `harness.bench.start` has begun it.

It opens the model with a run's own `Opener`, makes the inputs once, and asks as benchmark_model does (LRT
tflite/tools/benchmark/benchmark_model.cc): the inputs are written again before each run, and the clock is around the model
alone. A state that shall not live on is put back before each run. It answers what `harness.messages.bench` has.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import numpy as np

from backends.base import Backend
from harness.bench.inputs import Fed, check_names, fed_inputs
from harness.bench.timed_run import delay_after, stages_of
from harness.bench.times import RunTimes
from harness.config.invocation import Invocation
from harness.errors import RunFailed
from harness.machine.child_process import awake_on_time
from harness.machine.control import Control
from harness.machine.memory import MemoryMeter, Owner, Residents, own_bytes, reset_peak, resident_bytes
from harness.messages.bench import (
    BENCH_QUESTIONS,
    BenchInput,
    BenchMemory,
    BenchOutput,
    BenchQuestion,
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
from harness.model.contents.allocation import allocate_here
from harness.model.contents.describe import ModelDescription, describe_model
from harness.model.drawn_inputs import RUN_OPTION, inputs_explained
from harness.turns.answering import Begun, answer_questions

BenchAnswer = InputsTaken | WarmedUp | Ran | Finished | ModelDescription | LeftOut


def main() -> int:
    """Answers until the parent has no more questions."""
    return answer_questions(_begin, BENCH_QUESTIONS)


def _begin(_: Control, __: Sequence[str]) -> Begun[BenchQuestion]:
    # Libraries are no part of the model, neither of its time nor of its memory; numpy imports its random numbers late.
    import ai_edge_litert.compiled_model
    import ai_edge_litert.interpreter  # noqa: F401

    np.random.default_rng()
    return Begun(Ready(), _Answers().answer)


class _Answers:
    """A process is started before anybody knows for which model: see `harness.turns.process.MeasuringProcess.start`."""

    def __init__(self) -> None:
        """No model yet."""
        self._probe: Probe | None = None

    def answer(self, question: BenchQuestion) -> Opened | BenchAnswer:
        """The answer to a question."""
        if isinstance(question, OpenForBench):
            self._probe = Probe(question)
            gc.collect()
            gc.freeze()
            return self._probe.opened()
        if self._probe is None:
            raise RunFailed(f"{type(question).__name__} is asked of a process that has no model yet")
        return self._probe.answer(question)


class Probe:
    """A model, open, with its inputs."""

    def __init__(self, asked: OpenForBench) -> None:
        """Opens it.

        Raises:
            BackendUnavailable: And its kin; the parent hears why.
        """
        self._asked, subject = asked, asked.subject
        self._opener = subject.opener()
        self._own, self._meter = own_bytes(), MemoryMeter()
        reset_peak()
        self._before = resident_bytes()
        began = time.perf_counter_ns()
        self._backend: Backend = self._opener.open_covered(subject.threads)
        self._load_ns = time.perf_counter_ns() - began
        self._loaded = self._reached = resident_bytes(peak=True)
        self._info = self._backend.info()
        self._stages, self._timed = stages_of(self._backend, accelerator=self._info.accelerator)
        self._meter.measure(self._residents("loaded"))
        self._inputs = self._fed(asked.files)
        self._times = RunTimes()
        self._ends: list[int] = []

    def opened(self) -> Opened:
        """What is known before it is asked."""
        file, keeps = self._opener.file, self._opener.file.keeps
        return Opened(
            self._load_ns,
            self._info,
            file.modified,
            file.signature,
            tuple(
                BenchInput(
                    each.name, each.dtype.name, each.shape, each.scale, each.zero_point, each.stored_as, fed.words
                )
                for each, fed in zip(self._backend.inputs, self._inputs, strict=True)
            ),
            tuple(
                BenchOutput(each.name, each.dtype.name, each.shape, each.scale, each.zero_point, each.stored_as)
                for each in self._backend.outputs
            ),
            "none" if not keeps else "reset" if self._opener.resets else "keep",
            str(keeps) if keeps else "",
            self._timed,
        )

    def answer(self, question: BenchQuestion) -> BenchAnswer:
        """The answer to a question.

        Raises:
            RunFailed: It has its model already.
        """
        match question:
            case OpenForBench():
                raise RunFailed("this process has its model already")
            case TakeInputs():
                check_names(self._backend.inputs, question.files)
                self._inputs = self._fed(question.files)
                return InputsTaken()
            case WarmUp():
                return self._warm_up(question.pace)
            case Run():
                return self._run(question.pace)
            case Finish():
                return self._finished(question)
            case Describe():
                return self._described()
            case TellLeftOut():
                return self._left_out()

    def _described(self) -> ModelDescription:
        subject = self._asked.subject
        invocation = Invocation.model_validate(dict(subject.invocation))
        return describe_model(subject.model, subject.sha256, invocation, allocate_here)

    def _warm_up(self, pace: Pace) -> WarmedUp:
        times = RunTimes()
        time_s = self._ask(pace, times)
        found = times.since(0)
        first, mean = (int(found[0]), int(found.mean())) if len(found) else (None, None)
        return WarmedUp(first, mean, len(found), time_s)

    def _run(self, pace: Pace) -> Ran:
        before = len(self._times)
        time_s = self._ask(pace, self._times)
        found = self._times.since(before)
        self._ends.append(len(self._times))
        return Ran(int(np.median(found)), len(found), time_s)

    def _ask(self, pace: Pace, times: RunTimes) -> float:
        """Asks at this pace; returns the seconds that it took."""
        inputs, write, run = [fed.values for fed in self._inputs], self._stages.write, self._stages.run
        reset = self._backend.reset if self._opener.resets else None
        now, note, delay = time.perf_counter_ns, times.note, delay_after(pace)
        count, began = 0, time.perf_counter()
        elapsed = 0.0
        with awake_on_time(), self._inputs_explained():
            while (count < pace.least_runs or elapsed < pace.least_s) and elapsed <= pace.most_s:
                if reset is not None:
                    reset()
                write(inputs)
                start = now()
                run()
                note(now() - start)
                count += 1
                if delay is not None:
                    delay(count, began)
                elapsed = time.perf_counter() - began
        # What the runs' times take is ours, not the model's.
        peak = resident_bytes(peak=True)
        if peak is not None and self._reached is not None:
            self._reached = max(self._reached, peak - times.nbytes)
        return elapsed

    def _inputs_explained(self) -> AbstractContextManager[None]:
        """What to do where the model does not run on values that nobody chose."""
        model = self._asked.subject.model
        return inputs_explained(model, option=RUN_OPTION) if self._are_drawn else nullcontext()

    def _finished(self, asked: Finish) -> Finished:
        memory = self._memory()
        if asked.times is not None:
            np.savez(asked.times, times=self._times.since(0), ends=np.array(self._ends, np.int64))
        outputs = list(self._stages.read())
        nan = {
            tensor.name: int(np.count_nonzero(np.isnan(array)))
            for tensor, array in zip(self._backend.outputs, outputs, strict=True)
            if array.dtype.kind in "fc"
        }
        changed = {
            tensor.name: array.shape
            for tensor, array in zip(self._backend.outputs, outputs, strict=True)
            if array.shape != tensor.shape
        }
        return Finished(
            self._times.latency(asked.percentiles),
            memory,
            {name: count for name, count in nan.items() if count},
            changed,
        )

    def _memory(self) -> BenchMemory:
        self._meter.measure(self._residents("ended"))
        found = self._meter.figures()
        load, overall = (
            None if self._before is None or each is None else max(0, each - self._before)
            for each in (self._loaded, self._reached)
        )
        return BenchMemory(load, overall, found.peak_rss_bytes, found.parts)

    def _left_out(self) -> LeftOut:
        coverage = self._info.coverage
        if coverage is None or not coverage.delegated_nodes or coverage.delegated_nodes == coverage.nodes:
            return LeftOut(None, "the engine does not tell, or the delegate has all ops or none")
        found = self._backend.time_share([fed.values for fed in self._inputs])
        return LeftOut(found.cpu, found.why)

    def _residents(self, moment: Literal["loaded", "ended"]) -> Residents:
        folder = str(self._asked.subject.cache_dir / "weights")
        return Residents(moment, (Owner(os.getpid(), self._own),), model=str(self._opener.model), weight_folder=folder)

    def _fed(self, files: Mapping[str, Path]) -> list[Fed]:
        asked = self._asked
        self._are_drawn = any(tensor.name not in files for tensor in self._backend.inputs)
        return fed_inputs(self._backend.inputs, ranges=asked.ranges, files=files, seed=asked.seed)
