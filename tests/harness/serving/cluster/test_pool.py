"""Samples handed out to actors: simulated ones, which answer, die, fall silent and come as a test says. Ray's own are in
`test_ray`."""

from __future__ import annotations

import ctypes
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from harness.errors import RunFailed
from harness.machine.control import Control
from harness.machine.json_line import encode
from harness.messages.failure import failed
from harness.serving.cluster import pool as pool_module
from harness.serving.cluster.member import Member
from harness.serving.cluster.pool import ClusterPool
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Kind
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.queue_times import QueueTimes

Eventually = Callable[..., None]


class Gone(Exception):  # noqa: N818 - it is what happened
    """What a call to an actor that is gone ends with."""


class Simulated:
    """An actor: keeps what it is asked until it is told to answer, or answers at once."""

    node = "n"

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once, self.asked = at_once, list[tuple[Future[Any], list[int]]]()
        self._dead, self._lock = False, threading.Lock()

    def ask(self, method: str, *words: Any) -> Future[Any]:
        future: Future[Any] = Future()
        indices = memoryview(words[0])[frames.read(words[0]).start :].cast("I").tolist()
        with self._lock:
            if not self._dead:
                self.asked.append((future, indices))
        if self._dead:
            # Whether or not the pool has heard of it by now.
            future.set_exception(Gone())
        elif self.at_once:
            threading.Thread(target=self.answer).start()
        return future

    def answer(self, place: int = 0) -> None:
        with self._lock:
            # A thread of its own may have been quicker.
            if not self.asked:
                return
            future, indices = self.asked.pop(place)
        future.set_result((1000 * len(indices), frames.pack_answers([answer_to(index) for index in indices]), ""))

    def die(self) -> None:
        with self._lock:
            self._dead, asked, self.asked = True, self.asked, []
        for future, _ in asked:
            future.set_exception(Gone())


def answer_to(index: int) -> bytes:
    return b"%d" % index * (1 + index % 3)


class LoadGen:
    """Stands for it: keeps each query's answer."""

    def __init__(self) -> None:
        self.completed: list[tuple[int, bytes]] = []
        self.abandoned: Counter[int] = Counter()

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        for query_id, length in zip(query_ids, sizes or [size] * len(query_ids), strict=True):
            self.completed.append((query_id, ctypes.string_at(address, length)))
            address += length

    def abandon(self, query_ids: Sequence[int]) -> None:
        self.abandoned.update(query_ids)


Make = Callable[..., ClusterPool]


class Clock:
    """A pool's, which stands still but where a test lets time pass: who is silent is not who waits for a CPU."""

    def __init__(self) -> None:
        self.now_s = 1.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for name in ("monotonic", "monotonic_ns"):
        monkeypatch.setattr(pool_module, name, getattr(found, name))
    return found


@pytest.fixture
def loadgen() -> LoadGen:
    return LoadGen()


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def pool_of(control: Control, loadgen: LoadGen, failures: list[BaseException]) -> Iterator[Make]:
    made: list[ClusterPool] = []

    def make(
        *actors: Simulated, resend_after_s: float = 3600, target_ns: int = 4000, times: Sequence[QueueTimes] = ()
    ) -> ClusterPool:
        pool = ClusterPool(
            [Member(number, actor, 1000.0) for number, actor in enumerate(actors)],
            Guard(control, failures.append),
            control,
            target_ns=target_ns,
            completer=lambda _: loadgen,
            abandon=loadgen.abandon,
            is_loss=lambda error: isinstance(error, Gone),
            resend_after_s=resend_after_s,
            times=times,
        )
        made.append(pool)
        return pool

    yield make
    for pool in made:
        pool.close()


def right(count: int) -> list[tuple[int, bytes]]:
    return [(100 + index, answer_to(index)) for index in range(count)]


def ask(pool: ClusterPool, count: int) -> None:
    pool.issue([100 + index for index in range(count)], list(range(count)))


def test_every_sample_is_answered_once_with_its_own_answer(
    pool_of: Make, loadgen: LoadGen, eventually: Eventually
) -> None:
    ask(pool_of(Simulated(), Simulated(), Simulated()), 500)
    eventually(lambda: len(loadgen.completed) == 500, "all are answered")
    assert sorted(loadgen.completed) == right(500)


