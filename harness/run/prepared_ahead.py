"""The samples of a benchmark prepared ahead of its runs, by a child: it opens the model, which may take its process down."""

from __future__ import annotations

from harness.messages.conversation import Hear, ask
from harness.messages.preparing import SetPrepared, SetToPrepare
from harness.spec.schema import Spec

_CHILD = "harness.serving.preparing"
_START_S = 600.0
"""For a cluster to start, and for processes on a node that is busy, beside what opening may take."""


def prepare_samples(spec: Spec, hear: Hear) -> SetPrepared:
    """Prepares all samples of a run's set into the cache, or by a cluster into its nodes' caches.

    Args:
        spec: A run that would use them.
        hear: Is told how far it is.

    Raises:
        ConfigError: A sample that cannot be read, samples that are never kept, no room for them, or no such cluster.
        RunFailed: The child or the cluster broke.
    """
    timeout_s = _START_S + 2 * spec.backend.timeout_s
    question = SetToPrepare(spec.model_dump_json())
    return ask(_CHILD, question, SetPrepared, timeout_s=timeout_s, hear=hear, what="the process that prepares samples")
