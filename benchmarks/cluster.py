"""Actors of a Ray cluster on this machine against the local pool, and what the head takes for a sample.

    .venv/bin/python -m benchmarks cluster            # ./run.sh install ray first

One node is started and kept warm. Offline by as many actors as the local pool has workers, in turns: at least 0.9 of its rate
for models of 1 ms and more, 0.8 for keyword spotting. CPU time of the thread that stands for LoadGen, a sample issued alone,
with 1, 4, 16 and 64 actors that do nothing: the same, whatever their number. A scored run from the command to its end: at most
5 s longer than on this machine alone.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, harness, median, subjects
from harness.config.dispatch import DispatchSection
from harness.machine.control import Control, control_file
from harness.serving.cluster.member import Member
from harness.serving.cluster.pool import ClusterPool
from harness.serving.cluster.session import Needs, Session
from harness.serving.dispatch import frames
from harness.serving.dispatch.guard import Guard
from harness.worker.pool_timing import Tally

_TARGETS = {"kws": 0.8, "mobilenet_edgetpu": 0.9}
_ACTORS = (1, 4, 16, 64)
_ISSUED = 20_000
_WORKERS = 2


class Null:
    """Answers with nothing, at once."""

    def answer(self, frame: bytes) -> tuple[int, bytes, str]:
        """As `harness.serving.cluster.on_nodes.answerer.Answerer.answer`."""
        return 1000, frames.pack_answers([b"\0" * 8] * frames.read(frame).count), ""


def measure(rounds: int = 5, seconds: float = 4) -> list[Row]:
    """All rows."""
    session = Session(DispatchSection(use="ray"))
    try:
        address = f"ray://{_address()}"
        rows = [_offline(one, address, rounds, seconds) for one in subjects() if one.task in _TARGETS]
        rows += [_start(one, address, rounds) for one in subjects()[:1]]
        return [*rows, *_head(session)]
    finally:
        session.close()


def _address() -> str:
    import ray

    return str(ray.get_runtime_context().gcs_address)


def _offline(subject: Subject, address: str, rounds: int, seconds: float) -> Row:
    words = ["--scenario", "Offline", "--preset", "rapid", "--threads", "1", "--instances", str(_WORKERS)]
    words += ["--set", f"load.min_duration_ms={round(seconds * 1000)}", "--set", "backend.options.engine=Interpreter"]
    pairs = []
    for _ in range(rounds):
        theirs, ours = (
            float(harness(subject, *words, *more)["performance"]["samples_per_second"])
            for more in ((), ("--dispatch", address))
        )
        pairs.append((ours, theirs))
    what = f"{subject.name}, Offline, {_WORKERS} Ray actors against {_WORKERS} local workers"
    return ratio(what, pairs, _TARGETS[subject.task], at_least=True)


def _start(subject: Subject, address: str, rounds: int) -> Row:
    words = ["--scenario", "Offline", "--mode", "accuracy", "--threads", "1", "--count", "16"]
    longer = []
    for _ in range(rounds):
        took = []
        for more in ((), ("--dispatch", address)):
            began = time.monotonic()
            harness(subject, *words, *more)
            took.append(time.monotonic() - began)
        longer.append(took[1] - took[0])
    beside = f"{rounds} rounds from {min(longer):.2f} to {max(longer):.2f} s"
    return Row(
        "a scored run of 16 samples on a warm cluster, longer than here", median(longer), "s", 5.0, False, beside
    )


def _head(session: Session) -> list[Row]:
    """LoadGen's thread, one sample at a time, and the whole process, in pieces as Offline has them."""
    rows, alone = [], 0.0
    for count in _ACTORS:
        with _members(session, count) as members, control_file() as page:
            control, tally = Control(page.fileno()), Tally()
            guard = Guard(control, lambda error: print(f"failed: {error}"))
            pool = ClusterPool(
                members,
                guard,
                control,
                target_ns=2_000_000,
                completer=lambda _: tally,  # noqa: B023 - called while this one lasts
                abandon=tally.abandon,
                is_loss=session.is_loss,
                resend_after_s=60,
            )
            issuing = median([_issuing_ns(pool, tally) for _ in range(5)])
            alone = alone or issuing
            piece_us, pieces = _piece_us(pool, tally, members)
            pool.close()
        what = f"LoadGen's thread a sample, {count} null actors"
        rows.append(Row(what, issuing / 1000, "us", None, False, f"{issuing / alone:.2f} times that of 1 actor"))
        rows.append(
            Row(f"the head's process a piece, {count} null actors", piece_us, "us", None, False, f"{pieces} pieces")
        )
    return rows


@contextmanager
def _members(session: Session, count: int) -> Iterator[list[Member]]:
    (node,) = session.nodes()
    actors = [session.start(Null, node.id, Needs(0.001, {})) for _ in range(count)]
    try:
        for actor in actors:
            actor.ask("answer", frames.pack_indices([0])).result()
        yield [Member(number, actor, 1000.0) for number, actor in enumerate(actors)]
    finally:
        for actor in actors:
            actor.kill()


def _issuing_ns(pool: ClusterPool, tally: Tally) -> float:
    """CPU time of the thread that issues, a sample."""
    ids = [[number] for number in range(_ISSUED)]
    tally.expect(_ISSUED)
    took = 0
    gc.disable()
    try:
        began = time.thread_time_ns()
        for one in ids:
            pool.issue(one, one)
        took = time.thread_time_ns() - began
    finally:
        gc.enable()
    tally.wait()
    return took / _ISSUED


def _piece_us(pool: ClusterPool, tally: Tally, members: list[Member]) -> tuple[float, int]:
    """CPU time of this process for a piece of one sample, from leaving it to its completion, in us."""
    count = 3000
    for member in members:
        # As slow as a whole piece, so that each has one sample.
        member.service_ns = 1e9
    before = resource.getrusage(resource.RUSAGE_SELF)
    answered = sum(member.answered for member in members)
    sent = 0
    while sent < count:
        some = min(2 * len(members), count - sent)
        tally.expect(some)
        for member in members:
            member.service_ns = 1e9
        for number in range(some):
            pool.issue([number], [0])
        tally.wait()
        sent += some
    after = resource.getrusage(resource.RUSAGE_SELF)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert sum(member.answered for member in members) - answered == count
    return took * 1e6 / count, count


if __name__ == "__main__":
    print(render(measure()))
