"""An actor that answers: one instance of the model on a node, with the task around it."""

from __future__ import annotations

import gc
import os
import traceback
from array import array
from dataclasses import replace
from time import perf_counter_ns

from harness.machine.json_line import decode, encode
from harness.machine.memory import own_bytes
from harness.messages.actor import Loaded, Order, Started
from harness.messages.failure import failed
from harness.serving.cluster.on_nodes.resident import Resident, data_of, told
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Kind
from harness.serving.samples import SampleLibrary
from harness.serving.sut import SystemUnderTest
from harness.spec.task import open_task
from harness.zoo.files.official import cache_dir

Answered = tuple[int, bytes, str]
"""How long it took in ns, the frame of answers, and where samples were loaded for it, `Loaded`; else empty."""


class Answerer(Resident):
    """An instance."""

    def __init__(self) -> None:
        super().__init__()
        self._loads_as_asked = False

    def open(self, text: str) -> str:
        """Opens task and model as an `Order` says; tells `Started`."""
        return told(lambda: self._open(decode(text, Order)))

    def load(self, indices: bytes) -> str:
        """Brings samples into memory, by their indices as 32-bit words; tells `Loaded`."""

        def load() -> str:
            wanted = array("I", indices).tolist()
            self._samples.load(wanted)
            self._sut.check(wanted[0])
            gc.collect()
            gc.freeze()
            gc.disable()
            return self._digests()

        return told(load)

    def unload(self, indices: bytes) -> str:
        """Lets samples go."""
        return told(lambda: self._samples.unload(array("I", indices).tolist()))

    def answer(self, frame: bytes) -> Answered:
        """Answers the samples of a WORK frame by a frame of ANSWERS, or of what went wrong."""
        began = perf_counter_ns()
        try:
            indices = memoryview(frame)[frames.read(frame).start :].cast("I").tolist()
            if self._loads_as_asked:
                return self._load_and_answer(indices, began)
            answers = frames.pack_answers(self._sut.answer_all(indices))
            if self._sut.renew is not None:
                self._sut.renew()
            return perf_counter_ns() - began, answers, ""
        except BaseException as error:
            traceback.print_exc()
            return perf_counter_ns() - began, frames.pack_text(Kind.FAILED, encode(failed(error))), ""

    def _load_and_answer(self, indices: list[int], began: int) -> Answered:
        self._samples.load(indices)
        answers = frames.pack_answers(self._sut.answer_all(indices))
        if self._sut.renew is not None:
            self._sut.renew()
        self._samples.unload(indices)
        return perf_counter_ns() - began, answers, self._digests()

    def _open(self, order: Order) -> str:
        before = own_bytes()
        spec = self.spec(order.spec)
        model = self.here[str(order.recipe.model)]
        # Not the head's file, but the same contents.
        recipe = replace(order.recipe, model=model, held=tuple(replace(file, path=model) for file in order.recipe.held))
        task = open_task(spec.task, spec.options, spec.dataset)
        backend = recipe.open()
        many = recipe.open_many(backend) if recipe.batch > 1 else None
        self._loads_as_asked = order.loads_as_asked
        codec = task.codec(backend.inputs, backend.outputs)
        self._samples = SampleLibrary(
            codec,
            len(task),
            workers=order.cpus,
            cache_dir=cache_dir() / "samples",
            on_sample=lambda: None,
            inputs=backend.inputs,
            cache_limit=spec.sample_cache_bytes,
            # What is loaded as it is asked comes in other lots the next time.
            keeps=not order.loads_as_asked,
        )
        accuracy = spec.load.mode == "accuracy"
        self._sut = SystemUnderTest(
            backend, codec, self._samples, check_answers=accuracy, many=many, resets=recipe.resets
        )
        return encode(Started(os.getpid(), before, backend.info().device.get("device"), len(task), data_of(task)))

    def _digests(self) -> str:
        digests, self._samples.digests = self._samples.digests, {}
        return encode(Loaded(digests))
