"""What a TFLite file says of itself, as records, read from its flatbuffer without the runtime.

The records are named as the schema names its tables (LRT tflite/schema/schema.fbs). Nothing in the file is trusted: whatever a
corrupt one makes the reader do ends as one clear error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backends.litert.file import schema

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blockwise:
    """Scales that belong to blocks of a tensor, kept in tensors of their own."""

    scales: int
    """Index of the tensor that holds them."""
    zero_points: int
    """Index of the tensor that holds them; -1 for none."""
    block_size: int


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What turns a tensor's integers into real values: (integer - zero point) * scale."""

    scales: tuple[float, ...]
    """One for the tensor, or one for each index along `axis`; none where they are blockwise."""
    zero_points: tuple[int, ...]
    axis: int
    blockwise: Blockwise | None = None


@dataclass(frozen=True, slots=True)
class Sparsity:
    """That and how a constant leaves its zeros out."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    compressed: tuple[bool, ...]
    """By dimension, blocks included: whether only what is not zero is kept of it (SPARSE_CSR)."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """One tensor of a subgraph."""

    name: str
    shape: Shape
    """As the file has it, with some size (mostly 1) where one is free. () for a scalar, and where the file says nothing."""
    shape_signature: Shape
    """The same with -1 for a size that is free; () where the file does not tell."""
    has_rank: bool
    """Whether an empty shape is meant; older files do not tell."""
    dtype: str
    """In lower case: float32, int8 ..."""
    buffer: int
    stored_bytes: int
    """Of its constant data in the file."""
    is_variable: bool
    """Whether it lives on from one run of the model to the next."""
    value: int | None = None
    """Of a constant that holds a single integer or truth value: counters and bounds of loops."""
    quantisation: Quantisation | None = None
    sparsity: Sparsity | None = None
    shape_at: int | None = None
    """Where in the file the offset to its shape lies (`backends.litert.copies.shapes` moves it); None without one."""

    @property
    def constant(self) -> bool:
        """Whether the file holds its values."""
        return self.stored_bytes > 0

    @property
    def declared_shape(self) -> Shape:
        """All that the file says of its shape, -1 for a size that is free."""
        return self.shape_signature or self.shape

    @property
    def is_open(self) -> bool:
        """Whether a size of it is free."""
        return any(size < 0 for size in self.shape_signature)


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """What an operator does."""

    builtin: int
    """Number of the built-in operator; one of them stands for all custom ones."""
    custom_code: str
    """A custom operator's own name."""
    version: int

    @property
    def custom(self) -> bool:
        """Whether it is none of the schema's own: told by the number, whatever the name looks like."""
        return self.builtin == schema.CUSTOM

    @property
    def name(self) -> str:
        """Built-in ones as the schema names them, custom ones by their own name."""
        if self.custom:
            return self.custom_code or "unnamed custom op"
        return schema.builtin_operators().get(self.builtin, f"operator {self.builtin}")


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a subgraph."""

    code: OperatorCode
    inputs: tuple[int, ...]
    """Tensors by index; -1 for one that is left out."""
    outputs: tuple[int, ...]
    subgraphs: tuple[int, ...] = ()
    """Those that it runs, by index: condition and body of a WHILE, both branches of an IF, what is called."""
    seeded: bool = False
    """Of a random op: whether its options name a seed, so that it draws the same each time that it is opened."""

    @property
    def name(self) -> str:
        """Its code's."""
        return self.code.name


@dataclass(frozen=True, slots=True)
class Subgraph:
    """One graph of a file: what a signature runs, or the body of control flow."""

    name: str
    tensors: tuple[FileTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def input_tensors(self) -> tuple[FileTensor, ...]:
        """In order."""
        return tuple(self.tensors[index] for index in self.inputs)

    @property
    def output_tensors(self) -> tuple[FileTensor, ...]:
        """In order."""
        return tuple(self.tensors[index] for index in self.outputs)


@dataclass(frozen=True, slots=True)
class Signature:
    """A name under which a subgraph can be asked, with names for its inputs and outputs."""

    key: str
    subgraph: int
    inputs: Mapping[str, int]
    """Name -> tensor of the subgraph."""
    outputs: Mapping[str, int]
    twice: tuple[str, ...] = ()
    """Names that it gives to two inputs or to two outputs; the last of them counts above."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An output that whoever runs a model is given."""

    place: int
    """Among the outputs of its graph."""
    tensor: int
    name: str


def input_names(signature: Signature | None) -> Mapping[int, str]:
    """Tensor -> the name that the signature gives it as an input; empty without one."""
    return {index: name for name, index in signature.inputs.items()} if signature else {}


def answers(graph: Subgraph, signature: Signature | None) -> tuple[Answer, ...]:
    """The outputs of a graph that its signature names, in the graph's order: all of them, by the file's names, without one.

    What a signature leaves out is an output to the runtime alone. A tensor that stands among the outputs once has one name.
    """
    if signature is None:
        return tuple(Answer(place, index, graph.tensors[index].name) for place, index in enumerate(graph.outputs))
    names: dict[int, list[str]] = {}
    for name, index in signature.outputs.items():
        names.setdefault(index, []).append(name)
    return tuple(
        Answer(place, index, names[index].pop(0)) for place, index in enumerate(graph.outputs) if names.get(index)
    )


@dataclass(frozen=True, slots=True)
class Metadata:
    """Something that a tool wrote beside the model."""

    name: str
    buffer: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file."""

    path: Path
    size_bytes: int
    schema_version: int
    description: str
    codes: tuple[OperatorCode, ...]
    """All that the file declares, used or not."""
    subgraphs: tuple[Subgraph, ...]
    """One at least. The first is the one that runs where no signature is asked for."""
    signatures: tuple[Signature, ...]
    metadata: tuple[Metadata, ...]
    weight_files: tuple[str, ...] = ()
    """Other files in which it has its constants (external buffers), as it names them."""

    @property
    def lacks_weights(self) -> str:
        """Why it cannot be run by itself; "" where it has all its constants."""
        if not self.weight_files:
            return ""
        return (
            f"{self.path} has its weights in other files ({', '.join(self.weight_files)}), which the runtime does not read and "
            "no checksum of it covers: export it with its weights inside"
        )

    @property
    def main(self) -> Subgraph:
        """The first subgraph."""
        return self.subgraphs[0]

    @property
    def main_signature(self) -> Signature | None:
        """That of the first subgraph; None where it has none."""
        return next((signature for signature in self.signatures if signature.subgraph == 0), None)

    @property
    def main_input_names(self) -> Mapping[int, str]:
        """Tensor -> the name that the first subgraph's signature gives it as an input; empty where it has none."""
        return input_names(self.main_signature)

    @property
    def main_answers(self) -> tuple[Answer, ...]:
        """What whoever runs the first subgraph is given."""
        return answers(self.main, self.main_signature)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Of all subgraphs, in order."""
        return tuple(operator for subgraph in self.subgraphs for operator in subgraph.operators)
