"""A set prepared ahead by a cluster: in every cache that its nodes have, whose nodes share the work of filling it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

import yaml

from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.messages.actor import Lent
from harness.messages.conversation import Hear, Progressed
from harness.messages.failure import Failed
from harness.messages.preparing import Begun, CanPrepare, PartPrepared, PreparerOrder, SetPrepared
from harness.model.opening import Recipe
from harness.serving.cluster.files import beside_data, lent_data
from harness.serving.cluster.member import Asks
from harness.serving.cluster.members import other_data
from harness.serving.cluster.on_nodes.preparer import Preparer
from harness.serving.cluster.on_nodes.resident import data_of
from harness.serving.cluster.session import Needs, NodeLost, Session
from harness.serving.cluster.untimed.crew import Crew
from harness.serving.kept_samples import Complete
from harness.serving.prepared_ahead import parts_of, whole
from harness.spec.schema import Spec
from tasks.base import Task
from tasks.sets.digests import Digest


def prepare_on_cluster(spec: Spec, task: Task, recipe: Recipe, hear: Hear) -> SetPrepared:
    """Prepares all samples of a set.

    Raises:
        ConfigError: The cluster is not there or has no room, or a node runs something else.
        Reported: What went wrong on a node: a sample that cannot be read is named as on one machine.
        RunFailed: Two nodes prepare other bytes, or none is left.
    """
    session = Session(spec.dispatch)
    with contextlib.closing(session):
        crew = Crew(session, Preparer, Needs(1.0, spec.dispatch.resources), spec.backend.timeout_s)
        try:
            caches = _open(crew, spec, task, recipe)
            filling = _Filling(crew, len(task), len(caches), hear)
            with ThreadPoolExecutor(len(caches)) as pool:
                done = list(pool.map(filling.fill, caches))
        except NodeLost as error:
            raise RunFailed(f"{error}. What was prepared elsewhere is kept: give the command once more") from None
        finally:
            crew.close()
    seals = {begun.seal for begun, _ in done}
    if len(seals) > 1:
        raise RunFailed(
            f"the nodes of the cluster prepared the samples differently (seals {', '.join(sorted(seals))}): their data are "
            "others, or what prepares them (numpy, Pillow) is of other versions. Make them the same"
        )
    first, _ = done[0]
    were_here = not any(prepared for _, prepared in done)
    nodes = len({actor.node for actor in crew.actors})
    return SetPrepared(
        first.folder, len(task), first.seal, were_here, len(done), nodes, tuple(crew.nodes.why_not_joined)
    )


def _open(crew: Crew, spec: Spec, task: Task, recipe: Recipe) -> list[list[Asks]]:
    """The actors of each cache, which they fill."""
    # Packed weights lie in this machine's memory, or in its cache.
    options = {name: value for name, value in recipe.options.items() if name != "weight_cache"}
    bare = Recipe(recipe.backend, recipe.model, 1, options, recipe.input_shapes)
    words = encode(PreparerOrder(yaml.safe_dump(spec.model_dump(mode="json")), bare))
    data, lock, caches = data_of(task), threading.Lock(), dict[str, list[Asks]]()

    def start(actor: Asks) -> None:
        told = crew.calls.ask(actor, CanPrepare, "open", words)
        if (told.samples, told.data) != (len(task), data):
            raise RunFailed(other_data(crew.calls.where(actor), told.samples, len(task)))
        with lock:
            caches.setdefault(told.cache, []).append(actor)

    model = Lent(str(recipe.model), Digest.of_file(recipe.model).sha256)
    crew.open((model, *lent_data(spec)), beside_data(spec, task), start)
    # Of a node that was lost meanwhile nobody is left; who leads is nobody's race.
    there = ([actor for actor in crew.actors if actor in actors] for actors in caches.values())
    return [list(actors) for actors in there if actors]


class _Filling:
    """Caches being filled, each by its own actors."""

    def __init__(self, crew: Crew, total: int, caches: int, hear: Hear) -> None:
        self._crew, self._total, self._hear = crew, total, hear
        self._done, self._all = 0, total * caches
        self._lock = threading.Lock()

    def fill(self, actors: Sequence[Asks]) -> tuple[Begun, bool]:
        """The entry with its seal, and whether it had to be made."""
        calls = self._crew.calls
        begun = calls.ask(actors[0], Begun, "begin")
        if not begun.making:
            return begun, False
        parts: dict[int, PartPrepared] = {}
        problems: dict[int, Failed] = {}

        def ask(actor: Asks, part: tuple[int, int]) -> Future[str]:
            return actor.ask("prepare", begun.making, *part)

        ranges = parts_of(self._total)
        # After a sample that cannot be prepared nothing more is handed out: the first of the set's order counts.
        unspoilt = (part for part in ranges if not problems)
        for number, told in self._crew.work(unspoilt, ask, actors):
            found: object = decode(told, PartPrepared, Failed)
            if not isinstance(found, PartPrepared):
                problems[number] = cast("Failed", found)
                continue
            parts[number] = found
            with self._lock:
                self._done += ranges[number][1]
                self._hear(Progressed("samples are prepared", self._done, self._all))
        if problems:
            with contextlib.suppress(Exception):
                calls.done(actors[0], "forget")
            raise problems[min(problems)].error()
        complete = encode(whole(parts[number] for number in sorted(parts)))
        left = next((actor for actor in actors if actor not in self._crew.lost), actors[0])
        sealed = calls.ask(left, Complete, "finish", begun.making, complete)
        return Begun(begun.folder, begun.making, sealed.seal), True