def test_an_actor_has_two_pieces_at_most_of_as_long_as_the_target(pool_of: Make, eventually: Eventually) -> None:
    actors = [Simulated(at_once=False), Simulated(at_once=False)]
    ask(pool_of(*actors), 1000)
    eventually(lambda: all(len(actor.asked) == 2 for actor in actors), "both have two")
    assert [len(indices) for actor in actors for _, indices in actor.asked] == [4, 4, 4, 4]


def test_what_a_dead_actor_was_asked_goes_to_another_and_only_that(
    pool_of: Make, loadgen: LoadGen, eventually: Eventually
) -> None:
    first, second = Simulated(at_once=False), Simulated(at_once=False)
    pool = pool_of(first, second)
    ask(pool, 16)
    eventually(lambda: len(first.asked) == len(second.asked) == 2, "both have two")
    lost = [index for _, indices in first.asked for index in indices]
    first.die()
    second.at_once = True
    second.answer()
    second.answer()
    eventually(lambda: len(loadgen.completed) == 16, "all are answered")
    assert sorted(loadgen.completed) == right(16)
    assert pool.tallies.sent_again == len(lost)
    assert not first.asked, "it is asked no more"


def test_a_late_answer_of_a_piece_that_was_sent_again_is_dropped_and_its_actor_is_asked_again(
    clock: Clock, pool_of: Make, loadgen: LoadGen, eventually: Eventually
) -> None:
    slow, quick = Simulated(at_once=False), Simulated()
    pool = pool_of(slow, quick, resend_after_s=1)
    ask(pool, 40)
    eventually(lambda: len(slow.asked) == 2, "it was asked")
    late = sum(len(indices) for _, indices in slow.asked)
    eventually(lambda: len(loadgen.completed) == 40 - late, "the other answers the rest")
    clock.now_s += 2
    eventually(lambda: len(loadgen.completed) == 40, "and then all")
    while slow.asked:
        slow.answer()
    eventually(lambda: pool.tallies.late_answers == late, "its answers are seen and dropped")
    assert sorted(loadgen.completed) == right(40)
    assert pool.tallies.sent_again == late
    pool.issue([7], [3])
    pool.issue([8], [4])
    pool.issue([9], [5])
    eventually(lambda: slow.asked or len(loadgen.completed) == 43, "it has work again, or there was no need")
    slow.at_once = True
    while slow.asked:
        slow.answer()
    eventually(lambda: len(loadgen.completed) == 43, "all are answered")


def test_one_that_comes_is_asked_too(pool_of: Make, loadgen: LoadGen, eventually: Eventually) -> None:
    first, second = Simulated(at_once=False), Simulated()
    pool = pool_of(first)
    ask(pool, 100)
    eventually(lambda: len(first.asked) == 2, "the first has enough")
    pool.join(Member(1, second, 1000.0))
    eventually(lambda: len(loadgen.completed) == 92, "the second answers the rest")
    first.answer()
    first.answer()
    eventually(lambda: len(loadgen.completed) == 100, "all are answered")
    assert sorted(loadgen.completed) == right(100)


