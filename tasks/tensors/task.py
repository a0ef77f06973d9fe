"""Any model, asked with arrays: no task but the difference to what was expected.

The samples are arrays in files or seeded random ones, the answers are the outputs as they are, and the truth is what the user
expects of them, or what another model or backend answers to the same samples (`harness.run.reference` asks it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from accuracy.answers.arrays import Output, OutputPacker, unpack_outputs
from accuracy.answers.log import Answer, Sample
from accuracy.errors import MetricUnusable
from accuracy.metric.own_metrics import own_metric
from accuracy.metric.score import Score
from tasks.base import (
    Array,
    Codec,
    DataMissing,
    DataRef,
    MetricKind,
    ModelMismatch,
    Postprocess,
    Prepared,
    Task,
    Tensor,
)
from tasks.sets.digests import StoredSamples
from tasks.sets.truth_beside import find_truth
from tasks.tensors.random_inputs import SEED, InputRange, ranges_of
from tasks.tensors.samples import RandomSamples, Samples, StoredArrays
from tasks.tensors.scoring import HEADLINE, KINDS, Errors, kind_of
from tasks.tensors.truth import FOLDER, ExpectedOutputs


@dataclass(frozen=True)
class TensorsOptions:
    """What may be chosen of a model's arrays."""

    input_ranges: Mapping[str, tuple[int | float, int | float]] = field(default_factory=dict)
    """Of random inputs: input -> the least and the largest value, in the values that the tensor holds. Without a name (``''``)
    that of the only input. Others have the ranges of `tasks.tensors.random_inputs`."""
    seed: int = SEED
    """Of random inputs."""
    metrics: tuple[str, ...] = ()
    """Metrics of your own to compute beside the error figures, by their entry points' names (`accuracy.metric.own_metrics`)."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense."""
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, but must be 0 or more")


class Tensors(Task):
    """Arrays in a folder or zip archive, or random ones where there is none."""

    Options = TensorsOptions
    headline = HEADLINE
    metrics = tuple(kind.name for kind in KINDS)
    own_data = "random inputs"
    takes_reference = True

    @classmethod
    def metric_kinds(cls, options: Mapping[str, Any]) -> tuple[MetricKind, ...]:
        """As `Task.metric_kinds`: the error figures, and the metrics of the user's own that the options name.

        Raises:
            MetricUnusable: One of them is not installed, cannot be loaded, or has the name of an error figure.
        """
        named = options.get("metrics", ())
        own = [name for name in named if isinstance(name, str)] if isinstance(named, list | tuple) else []
        if taken := [name for name in own if any(kind.gives(name) for kind in KINDS)]:
            raise MetricUnusable(
                f"metric {taken[0]!r} has the name of an error figure that every model has: give its entry point another"
            )
        return (*KINDS, *(kind_of(own_metric(name)) for name in own))

    def __init__(self, data: DataRef, options: TensorsOptions) -> None:
        """Finds the files, or takes the ranges.

        Raises:
            DataMissing: See `StoredArrays`.
        """
        self._data, self._options = data, options
        self._is_random = str(data.path) == self.own_data
        self._bound: Sequence[Tensor] = ()
        if self._is_random:
            ranges = {name: InputRange(*ends) for name, ends in options.input_ranges.items()}
            self._samples: Samples = RandomSamples(data.count, ranges, options.seed)
        elif options.input_ranges:
            raise DataMissing(
                f"ranges of random inputs are stated ({', '.join(map(repr, options.input_ranges))}), but {data.path} is fed: "
                "leave out one of the two"
            )
        else:
            self._samples = StoredArrays(data.path, data.count)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._samples.names)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> TensorsCodec:
        """Binds the samples to a model.

        Raises:
            ModelMismatch: Ranges of inputs that it does not have.
        """
        if self._is_random:
            ranges_of(inputs, {name: InputRange(*ends) for name, ends in self._options.input_ranges.items()})
        self._bound = tuple(inputs)
        return TensorsCodec(self._samples, inputs, outputs)

    def input_shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """As `Task.input_shapes`: those of the first sample, where sizes are open."""
        return self._samples.shapes(inputs)

    def check_truth(self) -> None:
        """Looks for what is expected of every sample, and reads the first."""
        self._expected.check()

    def score(self, answers: Iterable[Answer]) -> Score:
        """The error figures of every output, and the worst of them for the whole.

        Raises:
            MetricUnusable: A metric of the user's own breaks.
        """
        errors = Errors([own_metric(name) for name in self._options.metrics])
        for index, data in answers:
            with Sample(index, self._samples.names):
                outputs = unpack_outputs(data)
                errors.update(outputs, self._expected.of(index, outputs))
        return errors.score()

    def describe_data(self) -> Mapping[str, Any]:
        """The number of samples, what is fed where a model is bound, and the truth where there is any."""
        try:
            truth: str | None = str(self._truth)
        except DataMissing:
            truth = None
        where = {} if self._is_random else {"source": str(self._data.path), "order": "file names"}
        fed = self._samples.fed(self._bound) if self._bound else {}
        return {"count": len(self), **where, **fed, "truth": truth, **self._samples.left_out()}

    def stored_samples(self) -> StoredSamples | None:
        """As `Task.stored_samples`: the files; None for random samples."""
        return self._samples.stored()

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the truth, where there is any."""
        try:
            return self._expected.paths
        except DataMissing:
            return ()

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._samples.warnings()

    @cached_property
    def _truth(self) -> Path:
        if self._data.truth is not None:
            return self._data.truth
        wanted = f"a folder {FOLDER}/ with a .npz file of the same name for each sample"
        if self._is_random:
            raise DataMissing(
                "random inputs have no ground truth, so there is no accuracy: give --reference-model FILE or "
                "--reference-backend NAME to hold the answers against, or data with --dataset and --truth"
            )
        return find_truth(self._data.path, (FOLDER,), wanted)

    @cached_property
    def _expected(self) -> ExpectedOutputs:
        return ExpectedOutputs(self._truth, self._samples.names, self._samples.behind)


class TensorsCodec(Codec):
    """Arrays bound to one model. Reading a file, or drawing numbers, is so cheap that no cache pays."""

    judges_outputs: ClassVar[bool] = True

    def __init__(self, samples: Samples, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Use `Tensors.codec`.

        Raises:
            ModelMismatch: An output of a type that has no place in a log.
        """
        self._samples, self._inputs = samples, inputs
        try:
            self._packer = OutputPacker([_promised(tensor) for tensor in outputs])
        except ValueError as error:
            raise ModelMismatch(str(error)) from None

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """As `Codec.preprocess`."""
        return self._samples.prepared(index, self._inputs).inputs

    def preprocess_with_digest(self, index: int) -> Prepared:
        """As `Codec.preprocess_with_digest`."""
        return self._samples.prepared(index, self._inputs)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """All outputs as they are."""
        return self._packer.pack(outputs)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`."""
        return self._packer.packer()


def _promised(tensor: Tensor) -> Output:
    """An output as the file promises it; its values take no memory."""
    nothing = np.broadcast_to(np.empty((), tensor.dtype), tensor.shape)
    return Output(tensor.name, nothing, tensor.scale, tensor.zero_point)
