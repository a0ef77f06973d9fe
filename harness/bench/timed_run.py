"""What of a run the clock is around, and what is waited for between runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from backends.base import Array, Backend, Run, Stages
from harness.messages.bench import Pace

_ALONE = "the model alone"
_WITH_READING = "the model and the reading of its outputs, which waits for the accelerator"
_WHOLE = "the copying of inputs and outputs too, which this backend does not tell apart"


class _WholeRun:
    """The steps of a backend that has only the whole: the clock is around all of it."""

    def __init__(self, run: Run) -> None:
        """Nothing is written yet."""
        self._run = run
        self._inputs: Sequence[Array] = ()
        self._outputs: Sequence[Array] = ()

    def write(self, inputs: Sequence[Array]) -> None:
        """Keeps them for the run."""
        self._inputs = inputs

    def run(self) -> None:
        """Copies in, runs, copies out."""
        self._outputs = self._run(self._inputs)

    def read(self) -> Sequence[Array]:
        """What the last run gave."""
        return self._outputs


def stages_of(backend: Backend, *, accelerator: bool) -> tuple[Stages, str]:
    """The steps of a run, and what of it the clock is around."""
    found = backend.stages()
    if found is None:
        whole = _WholeRun(backend.runner())
        return Stages(whole.write, whole.run, whole.read), _WHOLE
    if not accelerator or backend.info().engine != "CompiledModel":
        return found, _ALONE
    run, read = found.run, found.read

    def run_and_read() -> None:
        run()
        read()

    return Stages(found.write, run_and_read, read), _WITH_READING


def delay_after(pace: Pace) -> Callable[[int, float], None] | None:
    """What to do after a run, given how many there were and when they began; None for nothing."""
    if pace.runs_per_second:
        every_s = 1 / pace.runs_per_second

        def until_its_turn(count: int, began: float) -> None:
            left = began + count * every_s - time.perf_counter()
            if left > 0:
                time.sleep(left)

        return until_its_turn
    if pace.delay_s:
        delay_s = pace.delay_s
        return lambda _count, _began: time.sleep(delay_s)
    return None
