"""What all actors of ours have in common: the head's files on their node. They know nothing of Ray.

Everything that an actor is told and tells is text or bytes: records of `harness.messages.actor`, frames of
`harness.serving.dispatch.frames`. What goes wrong is told too, never raised, or Ray would pickle it.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.config.plain_yaml import load_yaml
from harness.machine.json_line import decode, encode
from harness.messages.actor import FileTree, Lacking, Needed, Wanted
from harness.messages.failure import failed
from harness.results.read_data import files_now
from harness.serving.cluster.on_nodes.places import Places, moved
from harness.spec.schema import Spec
from harness.zoo.files.official import cache_dir
from tasks.base import Task


class Resident:
    """A process of ours on a node."""

    def __init__(self) -> None:
        self._places = Places(cache_dir())

    @property
    def here(self) -> Mapping[str, Path]:
        """Where the head's paths lie here."""
        return self._places.here

    def need(self, text: str) -> str:
        """Hears which of the head's files it needs, `Needed`; tells `Lacking`."""
        return told(lambda: encode(Lacking(tuple(self._places.lacking(decode(text, Needed).lent)))))

    def expect(self, text: str) -> str:
        """Hears of a `FileTree` that will be sent; tells `Wanted`, the files that it lacks."""

        def wanted() -> str:
            tree = decode(text, FileTree)
            return encode(Wanted(tuple(file.sha256 for file in tree.files) if self._places.expect(tree) else ()))

        return told(wanted)

    def receive(self, place: int, piece: bytes) -> str:
        """Takes some bytes of the expected tree; see `Places.receive`."""
        return told(lambda: self._places.receive(place, piece))

    def keep(self) -> str:
        """All of the expected tree has been sent."""
        return told(self._places.keep)

    def spec(self, text: str) -> Spec:
        """The run's spec.yaml, with the paths of this node."""
        return Spec.model_validate(moved(load_yaml(text, ours=True), self._places.here))


def told(work: Callable[[], str | None]) -> str:
    """What came of it, or `Failed`."""
    try:
        return work() or ""
    except BaseException as error:
        traceback.print_exc()
        return encode(failed(error))


def data_of(task: Task) -> str:
    """SHA-256 over what a set's samples are called, or where all lie in files, over those: the same where the set is."""
    stored = task.stored_samples()
    words = list(stored.names) if stored is not None else [str(item.sha256) for item in files_now(task)]
    return hashlib.sha256("\n".join(words).encode(errors="surrogateescape")).hexdigest()


def truth_of(task: Task) -> str:
    """SHA-256 over the contents of all that a task reads as a whole, its ground truth among them."""
    words = [str(item.sha256) for item in files_now(task)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
