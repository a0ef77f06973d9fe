"""Timed or scored, a sample has the same answer, to the byte: in every task and scenario, with C and without."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from backends.base import Backend, BackendInfo, TensorSpec
from harness.config.registry import TASKS as KINDS
from harness.machine.control import Control
from harness.serving import sut as sut_module
from harness.serving.dispatch import inline
from harness.serving.dispatch import peer as peer_module
from harness.serving.dispatch.frames import Inbox
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.inline import multi_stream, single_stream
from harness.serving.dispatch.peers import Peer
from harness.serving.dispatch.pool import Pool
from harness.serving.dispatch.processes import ProcessPool
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.dispatch.shared_samples import SharedSamples
from harness.serving.responder import LARGE_BYTES, Responder
from harness.serving.sut import SystemUnderTest
from tasks.base import Codec
from tasks.codecs.anomaly_detection import AnomalyCodec
from tasks.codecs.classification import ClassificationCodec, ClassificationOptions
from tasks.codecs.detection import DetectionCodec, DetectionOptions
from tasks.codecs.keyword_spotting import KeywordSpottingCodec, KeywordSpottingOptions
from tasks.codecs.landmarks import LandmarkCodec, LandmarkOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions, WindowBinding
from tasks.codecs.segmentation import SegmentationCodec, SegmentationOptions
from tasks.codecs.super_resolution import SuperResolutionCodec, SuperResolutionOptions
from tasks.codecs.wake_word import WakeWordCodec, WakeWordOptions
from tasks.codecs.yolo_detection import YoloCodec, YoloOptions
from tasks.outputs import label_answers, segmentation_binding
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels import picture_tensor
from tasks.tensors.samples import RandomSamples
from tasks.tensors.task import TensorsCodec

Array = npt.NDArray[Any]
SAMPLES = 6
ASKED = [3, 0, 5, 3, 1, 2, 4, 0]
IN_C: Sequence[ModuleType] = (sut_module, inline, label_answers, segmentation_binding, picture_tensor)


def tensor(name: str, shape: Sequence[int], dtype: Any = np.float32) -> TensorSpec:
    return TensorSpec(name, tuple(shape), np.dtype(dtype))


def random(seed: int, outputs: Sequence[TensorSpec]) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 100, one.shape).astype(one.dtype) for one in outputs]


def stripes(seed: int, outputs: Sequence[TensorSpec]) -> list[Array]:
    return [np.sort(each % 7, axis=-1) for each in random(seed, outputs)]


def boxes(seed: int, outputs: Sequence[TensorSpec]) -> list[Array]:
    *rest, count = [each / each.dtype.type(100) for each in random(seed, outputs)]
    return [*rest, count * 0 + np.float32(seed)]


def fractions(seed: int, outputs: Sequence[TensorSpec]) -> list[Array]:
    return [each / each.dtype.type(100) for each in random(seed, outputs)]


class Model(Backend):
    """Answers as it is told, into the same memory each time, as engines do."""

    def __init__(
        self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], made: Callable[..., list[Array]]
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self._made = made
        self._memory = [np.zeros(one.shape, one.dtype) for one in outputs]

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        for memory, values in zip(self._memory, self._made(int(inputs[0].reshape(-1)[0]), self.outputs), strict=True):
            memory[...] = values
        return self._memory

    def info(self) -> BackendInfo:
        return BackendInfo("told", "none", None)


def _question_answering(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Codec:
    return cast("Codec", _Windows(QuestionAnsweringOptions(), inputs, outputs))


class _Windows(WindowBinding):
    stamps_index = False
    judges_outputs = False

    def answerer(self) -> Any:
        return self.postprocess


def _codec(kind: Any, options: Any) -> Callable[..., Codec]:
    return lambda inputs, outputs: kind(Pictures.none(), options, inputs, outputs)


def _anomaly_detection(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Codec:
    return AnomalyCodec(5, inputs, outputs)


def _wake_word(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Codec:
    return WakeWordCodec(WAKE, inputs, outputs)


FACE, WAKE = LandmarkOptions(), WakeWordOptions()
YOLO = YoloOptions(form="v8", classes=1, class_offset=0)
PICTURE = [tensor("picture", (1, 160, 160, 3), np.uint8)]
TASKS: Mapping[str, tuple[Callable[..., Codec], list[TensorSpec], list[TensorSpec], Callable[..., list[Array]]]] = {
    "classification": (
        _codec(ClassificationCodec, ClassificationOptions()),
        PICTURE,
        [tensor("scores", (1, 1001), np.uint8)],
        random,
    ),
    "keyword_spotting": (
        _codec(KeywordSpottingCodec, KeywordSpottingOptions()),
        [tensor("features", (1, 49, 10, 1), np.int8)],
        [tensor("scores", (1, 12), np.int8)],
        random,
    ),
    "detection": (
        _codec(DetectionCodec, DetectionOptions()),
        PICTURE,
        [tensor(f"TFLite_Detection_PostProcess{n}", shape) for n, shape in (("", (1, 10, 4)), (":1", (1, 10)))]
        + [tensor("TFLite_Detection_PostProcess:2", (1, 10)), tensor("TFLite_Detection_PostProcess:3", (1,))],
        boxes,
    ),
    "segmentation": (
        _codec(SegmentationCodec, SegmentationOptions()),
        PICTURE,
        [tensor("map", (1, 160, 160), np.int32)],
        stripes,
    ),
    "segmentation of scores": (
        _codec(SegmentationCodec, SegmentationOptions(num_classes=4)),
        PICTURE,
        [tensor("scores", (1, 160, 160, 4))],
        random,
    ),
    "super_resolution": (
        _codec(SuperResolutionCodec, SuperResolutionOptions()),
        PICTURE,
        [tensor("picture", (1, 320, 320, 3))],
        random,
    ),
    "wake_word": (
        _wake_word,
        [tensor("frames", (1, WAKE.frames, 40))],
        [tensor("probabilities", (1, WAKE.classes))],
        random,
    ),
    "landmarks": (
        _codec(LandmarkCodec, FACE),
        [tensor("face", (1, *FACE.frame, 3))],
        [tensor("points", (1, FACE.points * FACE.values_per_point))],
        random,
    ),
    "yolo_detection": (
        _codec(YoloCodec, YOLO),
        PICTURE,
        [tensor("boxes", (1, 5, 20))],
        fractions,
    ),
    "anomaly_detection": (_anomaly_detection, [tensor("window", (1, 640))], [tensor("again", (1, 640))], random),
    "question_answering": (
        _question_answering,
        [tensor(name, (1, 384), np.int32) for name in ("input_ids", "input_mask", "segment_ids")],
        [tensor(name, (1, 384)) for name in ("end_logits", "start_logits")],
        random,
    ),
    "tensors": (
        lambda inputs, outputs: TensorsCodec(RandomSamples(None, {}, 0), inputs, outputs),
        [tensor("x", (1, 7))],
        [tensor("numbers", (1, 5, 2)), tensor("steps", (3,), np.int8)],
        random,
    ),
}


def test_no_task_is_left_out() -> None:
    assert {name.partition(" ")[0] for name in TASKS} == set(KINDS)


def answered(task: str, scenario: str, *, scored: bool, control: Control, completed: list[tuple[int, bytes]]) -> Any:
    """What LoadGen gets for the samples, by sample."""
    bind, inputs, outputs, made = TASKS[task]
    rows = [tuple(np.full(one.shape, index, one.dtype) for one in inputs) for index in range(SAMPLES)]
    backend = Model(inputs, outputs, made)
    samples: Any = SimpleNamespace(rows=rows, raw=[])
    sut = SystemUnderTest(backend, bind(inputs, outputs), samples, check_answers=scored)
    guard = Guard(control, print)
    ids = list(range(100, 100 + len(ASKED)))
    completed.clear()
    if scenario == "SingleStream":
        issue = single_stream(sut, guard, control)
        for query, index in zip(ids, ASKED, strict=True):
            issue([query], [index])
    elif scenario == "MultiStream":
        multi_stream(sut, guard, control, len(ASKED))(ids, ASKED)
    else:
        times = [QueueTimes(len(ASKED))] if scenario == "Server" else []
        pool = Pool([sut], guard, control, chunk=1 if times else 3, times=times)
        for first, last in ((0, 4), (4, 8)) if not times else [(at, at + 1) for at in range(len(ASKED))]:
            pool.issue(ids[first:last], ASKED[first:last])
        pool.close()
    assert guard.failure is None
    return by_sample(completed, ids)


def by_sample(completed: Sequence[tuple[int, bytes]], ids: Sequence[int]) -> dict[int, bytes]:
    """What each sample was answered; always the same."""
    found: dict[int, set[bytes]] = {}
    for query, data in completed:
        found.setdefault(ASKED[query - 100], set()).add(data)
    assert sorted(query for query, _ in completed) == ids
    assert all(len(each) == 1 for each in found.values())
    return {index: data for index, (data,) in found.items()}


class _Counting(Responder):
    """Says when all have been completed."""

    def __init__(self, slots: int, left: list[int], done: threading.Event) -> None:
        super().__init__(slots)
        self._left, self._done = left, done

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        super().packed(query_ids, address, size, sizes)
        self._left[0] -= len(query_ids)
        if not self._left[0]:
            self._done.set()


def answered_by_peers(
    task: str, *, scored: bool, control: Control, completed: list[tuple[int, bytes]], timed: bool = False
) -> dict[int, bytes]:
    """The same from a pool of two processes: a process's own code and everything between, in a thread in its place."""
    bind, inputs, outputs, made = TASKS[task]
    rows = [tuple(np.full(one.shape, index, one.dtype) for one in inputs) for index in range(SAMPLES)]
    ids, left, done = list(range(100, 100 + len(ASKED))), [len(ASKED)], threading.Event()
    guard = Guard(control, print)
    completed.clear()
    with ExitStack() as opened:
        peers = []
        for number in range(2):
            ours, theirs = socket.socketpair()
            opened.enter_context(ours)
            peer = object.__new__(Peer)
            peer.number, peer.socket, peer.inbox, peer.asked = number, ours, Inbox(), deque()
            peer.sent = peer.answered = 0
            peer.acknowledged = threading.Event()
            samples = SharedSamples(SAMPLES, inputs)
            sut = SystemUnderTest(Model(inputs, outputs, made), bind(inputs, outputs), samples, check_answers=scored)
            thread = threading.Thread(target=_serve, args=(theirs, sut, samples))
            thread.start()
            opened.callback(thread.join)
            # Closed before it is waited for.
            opened.callback(ours.close)
            peers.append(peer)
        times = [QueueTimes(len(ASKED)) for _ in peers] if timed else []
        pool = ProcessPool(
            peers,
            guard,
            control,
            chunk=3,
            completer=lambda slots: _Counting(slots, left, done),
            abandon=lambda _: None,
            times=times,
        )
        pool.load(rows, ASKED, inputs)
        for first, last in [(at, at + 1) for at in range(len(ASKED))] if timed else [(0, 4), (4, 8)]:
            pool.issue(ids[first:last], ASKED[first:last])
        done.wait()
        pool.close()
    assert guard.failure is None
    return by_sample(completed, ids)