def test_a_failure_on_a_node_fails_the_run_and_lets_every_query_go(
    pool_of: Make, loadgen: LoadGen, failures: list[BaseException], eventually: Eventually
) -> None:
    actor = Simulated(at_once=False)
    ask(pool_of(actor), 50)
    eventually(lambda: actor.asked, "it is asked")
    future, _ = actor.asked.pop()
    future.set_result((1, frames.pack_text(Kind.FAILED, encode(failed(RunFailed("sample 7 went away")))), ""))
    eventually(lambda: loadgen.abandoned.total() == 50 - len(loadgen.completed), "all are let go")
    assert set(loadgen.abandoned.values()) == {1}
    assert "sample 7 went away" in str(failures[0])


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (1000, b"", ""),
        (1000, b"\0" * 5, ""),
        (-1, frames.pack_answers([b"a"]), ""),
        (float("nan"), frames.pack_answers([b"a"]), ""),
        (1000, frames.pack_answers([b"abcd"])[:-2], ""),
        (1000, frames.pack_answers([b"a", b"bcd"])[:-1], ""),
        (1000, frames.pack_answers([b"a", b"bcd"])[:-10], ""),
        (1000, frames.pack_answers([b"abcd"]) + b"more", ""),
        (1000, frames.pack_answers([b"abcd"]), None),
    ],
)
def test_what_is_no_answer_ends_the_run_before_anybody_reads_it(
    answer: object, pool_of: Make, loadgen: LoadGen, failures: list[BaseException], eventually: Eventually
) -> None:
    actor = Simulated(at_once=False)
    ask(pool_of(actor), 1)
    eventually(lambda: actor.asked, "it is asked")
    actor.asked.pop()[0].set_result(answer)
    eventually(lambda: loadgen.abandoned, "it is let go")
    assert (loadgen.completed, loadgen.abandoned) == ([], Counter({100: 1}))
    assert isinstance(failures[0], RunFailed)
    assert "an instance on the node n answers what is no answer" in str(failures[0])


def test_a_run_whose_last_actor_is_gone_fails_when_nobody_comes_in_its_place(
    pool_of: Make, loadgen: LoadGen, failures: list[BaseException], eventually: Eventually
) -> None:
    actor = Simulated(at_once=False)
    pool = pool_of(actor, resend_after_s=0.3)
    ask(pool, 10)
    eventually(lambda: actor.asked, "it is asked")
    actor.die()
    eventually(lambda: failures, "the run is given up")
    assert "no node of the cluster answers any more" in str(failures[0])
    eventually(lambda: loadgen.abandoned.total() == 10, "all are let go")


def test_a_stop_lets_what_waits_and_what_is_out_go_once(
    pool_of: Make, loadgen: LoadGen, control: Control, eventually: Eventually
) -> None:
    actor = Simulated(at_once=False)
    pool = pool_of(actor)
    ask(pool, 30)
    eventually(lambda: len(actor.asked) == 2, "it is asked")
    control.stop = 2
    eventually(lambda: loadgen.abandoned.total() == 30, "all are let go")
    actor.answer()
    actor.answer()
    pool.close()
    assert (loadgen.abandoned.total(), loadgen.completed) == (30, [])


def test_server_s_queries_leave_their_times(pool_of: Make, loadgen: LoadGen, eventually: Eventually) -> None:
    times = [QueueTimes(100), QueueTimes(100)]
    pool = pool_of(Simulated(), Simulated(), times=times)
    for number in range(60):
        pool.issue([100 + number], [number])
    eventually(lambda: len(loadgen.completed) == 60, "all are answered")
    eventually(lambda: sum(one.seen for one in times) == 60, "and noted")
    assert sorted(loadgen.completed) == right(60)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_actors_do_every_sample_has_one_answer(
    seed: int, clock: Clock, pool_of: Make, loadgen: LoadGen, failures: list[BaseException], eventually: Eventually
) -> None:
    draw = random.Random(seed)
    actors = [Simulated(at_once=False) for _ in range(4)]
    pool = pool_of(*actors, resend_after_s=1, target_ns=9000)
    ask(pool, 400)
    number, last = 4, None
    while len(loadgen.completed) < 400 and not failures:
        alive = [actor for actor in actors if actor.asked]
        if not alive:
            time.sleep(0.001)
            continue
        actor, what = draw.choice(alive), draw.random()
        if what < 0.1 and last is not None:
            # Who does not answer until the second time is silent. One always has: without any the run would be given up.
            eventually(pool._inbox.empty, "all that was answered is seen")
            clock.now_s += 0.6
            eventually(lambda: pool._next_look > clock.now_s, "it has looked who is silent")
            last = None
        elif what < 0.8:
            actor.answer(draw.randrange(len(actor.asked)))
            last = actor
        elif what < 0.9 and last not in (None, actor):
            actor.die()
            actors.remove(actor)
            actors.append(new := Simulated(at_once=False))
            pool.join(Member(number, new, 1000.0))
            number += 1
    assert sorted(loadgen.completed) == right(400)
    assert not failures
    for actor in actors:
        while actor.asked:
            actor.answer()
