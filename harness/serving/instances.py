"""The worker's parts: the model opened behind its backend, judged, proven against the CPU, and wrapped in its task."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from backends.base import Array, Backend, BackendInfo, ModelRejected, TensorSpec
from backends.cpu import CpuBackend
from backends.litert.shapes import complete_shapes
from backends.litert.weight_cache import SharedFile, can_cache, suspicion
from harness.config.registry import backend_class, check_backend_options
from harness.config.rules import STREAMS
from harness.errors import RunFailed
from harness.machine.control import Control, Phase
from harness.machine.facts import usable_cpus
from harness.machine.placement import Placement, may_pin, on, place
from harness.machine.topology import this_machine
from harness.messages.worker import Opened, Proven
from harness.model import parity
from harness.model.opening import Recipe
from harness.model.output_checks import checked
from harness.model.parity import Answers, Comparison
from harness.serving.samples import SampleLibrary
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from tasks.base import Codec, Task

_LARGE_MODEL_BYTES = 20_000_000
"""From here on another packing of the weights is felt, in time and memory."""


class Parts:
    """The task and the means to open the model as often as needed."""

    def __init__(self, spec: Spec, task: Task, control: Control) -> None:
        """Opens the first instance, of one thread.

        Raises:
            BackendUnavailable: The backend is not here, or takes too little of the model.
            ModelRejected: The runtime cannot run the model.
        """
        self.spec, self.task, self.control = spec, task, control
        self.backend_class: Any = backend_class(spec.backend.name)
        check_backend_options(spec.backend.name, self.backend_class, spec.backend.options)
        # A backend may be a function that chooses between classes.
        spread = getattr(self.backend_class, "spread", Backend.spread)
        self._spread: Sequence[dict[str, Any]] = spread(spec.backend.options)
        self._opened = 0
        self._recipes: WeakKeyDictionary[Backend, Recipe] = WeakKeyDictionary()
        self._weights: dict[Path, SharedFile] = {}
        self.topology = this_machine()
        self._may_pin = may_pin()
        control.enter(Phase.LOADING)
        self.model, self.modified = self._model()
        first = self.open(1)
        self.info: BackendInfo = first.info()
        self.codec: Codec = task.codec(first.inputs, first.outputs, accuracy=spec.load.mode == "accuracy")
        self.samples = SampleLibrary(
            self.codec,
            len(task),
            workers=usable_cpus(),
            cache_dir=spec.cache_dir / "samples",
            on_sample=lambda: None,
            inputs=first.inputs,
            cache_limit=spec.sample_cache_bytes,
        )
        self.spare: Backend | None = first
        self.warnings: list[str] = []

    def opened(self) -> Opened:
        """What is known of the backend before anything is timed."""
        return Opened(self.info, self.modified)

    @property
    def devices(self) -> int:
        """How many devices the instances are spread over."""
        return len(self._spread)

    def open(self, threads: int) -> Backend:
        """Another instance of the model."""
        backend = self._open(self.recipe(threads))
        self.control.tick()
        return backend

    def _open(self, recipe: Recipe) -> Backend:
        backend = recipe.open(self.backend_class, self.task)
        self._recipes[backend] = recipe
        return backend

    def open_many(self, single: Backend, batch: int) -> Backend:
        """An instance as this one, for so many samples at once."""
        recipe = replace(self._recipes[single], batch=batch)
        return recipe.open_many(self.backend_class, single)

    def recipe(self, threads: int, cpus: tuple[int, ...] = (), batch: int = 1) -> Recipe:
        """How to open another instance, here or in another process, which then works on these CPUs."""
        options = dict(self._spread[self._opened % len(self._spread)])
        self._opened += 1
        if self.spec.backend.name == "cpu":
            options |= self._weight_cache(options)
        return Recipe(self.model, threads, options, cpus, batch)

    def _weight_cache(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Where instances share packed weights: unless the config says, a pool's interpreters of a large model, in memory."""
        asked = options.get("weight_cache")
        if asked is True:
            return {"weight_cache": str(self.spec.cache_dir / "weights" / f"{self.spec.model.sha256}.xnnpack")}
        if asked is False:
            return {"weight_cache": ""}
        # A stream has one instance: sharing saves nothing there, and costs it half a per cent (MobileBERT).
        several = self.spec.load.scenario not in STREAMS
        large = self.model.stat().st_size >= _LARGE_MODEL_BYTES
        if asked is not None or not large or not several or not options.keys() <= {"engine"} or not can_cache():
            return {}
        if options.get("engine", "auto") not in ("auto", "Interpreter"):
            return {}
        # Another file has other weights.
        if self.model not in self._weights:
            self._weights[self.model] = SharedFile()
        return {"weight_cache": self._weights[self.model].path}

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

    def _sut(self, threads: int, batch: int) -> SystemUnderTest:
        backend, self.spare = (self.spare, None) if self.spare is not None and threads == 1 else (None, self.spare)
        made = self._around(backend or self.open(threads))
        # The calibration has loaded its samples, of which 0 is one.
        made.check(0)
        self.control.tick()
        return made if batch == 1 else self.with_batch(made, self.open_many(made.backend, batch))

    def with_batch(self, sut: SystemUnderTest, many: Backend) -> SystemUnderTest:
        """The same instance, with one beside it for several samples at once."""
        return self._around(sut.backend, many)

    def _around(self, backend: Backend, many: Backend | None = None) -> SystemUnderTest:
        accuracy = self.spec.load.mode == "accuracy"
        return SystemUnderTest(backend, self.codec, self.samples, check_answers=accuracy, many=many)

    def prove(self, indices: Sequence[int], tell: Callable[[Opened | Proven], None]) -> None:
        """Holds the backend against one CPU thread on a few samples, which must be loaded. The plain CPU is its own proof.

        Args:
            indices: Samples that may be asked.
            tell: Hears the comparison, whatever comes of it, or that the file as it is was opened instead.

        Raises:
            RunFailed: They differ by more than the task tolerates, and the config does not allow it.
        """
        if self.info.engine == "none" or self._plain():
            return
        self.control.enter(Phase.PROVING)
        began = time.monotonic()
        found = self._compare(indices[: self.spec.backend.parity.samples])
        completed = self.modified is not None and self.spec.backend.complete_shapes == "auto"
        if found.passed is False and completed and self._plain_but_for_the_file():
            self._take_the_file_as_it_is(found.why)
            tell(self.opened())
            return
        tell(Proven(found, time.monotonic() - began, self.spec.backend.allow_mismatch))
        if found.passed is False and not self.spec.backend.allow_mismatch:
            raise RunFailed(
                f"backend {self.info.name} disagrees with one CPU thread on {found.samples} samples, so nothing was "
                f"timed: {'; '.join(found.why)}.{self._suspicion(self.first)} --allow-mismatch times it all the same "
                "and says so in the result."
            )

    @property
    def engine_is_open(self) -> bool:
        """Whether the run leaves it to us which of the CPU's engines runs the model. Only one of them tells its coverage."""
        return self._plain_but_for_the_file() and self.spec.backend.require_full is None

    @property
    def first(self) -> Backend:
        """The instance of one thread that is open before any other."""
        if self.spare is None:
            self.spare = self.open(1)
        return self.spare

    def open_with(self, options: Mapping[str, Any]) -> Backend:
        """An instance of one thread with other options."""
        return self._open(Recipe(self.model, 1, options))

    def take(self, options: Mapping[str, Any], backend: Backend) -> None:
        """All further instances have these options; this one, of one thread, is the next."""
        self._spread = [dict(options)]
        if self.spare is not None:
            self.spare.close()
        self.spare, self.info = backend, backend.info()

    def prove_rival(self, backend: Backend, indices: Sequence[int], tell: Callable[[Proven], None]) -> bool:
        """Holds a backend that nobody asked for by name against one CPU thread; only one that agrees is told of."""
        began = time.monotonic()
        found = self._compare(indices[: self.spec.backend.parity.samples], backend)
        if found.passed:
            tell(Proven(found, time.monotonic() - began, allowed=False))
        return bool(found.passed)

    def agreement(self, backend: Backend, indices: Sequence[int]) -> Comparison:
        """Holds a backend against one CPU thread on these samples, which must be loaded: see `parity.compare`."""
        return self._compare(indices, backend)

    def _plain(self) -> bool:
        return self._plain_but_for_the_file() and self.modified is None

    def _plain_but_for_the_file(self) -> bool:
        return self.spec.backend.name == "cpu" and self.spec.backend.options in ({}, {"engine": "auto"})

    def _take_the_file_as_it_is(self, why: Sequence[str]) -> None:
        """A completed model is another rounding of the same one; where it is more than that, nobody asked for it."""
        self.warnings.append(
            f"the model runs as it is: with its missing shapes completed it answers otherwise ({'; '.join(why)})"
        )
        if self.spare is not None:
            self.spare.close()
        self.model, self.modified = self.spec.model.path, None
        self.spare = self.open(1)
        self.info = self.spare.info()

    def _compare(self, indices: Sequence[int], backend: Backend | None = None) -> Comparison:
        # An accelerator is held against the same file; changes to the file itself against the file as it was.
        path = self.model if self.info.accelerator else self.spec.model.path
        said = f"cpu, Interpreter, 1 thread, {'the file as it is' if path == self.spec.model.path else 'the same file'}"
        try:
            reference = Recipe(path, 1, {}).open(CpuBackend, self.task)
        except ModelRejected as error:
            return Comparison(None, (f"the CPU cannot run the model: {error}",), 0)
        expected = self._answers(reference, indices)
        reference.close()
        backend = backend or self.first
        try:
            found = self._answers(backend, indices)
        except RunFailed as error:
            raise RunFailed(f"{error}.{why}" if (why := self._suspicion(backend)) else str(error)) from None
        return replace(self._held_against(backend.outputs, expected, found), reference=said)

    def _suspicion(self, backend: Backend) -> str:
        return suspicion(str(self._recipes[backend].options.get("weight_cache") or ""))

    def disagreement(self, outputs: Sequence[TensorSpec], expected: Answers, found: Answers) -> list[str]:
        """What is beyond the task's tolerance in answers to the same samples."""
        return list(self._held_against(outputs, expected, found).why)

    def _held_against(self, outputs: Sequence[TensorSpec], expected: Answers, found: Answers) -> Comparison:
        tolerance = parity.tolerance_for(self.spec.task, self.spec.backend.parity)
        return parity.compare(self.spec.task, outputs, expected, found, tolerance, self.codec.postprocess)

    def _answers(self, backend: Backend, indices: Sequence[int]) -> list[list[Array]]:
        ask = checked(backend, backend.runner())
        answers = []
        for index in indices:
            # A backend may reuse its buffers.
            answers.append([output.copy() for output in ask(self.samples.rows[index])])
            self.control.tick()
        return answers

    def _model(self) -> tuple[Path, str | None]:
        path = self.spec.model.path
        if self.spec.backend.complete_shapes is False or self.spec.backend.name == "null":
            return path, None
        return complete_shapes(path, self.spec.model.sha256, self.spec.cache_dir / "models")
