"""Instances of the run's model: opened, placed on their CPUs, and with the task around them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.base import Backend, BackendInfo
from harness.config.official.rules import STREAMS
from harness.machine.control import Control, Phase
from harness.machine.facts import usable_cpus
from harness.machine.placement import Placement, may_pin, on, place
from harness.machine.topology import this_machine
from harness.messages.worker import Opened
from harness.model.parity import ParityRule, tolerance_for
from harness.serving.samples import SampleLibrary
from harness.serving.sut import SystemUnderTest
from harness.spec.opener import opener_of
from harness.spec.schema import Spec
from tasks.base import Codec, Task

_RESETS = 3


class Instances:
    """Opens instances of one thread or several, with the run's samples and codec; one of one thread is kept in hand."""

    def __init__(self, spec: Spec, task: Task, control: Control) -> None:
        """Opens the first instance, of one thread.

        Raises:
            BackendUnavailable: The backend is not here, or takes too little of the model.
            ModelRejected: The runtime cannot run the model.
        """
        self.spec, self.task, self.control = spec, task, control
        self.folder = Path.cwd()
        """The run's: a backend's library, of which none is open yet, may change the current directory."""
        self.topology = this_machine()
        self._may_pin = may_pin()
        control.enter(Phase.LOADING)
        self.opener = opener_of(
            spec.model,
            spec.backend,
            spec.cache_dir,
            task.input_shapes,
            # A stream has one instance: sharing saves nothing there, and costs it half a per cent (MobileBERT).
            several=spec.load.scenario not in STREAMS,
        )
        self.copy = self.opener.hold_copy()
        """What is loaded where it is not the model's own file."""
        first = self.open(1)
        self.info: BackendInfo = first.info()
        self.codec: Codec = task.codec(first.inputs, first.outputs)
        self.parity = ParityRule(spec.task, tolerance_for(spec.task, spec.backend.parity), self.codec.postprocess)
        self.samples = SampleLibrary(
            self.codec,
            len(task),
            workers=usable_cpus(),
            cache_dir=spec.cache_dir / "samples",
            on_sample=lambda: None,
            inputs=first.inputs,
            cache_limit=spec.sample_cache_bytes,
        )
        self._spare: Backend | None = first
        self.warnings: list[str] = []

    def opened(self) -> Opened:
        """What is known of the backend before anything is timed."""
        file = self.opener.file
        return Opened(
            self.info,
            file.modified,
            file.signature,
            {tensor.name: tensor.shape for tensor in self.first.inputs},
            "none" if not file.keeps else "reset" if self.opener.resets else "keep",
            str(file.keeps) if file.keeps else "",
            _reset_ns(self.first) if self.opener.resets else None,
            file.has_open_sizes,
        )

    @property
    def first(self) -> Backend:
        """The instance of one thread that is open before any other."""
        if self._spare is None:
            self._spare = self.open(1)
        return self._spare

    def open(self, threads: int) -> Backend:
        """Another instance of the model."""
        backend = self.opener.open(threads)
        self.control.tick()
        return backend

    def place(self, threads: int, instances: int, *, apart: bool = False) -> Placement:
        """Where instances would work, each in a process of its own (`apart`) or as threads of this one."""
        if self.info.accelerator:
            return Placement(why="an accelerator does the work")
        if not self._may_pin:
            return Placement(why="the system does not let a thread choose its CPUs")
        wanted = self.spec.backend.placement
        return place(self.topology, wanted, threads=threads, instances=instances, apart=apart)

    def sut(self, threads: int, cpus: Sequence[int] = (), batch: int = 1) -> SystemUnderTest:
        """Another instance with the task around it, its threads on these CPUs; the first of one thread is open already.

        Args:
            threads: Of the instance.
            cpus: Where they work; empty for anywhere.
            batch: Samples that it can be asked at once, which is proven already.
        """
        with on(cpus):
            return self._sut(threads, batch)

    def with_batch(self, sut: SystemUnderTest, many: Backend) -> SystemUnderTest:
        """The same instance, with one beside it for several samples at once."""
        return self._around(sut.backend, many)

    def take(self, options: Mapping[str, Any], backend: Backend) -> None:
        """All further instances have these options; this one, of one thread, is the next."""
        self.opener.take_options(options)
        self._let_go()
        self._spare, self.info = backend, backend.info()

    def take_file_as_it_is(self) -> None:
        """All further instances, the first among them, are of the file without its shapes completed."""
        self.opener.take_file_as_it_is()
        self._let_go()
        self.info = self.first.info()

    def _let_go(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _sut(self, threads: int, batch: int) -> SystemUnderTest:
        backend = None
        if threads == 1:
            backend, self._spare = self._spare, None
        made = self._around(backend or self.open(threads))
        # The calibration has loaded its samples, of which 0 is one.
        made.check(0)
        self.control.tick()
        return made if batch == 1 else self.with_batch(made, self.opener.open_many(made.backend, batch))

    def _around(self, backend: Backend, many: Backend | None = None) -> SystemUnderTest:
        accuracy = self.spec.load.mode == "accuracy"
        return SystemUnderTest(
            backend, self.codec, self.samples, check_answers=accuracy, many=many, resets=self.opener.resets
        )


def _reset_ns(backend: Backend) -> int:
    """How long a reset takes, the median of a few."""
    found = []
    for _ in range(_RESETS):
        began = time.perf_counter_ns()
        backend.reset()
        found.append(time.perf_counter_ns() - began)
    return sorted(found)[_RESETS // 2]
