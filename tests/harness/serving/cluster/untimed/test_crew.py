"""Parts of a work given to actors that die and say nothing; simulated ones, `test_ray` has Ray's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from harness.errors import RunFailed
from harness.serving.cluster.session import Needs, Node, own_facts
from harness.serving.cluster.untimed.crew import Crew


class Gone(Exception):  # noqa: N818 - it is what happened
    """What a call to an actor that is gone ends with."""


class Simulated:
    """An actor that does parts soon, or as long as it lives; `at_once`: before it is asked for another."""

    def __init__(self, node: str, *, does: int | None = None, silent: bool = False, at_once: bool = False) -> None:
        self.node, self.does, self.silent, self.at_once, self.done = node, does, silent, at_once, list[int]()

    def ask(self, method: str, *words: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.silent:
            return future
        if self.does is not None and len(self.done) >= self.does:
            future.set_exception(Gone())
            return future
        self.done.append(words[0])
        if self.at_once:
            future.set_result(f"{method} {words[0]}")
        else:
            threading.Thread(target=future.set_result, args=(f"{method} {words[0]}",)).start()
        return future

    def kill(self) -> None:
        """Ends."""


class Simulation:
    """A session whose nodes have an actor each."""

    def __init__(self, *actors: Simulated) -> None:
        self.actors = {actor.node: actor for actor in actors}

    def nodes(self) -> list[Node]:
        return [Node(name, name, {"CPU": 1.0}, {"CPU": 1.0}) for name in self.actors]

    def ask_about(self, nodes: list[Node]) -> dict[str, Any]:
        return dict.fromkeys(node.id for node in nodes)

    def start(self, kind: type[Any], node: str, needs: Needs) -> Simulated:
        return self.actors[node]

    def is_loss(self, error: BaseException) -> bool:
        return isinstance(error, Gone)


Make = Callable[..., Crew]


@pytest.fixture
def crew_of(monkeypatch: pytest.MonkeyPatch) -> Make:
    facts = own_facts()
    monkeypatch.setattr("harness.serving.cluster.nodes.facts_of", lambda node, told: facts)

    def make(*actors: Simulated, timeout_s: float = 3600) -> Crew:
        session: Any = Simulation(*actors)
        return Crew(session, Simulated, Needs(1, {}), timeout_s)

    return make


def work(crew: Crew, parts: Iterator[int]) -> dict[int, str]:
    return dict(crew.work(parts, lambda actor, part: actor.ask("do", part)))


def test_every_part_is_done_and_few_are_taken_ahead(crew_of: Make) -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    crew, done = crew_of(Simulated("a"), Simulated("b")), dict[int, str]()
    for number, result in crew.work(parts(), lambda actor, part: actor.ask("do", part)):
        done[number] = result
        assert len(taken) - len(done) <= 4
    assert done == {number: f"do {number}" for number in range(100)}


def test_what_an_actor_leaves_that_is_gone_goes_to_the_others(crew_of: Make) -> None:
    # Both at once: else the one may do all while the other's thread waits for a CPU.
    crew = crew_of(Simulated("a", at_once=True), Simulated("b", does=3, at_once=True))
    assert work(crew, iter(range(50))) == {number: f"do {number}" for number in range(50)}
    assert crew.given_again >= 1
    (said,) = crew.nodes.why_not_joined
    assert "lost an actor, whose parts went to others" in said


def test_an_actor_that_says_nothing_is_taken_for_lost(crew_of: Make) -> None:
    # However long this process waits for a CPU, the other is never silent.
    crew = crew_of(Simulated("a", at_once=True), Simulated("b", silent=True), timeout_s=0.5)
    assert work(crew, iter(range(20))) == {number: f"do {number}" for number in range(20)}
    assert crew.given_again == 2


def test_where_nobody_is_left_it_says_so(crew_of: Make) -> None:
    crew = crew_of(Simulated("a", does=3), Simulated("b", does=2))
    with pytest.raises(RunFailed, match=r"no node of the cluster is left .* `ray status`"):
        work(crew, iter(range(20)))


def test_no_parts_are_no_work(crew_of: Make) -> None:
    assert work(crew_of(Simulated("a")), iter(())) == {}
