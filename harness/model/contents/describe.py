"""All that can be said of a model file without asking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from accuracy.truth.class_names import names_in_model
from backends.base import ModelRejected
from backends.litert.copies.signatures import choose_signature, with_signature_first
from backends.litert.file.custom_ops import explain_foreign_ops, foreign_ops, is_select
from backends.litert.file.hidden_state import hidden_state
from backends.litert.file.metadata import InputNormalisation, input_normalisations
from backends.litert.file.model_file import ModelFile, Operator, Shape, Signature, Subgraph, answers, input_names
from backends.litert.file.model_reader import read_model
from harness.config.invocation import Invocation
from harness.json_records import FLAT, LEFT_OUT
from harness.model.contents.allocation import Allocation, allocate
from harness.model.contents.costs import costs
from harness.model.contents.stored_weights import gzip_bytes, stored_weights
from harness.model.file_tensors import described_inputs
from harness.model.input_shapes import choose_input_shapes, declared_shape, unnamed_inputs, unused_size
from harness.scratch_folder import ScratchFolder

Allocate = Callable[[Path, Sequence[Shape] | None], Allocation]
"""What the runtime makes of a file with inputs of these shapes: see `harness.model.contents.allocation`."""
SIZES_LEFT_OPEN = "what the sizes that the file leaves open add"
"""Of `Invoked.not_counted`: nobody named them, and the figures are those of 1 for each."""


@dataclass(frozen=True, slots=True)
class DescribedTensor:
    """An input or an output."""

    name: str
    """The signature's; the file's own where it has none."""
    shape: Shape
    """As the file has it, -1 for a size that it leaves open."""
    dtype: str
    scale: float | None
    """Of one quantised by channel the first channel's; null where it is not quantised."""
    zero_point: int | None
    normalisation: InputNormalisation | None = None
    """What is done to its values before they go in, where the file's metadata say it."""
    scales: int = 1
    """How many there are: more than one where it is quantised by channel."""


@dataclass(frozen=True, slots=True)
class DescribedOperator:
    """A kind of operator."""

    name: str
    version: int
    count: int
    custom: bool


@dataclass(frozen=True, slots=True)
class Invoked:
    """A model as one of its signatures runs it."""

    signature: str | None
    """Its name; null where the file has none and its first graph runs."""
    inputs: tuple[DescribedTensor, ...]
    outputs: tuple[DescribedTensor, ...]
    input_shapes: Mapping[str, Shape]
    """For which the figures hold."""
    open_inputs: tuple[str, ...]
    """Inputs of which the file leaves sizes open that nobody named: they are taken as 1."""
    operators: tuple[DescribedOperator, ...]
    """Of all graphs that it reaches."""
    parameters: int
    zero_weights_share: float | None
    """The share of the weights (constants that are learnt, with two axes or more) that are zero, 0 to 1: what pruning leaves.
    Null where there are none."""
    sparse_tensors: tuple[str, ...]
    """Constants that are stored without their zeros."""
    weight_types: tuple[str, ...]
    """Of the weights' numbers as they are stored, the commonest first."""
    multiply_adds: int
    """Of one inference."""
    arena_bytes: int
    counts_are_complete: bool
    not_counted: tuple[str, ...]
    """What the figures lack, so that they are too low."""
    without_effect: tuple[str, ...]
    """What was asked for and changes nothing."""
    state: Literal["none", "reset", "keep"]
    """What becomes of what it keeps from one run to the next, as in a result."""
    keeps: str | None
    """What that is; null for nothing."""
    unseeded: tuple[str, ...]
    """Ops that draw random numbers without a seed, which nothing can put back: runs refuse them unless they are to live on."""
    loads: bool
    """Whether the runtime allocates it, with XNNPACK where that was tried."""
    why_not: str | None
    """Why it does not; of one that loads, why it does not without XNNPACK. Null for nothing."""


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model file."""

    path: str
    size_bytes: int
    gzip_bytes: int
    """What it takes after `gzip`."""
    sha256: str
    schema_version: int
    description: str
    signatures: tuple[str, ...]
    subgraphs: int
    select_tf_ops: tuple[str, ...]
    custom_ops: tuple[str, ...]
    class_names: tuple[str, ...] | None
    """The list of classes that is packed into the file, in the model's order; null where there is none."""
    needs: str | None
    """What to do about ops that the runtime has no kernel for."""
    runs: Invoked | None = field(metadata=FLAT)
    """As it would run; null where it has several signatures and nobody says which."""
    by_signature: tuple[Invoked, ...] | None = field(default=None, metadata=LEFT_OUT)
    """In that case, as each of them would."""


def describe_model(path: Path, sha256: str, asked: Invocation, allocated_by: Allocate = allocate) -> ModelDescription:
    """All that can be said of a model file without running it.

    Args:
        path: The file.
        sha256: Of it.
        asked: The signature, the shapes and the state that were asked for.
        allocated_by: Who lets the runtime allocate it; by default a process of its own.

    Raises:
        ModelRejected: It is no model, or corrupt, or has not what was asked for.
    """
    model = read_model(path)
    chosen = _signatures(model, asked)
    with ScratchFolder("inspect") as folder:
        found = tuple(_invoked(model, each, sha256, asked, Path(folder), allocated_by) for each in chosen)
    foreign = foreign_ops(path)
    return ModelDescription(
        path=str(path),
        size_bytes=model.size_bytes,
        gzip_bytes=gzip_bytes(path),
        sha256=sha256,
        schema_version=model.schema_version,
        description=model.description,
        signatures=tuple(signature.key for signature in model.signatures),
        subgraphs=len(model.subgraphs),
        select_tf_ops=tuple(op for op in foreign if is_select(op)),
        custom_ops=tuple(sorted({operator.name for operator in model.operators if operator.code.custom})),
        class_names=None if (packed := names_in_model(path)) is None else packed.names,
        needs=explain_foreign_ops(path),
        runs=found[0] if len(found) == 1 else None,
        by_signature=found if len(found) > 1 else None,
    )


