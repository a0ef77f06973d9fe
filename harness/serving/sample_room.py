"""How many samples are in memory at once: LoadGen's performance sample count, bounded by what they may take.

A performance run asks about those samples alone; where fewer fit than the rules name, that is said, and a submission is
refused. An accuracy run sends the whole set, and LoadGen loads it in pieces of that size, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backends.base import TensorSpec
from harness.errors import ConfigError
from harness.machine.facts import available_memory_bytes
from harness.spec.schema import Load
from harness.units import bytes_text

_ARRAY_BYTES = 200
"""What Python takes for each array of a sample, about."""
_SHARE = 0.5
"""Of the memory available; LoadGen's queries have the other half (harness.worker.queries)."""


@dataclass(frozen=True, slots=True)
class Room:
    """What fits."""

    count: int
    """Samples at once."""
    asked: int
    """How many there should be."""
    sample_bytes: int
    limit_bytes: int | None
    """None where nobody named one and the system does not say what is available."""
    limit_from: str
    """`config` or `available memory`."""

    def halved(self) -> Room:
        """Where each sample is in memory twice for a moment: the worker's, and the one that its peers share."""
        if self.limit_bytes is None:
            return self
        return Room(*_fitting(self.asked, 2 * self.sample_bytes, self.limit_bytes, self.limit_from))

    def judge(self, load: Load) -> list[str]:
        """Warns of a performance run of too few samples.

        Raises:
            ConfigError: The run belongs to a submission.
        """
        if load.mode == "accuracy" or self.limit_bytes is None or self.count >= self.asked:
            return []
        figures = (
            f"{self.asked:,} samples take {bytes_text(self.asked * self.sample_bytes)} and {self._limit()} is "
            f"{bytes_text(self.limit_bytes)}, so {self.count:,} {'fits' if self.count == 1 else 'fit'}"
        )
        rule = 'performance sample count (the rules\' table "Performance run" in mobile_inference_rules.adoc, or the config)'
        if load.too_few_samples == "refuse":
            raise ConfigError(
                f"a submission needs the benchmark's {rule}: {figures}. Allow --max-sample-memory "
                f"{bytes_text(self.asked * self.sample_bytes, up=True)} or more, on a machine that has it; --mode performance "
                "runs with fewer and says so."
            )
        return [f"fewer samples than the benchmark's {rule}: {figures}. Allow more with --max-sample-memory"]

    def _limit(self) -> str:
        return "--max-sample-memory" if self.limit_from == "config" else "half of the memory available"


def room_for(load: Load, total: int, inputs: Sequence[TensorSpec]) -> Room:
    """What fits into memory of a set.

    Args:
        load: What LoadGen is told; the limit is in it, or half of what is available now.
        total: The set's size.
        inputs: What the model takes for one sample.

    Raises:
        ConfigError: Not one sample fits.
    """
    # A model may have no inputs.
    sample_bytes = max(1, sum(tensor.nbytes + _ARRAY_BYTES for tensor in inputs))
    asked = min(load.performance_sample_count, total)
    if load.max_sample_memory is not None:
        return Room(*_fitting(asked, sample_bytes, load.max_sample_memory, "config"))
    available = available_memory_bytes()
    if available is None:
        return Room(asked, asked, sample_bytes, None, "available memory")
    return Room(*_fitting(asked, sample_bytes, int(available * _SHARE), "available memory"))


def _fitting(asked: int, sample_bytes: int, limit: int, limit_from: str) -> tuple[int, int, int, int, str]:
    count = min(asked, limit // sample_bytes)
    if count < 1:
        allow = "allow more with --max-sample-memory" if limit_from == "config" else "free memory on this machine"
        raise ConfigError(
            f"not one sample fits into memory: it takes {bytes_text(sample_bytes)} and {bytes_text(limit)} are allowed "
            f"({'--max-sample-memory' if limit_from == 'config' else 'half of the memory available'}); {allow}"
        )
    return count, asked, sample_bytes, limit, limit_from
