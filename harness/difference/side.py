"""One side of a difference: a model, opened as it is configured, that answers and is timed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from backends.base import Array, Backend
from harness.difference.record import INVOCATIONS, SideFacts
from harness.model.opening import Opener, Recipe
from harness.model.subject import Subject


class AnsweringSide:
    """A model behind its backend. Whoever makes one closes it."""

    def __init__(self, subject: Subject) -> None:
        """Opens it.

        Raises:
            ModelRejected: The runtime cannot run the model, or it has no such signature.
            BackendUnavailable: The backend is not here, or takes nothing of the model.
        """
        self.subject = subject
        self.opener: Opener = subject.opener()
        self.backend: Backend = self.opener.open_covered(subject.threads)
        self._run = self.backend.runner()
        self._latencies_ns: list[int] = []

    @property
    def recipe(self) -> Recipe:
        """How it was opened."""
        return self.opener.recipe(self.subject.threads)

    @property
    def invoke_seconds(self) -> float:
        """What it spent in the model."""
        return sum(self._latencies_ns) / 1e9

    def answer(self, inputs: Sequence[Array]) -> Sequence[Array]:
        """The outputs of a run's last invocation; they may be the engine's own memory, which holds until the next."""
        outputs: Sequence[Array] = ()
        for _ in range(INVOCATIONS):
            if self.opener.resets:
                self.backend.reset()
            began = time.perf_counter_ns()
            outputs = self._run(inputs)
            self._latencies_ns.append(time.perf_counter_ns() - began)
        return outputs

    def facts(self) -> SideFacts:
        """Who answered, and how long it took."""
        info, subject = self.backend.info(), self.subject
        options: Mapping[str, object] = subject.section.options
        spent = np.array(self._latencies_ns or [0]) / 1e3
        coverage = info.coverage
        return SideFacts(
            subject.name,
            subject.source,
            subject.model,
            info.name,
            info.engine,
            options,
            subject.threads,
            info.delegate,
            nodes=coverage.nodes if coverage else None,
            delegated_nodes=coverage.delegated_nodes if coverage else None,
            partitions=coverage.partitions if coverage else None,
            modified=self.opener.modified,
            latency_us=float(spent.mean()),
            latency_std_us=float(spent.std()),
            latency_min_us=float(spent.min()),
            latency_max_us=float(spent.max()),
            latency_last_us=float(spent[-1]),
            latency_sum_us=float(spent.sum()),
        )

    def close(self) -> None:
        """Frees the model."""
        self._run = self.backend.invoke
        self.backend.close()


_SAME_KERNELS = frozenset({"engine", "weight_cache"})
"""Options of the cpu backend that leave its kernels as they are."""
_DEFAULTS: Mapping[str, object] = {
    "xnnpack": True,
    "xnnpack_flags": None,
    "force_fp16": False,
    "reference_kernels": False,
}


def same_sides(test: Subject, reference: Subject) -> str:
    """Why two sides could not differ; "" where they may. The number of threads is no difference of kernels."""
    if test.sha256 != reference.sha256 or test.section.name != "cpu" or reference.section.name != "cpu":
        return ""
    if dict(test.invocation) != dict(reference.invocation) or _kernels(test) != _kernels(reference):
        return ""
    return "both sides are the same: one file, and the cpu's same kernels"


def _kernels(subject: Subject) -> dict[str, object]:
    options = subject.section.options
    return {
        name: value
        for name, value in options.items()
        if name not in _SAME_KERNELS and not (name in _DEFAULTS and value == _DEFAULTS[name])
    }
