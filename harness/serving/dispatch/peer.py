"""A process that answers samples for the worker: `python -P -m harness.serving.dispatch.peer SOCKET_FD PARENT_PID`.

Its current directory is the run's, from whose spec.yaml it opens task, codec and model as the worker does. It never speaks to
LoadGen and never writes a result; its output goes to run.log.
"""

from __future__ import annotations

import array
import gc
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode, encode
from harness.machine.memory import own_bytes
from harness.machine.placement import pin
from harness.messages.failure import failed
from harness.messages.peer import Ready
from harness.model.opening import Recipe
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Inbox, Kind
from harness.serving.dispatch.shared_samples import SharedSamples
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import read_spec
from harness.spec.task import open_task

_FILES = socket.CMSG_SPACE(array.array("i", [0]).itemsize)


def main() -> int:
    """Answers until the worker closes the socket."""
    line = socket.socket(fileno=int(sys.argv[1]))
    live_and_die_with(int(sys.argv[2]))
    try:
        _Peer(line).serve()
    except (BrokenPipeError, ConnectionResetError):
        # The worker is gone, and has no use for an answer.
        return 1
    except BaseException as error:
        traceback.print_exc()
        line.sendall(frames.pack_text(Kind.FAILED, encode(failed(error))))
        return 1
    return 0


class _Peer:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._inbox = Inbox()
        self._files: list[int] = []

    def serve(self) -> None:
        opening = self.next()
        if opening is None:
            return
        before = own_bytes()
        sut, samples = _open(decode(self._inbox.text(opening), Recipe), self.step)
        ready = Ready(sut.backend.info().device.get("device"), before)
        self._line.sendall(frames.pack_text(Kind.READY, encode(ready)))
        gc.collect()
        gc.freeze()
        gc.disable()
        while (frame := self.next()) is not None:
            self.do(frame, sut, samples)

    def step(self) -> None:
        """Says that it gets on: on a slow machine all steps together take longer than one that hangs may."""
        self._line.sendall(frames.pack_text(Kind.STEP))

    def do(self, frame: frames.Frame, sut: SystemUnderTest, samples: SharedSamples) -> None:
        """What the worker asks for."""
        match frame.kind:
            case Kind.WORK:
                self._answer(sut, self._inbox.indices(frame))
            case Kind.SAMPLES:
                file = self._files.pop(0)
                sut.check(samples.take(file))
                os.close(file)
                self._line.sendall(frames.pack_text(Kind.DONE))
            case Kind.FORGET:
                samples.forget()
                self._line.sendall(frames.pack_text(Kind.DONE))
            case other:
                raise ValueError(f"the worker sent {other!r}, which is nothing for a peer")

    def _answer(self, sut: SystemUnderTest, indices: memoryview) -> None:
        self._line.sendall(frames.pack_answers(sut.answer_all(indices)))
        if sut.renew is not None:
            sut.renew()

    def next(self) -> frames.Frame | None:
        """The next frame, None at the end."""
        while (frame := self._inbox.next()) is None:
            count, extra, _, _ = self._line.recvmsg_into([self._inbox.room()], _FILES)
            if count == 0:
                return None
            for level, kind, data in extra:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    self._files += array.array("i", data)
            self._inbox.arrived(count)
        return frame


def _open(recipe: Recipe, step: Callable[[], None]) -> tuple[SystemUnderTest, SharedSamples]:
    step()
    # Before anything is opened: what makes threads of its own passes this on to them.
    pin(recipe.cpus)
    spec = read_spec(Path.cwd())
    task = open_task(spec.task, spec.options, spec.dataset)
    step()
    backend = recipe.open()
    step()
    many = recipe.open_many(backend) if recipe.batch > 1 else None
    accuracy = spec.load.mode == "accuracy"
    codec = task.codec(backend.inputs, backend.outputs)
    samples = SharedSamples(len(task), backend.inputs)
    sut = SystemUnderTest(backend, codec, samples, check_answers=accuracy, many=many, resets=recipe.resets)
    return sut, samples


if __name__ == "__main__":
    sys.exit(main())
