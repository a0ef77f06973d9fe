"""What is done beside the models, on threads of its own: inputs are drawn ahead and outputs compared while they run."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from backends.base import Array
from harness.difference.draws import DocumentedInputs
from harness.difference.errors import GatheredErrors

_MOST_AHEAD, _AHEAD_BYTES = 16, 32_000_000


class DrawnAhead:
    """The inputs of so many runs. Whoever makes one closes it."""

    def __init__(self, inputs: DocumentedInputs, run_bytes: int, runs: int) -> None:
        """Begins to draw.

        Args:
            inputs: In the order of the runs.
            run_bytes: What those of one run take.
            runs: How many there will be.
        """
        self._inputs, self._left = inputs, runs
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._coming: deque[Future[list[Array]]] = deque()
        # On a busy machine the thread that draws has to wait for its turn.
        for _ in range(max(1, min(runs, _MOST_AHEAD, _AHEAD_BYTES // max(1, run_bytes)))):
            self._submit()

    def next(self) -> list[Array]:
        """Those of the next run."""
        drawn = self._coming.popleft().result()
        self._submit()
        return drawn

    def close(self) -> None:
        """Ends the thread; what was not asked for is not drawn."""
        self._thread.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        if self._left:
            self._coming.append(self._thread.submit(self._inputs.next))
            self._left -= 1


class ComparedBeside:
    """Outputs, compared run by run. Whoever makes one closes it."""

    def __init__(self, gathered: Sequence[GatheredErrors]) -> None:
        """Nothing is compared yet.

        Args:
            gathered: One for each output.
        """
        self._gathered = gathered
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def take(self, pairs: Sequence[tuple[Array, Array]]) -> None:
        """One run's outputs: of each what was found and what was expected. They are copied."""
        # No more than one run's outputs wait: they may be large.
        self.wait()
        copied = [(found.copy(), expected.copy()) for found, expected in pairs]
        self._last = self._thread.submit(self._compare, copied)

    def wait(self) -> None:
        """Until all are compared; raises what that raised."""
        if self._last is not None:
            self._last.result()

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown()

    def _compare(self, pairs: Sequence[tuple[Array, Array]]) -> None:
        for errors, (found, expected) in zip(self._gathered, pairs, strict=True):
            errors.add(found, expected)