def _signatures(model: ModelFile, asked: Invocation) -> Sequence[Signature | None]:
    """The one that would run; all of them where there are several and nothing says which."""
    try:
        return [choose_signature(model, asked.signature)]
    except ModelRejected:
        if asked.signature is not None or asked.input_shapes:
            raise
        return model.signatures


def _invoked(
    model: ModelFile,
    signature: Signature | None,
    sha256: str,
    asked: Invocation,
    folder: Path,
    allocated_by: Allocate,
) -> Invoked:
    """What one signature makes of the file: told by the very copy that would be run."""
    try:
        path, _ = with_signature_first(model, signature, sha256, folder)
    except ModelRejected as error:
        found = Allocation(None, str(error))
        return _figures(model, signature, signature.subgraph if signature else 0, asked, {}, (), found)
    described = model if path == model.path else read_model(path)
    names, shapes, left_open = _input_shapes(described, asked)
    # Two inputs may have one name: the runtime is told by place.
    by_name = dict(zip(names, shapes, strict=True))
    return _figures(described, signature, 0, asked, by_name, left_open, allocated_by(path, shapes))


def _input_shapes(model: ModelFile, asked: Invocation) -> tuple[tuple[str, ...], tuple[Shape, ...], tuple[str, ...]]:
    """The inputs' names and shapes, and which of them the file leaves open and nobody names."""
    inputs = described_inputs(model)
    left_open = unnamed_inputs(model, inputs, asked)
    # The runtime takes 1 for each size that is open; whoever runs the model is asked.
    ones = {tensor.name: tensor.shape for tensor in inputs if tensor.name in left_open}
    filled = asked.model_copy(update={"input_shapes": {**asked.input_shapes, **ones}})
    return tuple(tensor.name for tensor in inputs), choose_input_shapes(model, inputs, filled, None), left_open


def _figures(
    model: ModelFile,
    signature: Signature | None,
    main: int,
    asked: Invocation,
    shapes: Mapping[str, Shape],
    left_open: tuple[str, ...],
    allocated: Allocation,
) -> Invoked:
    graph = model.subgraphs[main]
    counted = costs(model, allocated.graphs, main)
    lacking = ((SIZES_LEFT_OPEN,) if left_open else ()) + counted.uncounted
    if allocated.graphs is None and _are_others(graph, shapes.values()):
        lacking += ("what inputs of other shapes than the file's change, since the runtime does not load it",)
    lacking += tuple(f"the weights in {name}" for name in model.weight_files)
    keeps = hidden_state(model, main)
    weights = stored_weights(model, counted.graphs)
    return Invoked(
        signature=signature.key if signature else None,
        inputs=_inputs(model, main, signature),
        outputs=_tensors(graph, [(answer.tensor, answer.name) for answer in answers(graph, signature)]),
        input_shapes=shapes,
        open_inputs=left_open,
        operators=_operators(each for number in counted.graphs for each in model.subgraphs[number].operators),
        parameters=counted.parameters,
        zero_weights_share=weights.zero_share,
        sparse_tensors=weights.sparse_tensors,
        weight_types=weights.types,
        multiply_adds=counted.multiply_adds,
        arena_bytes=counted.arena_bytes,
        counts_are_complete=not lacking,
        not_counted=lacking,
        without_effect=tuple(unused_size(list(shapes.items()), asked)) if shapes else (),
        state=asked.state if keeps else "none",
        keeps=str(keeps) if keeps else None,
        unseeded=keeps.unseeded,
        loads=allocated.graphs is not None and not model.lacks_weights,
        why_not=allocated.why or model.lacks_weights or None,
    )


def _are_others(graph: Subgraph, shapes: Iterable[Shape]) -> bool:
    """Whether inputs are to have other shapes than the file has for them; of sizes that it leaves open their count tells."""
    inputs = zip(graph.input_tensors, shapes, strict=False)
    return any(tensor.shape != shape and not tensor.is_open for tensor, shape in inputs)


def _inputs(model: ModelFile, main: int, signature: Signature | None) -> tuple[DescribedTensor, ...]:
    graph = model.subgraphs[main]
    names = input_names(signature)
    tensors = _tensors(graph, [(index, names.get(index, graph.tensors[index].name)) for index in graph.inputs])
    told = input_normalisations(model.path, main)
    if len(told) != len(tensors):
        return tensors
    return tuple(replace(tensor, normalisation=each) for tensor, each in zip(tensors, told, strict=True))


def _tensors(graph: Subgraph, named: Iterable[tuple[int, str]]) -> tuple[DescribedTensor, ...]:
    """Of a tensor quantised by channel, the first one's figures."""
    found = []
    for index, name in named:
        tensor = graph.tensors[index]
        quantisation = tensor.quantisation
        found.append(
            DescribedTensor(
                name,
                declared_shape(tensor),
                tensor.dtype,
                next(iter(quantisation.scales), None) if quantisation else None,
                next(iter(quantisation.zero_points), None) if quantisation else None,
                scales=len(quantisation.scales) if quantisation else 1,
            )
        )
    return tuple(found)


def _operators(operators: Iterable[Operator]) -> tuple[DescribedOperator, ...]:
    counted = Counter((each.name, each.code.version, each.code.custom) for each in operators)
    return tuple(
        DescribedOperator(name, version, count, custom) for (name, version, custom), count in sorted(counted.items())
    )
