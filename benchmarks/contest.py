"""Configurations of one subject held against each other: each open in a process of its own, all asked in turn.

Between its turns a process does nothing, so what else the machine does falls on all alike. These are `tune`'s own children
(`harness.tuning`): opened, proven and calibrated as a run is, a fifth of a second a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from benchmarks.side_by_side import Subject
from harness.config.files import find_benchmark, read_config
from harness.messages.probe import Calibrated
from harness.run.held import HeldRun
from harness.spec.resolve import resolve
from harness.tuning.child import Child
from harness.turns.process import CandidateFailed
from harness.zoo.files.official import cache_dir

_SECONDS = 300.0
"""Longer than anything here takes."""


class Contest:
    """Use it as a context: the processes end with it."""

    def __init__(self, subject: Subject, scenario: str) -> None:
        """Nothing is open yet."""
        data = {"--dataset": "dataset.use"}
        words = dict(zip(subject.options[::2], subject.options[1::2], strict=True))
        self.config = read_config(find_benchmark(subject.task))
        self.overrides: list[tuple[str, Any]] = [
            ("model.use", subject.model),
            ("load.scenario", scenario),
            ("load.mode", "performance"),
            *((data[word], value) for word, value in words.items()),
        ]
        self._children: dict[str, Child] = {}
        self.calibrated: dict[str, Calibrated] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all processes."""
        for name in list(self._children):
            self.close(name)

    def open(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Opens another configuration; False where it cannot run."""
        spec = resolve(self.config, [*self.overrides, *fields.items()], cache_dir())
        child = Child(spec, HeldRun(spec).hashed)
        self._children[name] = child
        try:
            self.calibrated[name] = child.open(_SECONDS)
        except CandidateFailed:
            self.close(name)
            return False
        return True

    def close(self, name: str) -> None:
        """Ends one."""
        self._children.pop(name).close()

    def rounds(self, names: Sequence[str], count: int) -> dict[str, list[float]]:
        """Samples per second of so many turns of each; who goes first goes round."""
        found: dict[str, list[float]] = {name: [] for name in names}
        for number in range(count):
            start = number % len(names)
            for name in [*names[start:], *names[:start]]:
                found[name].append(self._children[name].round(_SECONDS).samples_per_second)
        return found