def _serve(line: socket.socket, sut: SystemUnderTest, samples: SharedSamples) -> None:
    with line:
        peer = peer_module._Peer(line)
        while (frame := peer.next()) is not None:
            peer.do(frame, sut, samples)


@pytest.mark.parametrize("task", TASKS)
def test_processes_send_the_bytes_of_the_scored_answer_timed_or_not(
    task: str, control: Control, completed: list[tuple[int, bytes]]
) -> None:
    scored = answered(task, "SingleStream", scored=True, control=control, completed=completed)
    for mode in (True, False):
        for timed in (True, False):
            found = answered_by_peers(task, scored=mode, control=control, completed=completed, timed=timed)
            assert found == scored, (mode, timed)


@pytest.mark.parametrize("task", TASKS)
def test_a_timed_answer_has_the_bytes_of_the_scored_one_in_every_scenario(
    task: str, control: Control, completed: list[tuple[int, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = answered(task, "SingleStream", scored=True, control=control, completed=completed)
    assert len(set(scored.values())) == SAMPLES
    for scenario in ("SingleStream", "MultiStream", "Server", "Offline"):
        for mode in (True, False):
            found = answered(task, scenario, scored=mode, control=control, completed=completed)
            assert found == scored, (scenario, mode)
    for module in IN_C:
        monkeypatch.setattr(module, "timed_path" if module in (sut_module, inline) else "in_c", None)
    monkeypatch.setattr(label_answers, "timed_path", None)
    for scenario in ("SingleStream", "Offline"):
        assert answered(task, scenario, scored=False, control=control, completed=completed) == scored, scenario


def test_pictures_are_sent_from_where_they_lie(control: Control, completed: list[tuple[int, bytes]]) -> None:
    found = answered("super_resolution", "MultiStream", scored=False, control=control, completed=completed)
    assert all(len(data) == 10 + 320 * 320 * 3 > LARGE_BYTES for data in found.values())
