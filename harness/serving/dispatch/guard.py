"""Keeps exceptions out of LoadGen's callbacks: one that leaves a callback kills the process when it exits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import RunFailed
from harness.machine.control import FAILED, STOP_WORD, Control
from harness.serving.responder import abandon

MOST_WAITING = 1_000_000
"""Queries of Server that may wait; a pool that is so far behind never catches up."""


class Guard:
    """The first failure of a run, and the word that tells all threads to stop working."""

    def __init__(self, control: Control, on_failure: Callable[[BaseException], None]) -> None:
        """`on_failure` hears of the first failure at once: LoadGen's end may take as long as the run would have."""
        self.words = control.words
        self._on_failure = on_failure
        self.failure: BaseException | None = None
        self._control = control

    @property
    def stopped(self) -> bool:
        """True once a callback failed or the parent asked to stop: nothing is answered any more."""
        return self.words[STOP_WORD] != 0

    def fail(self, error: BaseException) -> None:
        """Keeps the first failure; the run is lost, LoadGen only has to be brought to its end."""
        if self.failure is None:
            self.failure = error
            self._on_failure(error)
        if not self._control.stop:
            self._control.stop = FAILED

    def judge_backlog(self, waiting: int) -> None:
        """Gives the run up where so many queries of Server wait that no worker will ever catch up."""
        if waiting > MOST_WAITING:
            self.fail(
                RunFailed(f"{MOST_WAITING:,} queries wait for an answer: ask for less with --set load.target_qps=...")
            )

    def wrap(self, callback: Callable[[Sequence[int]], None]) -> Callable[[list[int]], None]:
        """For the sample library's callbacks: they do nothing once the run is lost."""

        def guarded(indices: list[int]) -> None:
            if self.stopped:
                return
            try:
                callback(indices)
            except BaseException as error:
                self.fail(error)

        return guarded

    def give_up(self, query_ids: Sequence[int], error: BaseException | None) -> None:
        """A query that failed, or with no error one of a run that is lost or stopped already."""
        if error is not None:
            self.fail(error)
        self.abandon(query_ids)

    def abandon(self, query_ids: Sequence[int]) -> None:
        """Completes samples of a lost run without an answer."""
        abandon(query_ids)
