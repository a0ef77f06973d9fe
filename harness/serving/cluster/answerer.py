"""An actor: one instance of the model on a node, with the task around it. It knows nothing of Ray.

Everything that it is told and tells is text or bytes: records of `harness.messages.cluster`, frames of
`harness.serving.dispatch.frames`. What goes wrong is told too, never raised, or Ray would pickle it.
"""

from __future__ import annotations

import gc
import hashlib
import os
import traceback
from array import array
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter_ns

from harness.config.plain_yaml import load_yaml
from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.machine.memory import own_bytes
from harness.messages.actor import Lacking, Loaded, Order, Started, Tree, Wanted
from harness.messages.failure import failed
from harness.results.read_data import files_now
from harness.serving.cluster.files import Places, moved
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Kind
from harness.serving.samples import SampleLibrary
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.zoo.files.official import cache_dir
from tasks.base import Task

Answered = tuple[int, bytes, str]
"""How long it took in ns, the frame of answers, and where samples were loaded for it, `Loaded`; else empty."""


class Answerer:
    """What Ray makes an actor of."""

    def __init__(self) -> None:
        self._places = Places(cache_dir())
        self._order: Order | None = None
        self._loads_as_asked = False

    def take_order(self, text: str) -> str:
        """Hears what to open, an `Order`; tells `Lacking`."""
        return _told(lambda: self._take_order(decode(text, Order)))

    def expect(self, text: str) -> str:
        """Hears of a `Tree` that will be sent; tells `Wanted`, the files that it lacks."""

        def wanted() -> str:
            tree = decode(text, Tree)
            return encode(Wanted(tuple(file.sha256 for file in tree.files) if self._places.expect(tree) else ()))

        return _told(wanted)

    def receive(self, place: int, piece: bytes) -> str:
        """Takes some bytes of the expected tree; see `Places.receive`."""
        return _told(lambda: self._places.receive(place, piece))

    def keep(self) -> str:
        """All of the expected tree has been sent."""
        return _told(self._places.keep)

    def open(self) -> str:
        """Opens task and model; tells `Started`."""
        return _told(self._open)

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

        return _told(load)

    def unload(self, indices: bytes) -> str:
        """Lets samples go."""
        return _told(lambda: self._samples.unload(array("I", indices).tolist()))

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

    def _take_order(self, order: Order) -> str:
        self._order = order
        return encode(Lacking(tuple(self._places.lacking(order.lent))))

    def _open(self) -> str:
        order = self._order
        if order is None:
            raise RunFailed("an actor was to open a model before it was told which")
        before, here = own_bytes(), self._places.here
        spec = Spec.model_validate(moved(load_yaml(order.spec, ours=True), here))
        recipe = replace(order.recipe, model=here[str(order.recipe.model)])
        task = open_task(spec.task, spec.options, spec.dataset)
        backend = recipe.open()
        many = recipe.open_many(backend) if recipe.batch > 1 else None
        self._loads_as_asked = order.loads_as_asked
        codec = task.codec(backend.inputs, backend.outputs)
        self._samples = SampleLibrary(
            codec,
            len(task),
            workers=order.cpus,
            # What is loaded as it is asked comes in other lots the next time.
            cache_dir=None if order.loads_as_asked else cache_dir() / "samples",
            on_sample=lambda: None,
            inputs=backend.inputs,
            cache_limit=spec.sample_cache_bytes,
        )
        accuracy = spec.load.mode == "accuracy"
        self._sut = SystemUnderTest(
            backend, codec, self._samples, check_answers=accuracy, many=many, resets=recipe.resets
        )
        return encode(Started(os.getpid(), before, backend.info().device.get("device"), len(task), data_of(task)))

    def _digests(self) -> str:
        digests, self._samples.digests = self._samples.digests, {}
        return encode(Loaded(digests))


def data_of(task: Task) -> str:
    """SHA-256 over what a set's samples are called, or where all lie in files, over those: the same where the set is."""
    stored = task.stored_samples()
    words = list(stored.names) if stored is not None else [str(item.sha256) for item in files_now(task)]
    return hashlib.sha256("\n".join(words).encode(errors="surrogateescape")).hexdigest()


def _told(work: Callable[[], str | None]) -> str:
    """What came of it, or `Failed`."""
    try:
        return work() or ""
    except BaseException as error:
        traceback.print_exc()
        return encode(failed(error))
