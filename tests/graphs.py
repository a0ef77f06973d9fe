"""Models of several graphs for tests, made of the schema's own records: loops, branches, resource variables, open sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


class Files:
    """A model in the making; its first graph is the one that runs."""

    def __init__(self) -> None:
        """No graph yet."""
        self.buffers = [schema.BufferT()]
        self.graphs: list[OneGraph] = []
        self.codes: list[str] = []
        self.more: dict[str, Any] = {}
        """Fields of the model that nothing else here sets."""

    def graph(self) -> OneGraph:
        """Another graph."""
        self.graphs.append(OneGraph(self))
        return self.graphs[-1]

    def write(self, path: Path) -> Path:
        """Writes it without a signature."""
        codes = [getattr(schema.BuiltinOperator, name) for name in self.codes]
        model = schema.ModelT(
            version=3,
            buffers=self.buffers,
            operatorCodes=[
                schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=1)
                for code in codes
            ],
            subgraphs=[
                schema.SubGraphT(tensors=graph.tensors, inputs=graph.inputs, outputs=graph.outputs, operators=graph.ops)
                for graph in self.graphs
            ],
        )
        for name, value in self.more.items():
            setattr(model, name, value)
        builder = flatbuffers.Builder(1 << 12)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(builder.Output())
        return path


class OneGraph:
    """One of its graphs."""

    def __init__(self, files: Files) -> None:
        """Nothing in it."""
        self._files = files
        self.tensors: list[Any] = []
        self.ops: list[Any] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []

    def tensor(self, shape: Sequence[int], kind: str = "FLOAT32", **fields: Any) -> int:
        """A tensor; -1 in the shape is a size that the file leaves open."""
        if -1 in shape:
            fields["shapeSignature"] = list(shape)
        number = len(self.tensors)
        sizes, kind_number = [max(1, size) for size in shape], getattr(schema.TensorType, kind)
        self.tensors.append(schema.TensorT(name=f"t{number}", shape=sizes, type=kind_number, hasRank=True, **fields))
        return number

    def constant(self, values: Any) -> int:
        """A tensor with values."""
        array = np.asarray(values)
        self._files.buffers.append(schema.BufferT(data=np.frombuffer(array.tobytes(), np.uint8)))
        return self.tensor(array.shape, array.dtype.name.upper(), buffer=len(self._files.buffers) - 1)

    def word(self, word: bytes) -> int:
        """A tensor with one text."""
        head = np.array([1, 12, 12 + len(word)], np.int32).tobytes()
        self._files.buffers.append(schema.BufferT(data=np.frombuffer(head + word, np.uint8)))
        return self.tensor((1,), "STRING", buffer=len(self._files.buffers) - 1)

    def table(self) -> int:
        """The one hash table of the model, from texts to numbers, as this graph knows it."""
        handle, types = self.tensor((1,), "RESOURCE"), schema.TensorType
        options = schema.HashtableOptionsT(tableId=1, keyDtype=types.STRING, valueDtype=types.INT64)
        self.op("HASHTABLE", [], [handle], options)
        return handle

    def op(self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> None:
        """An op behind those there are."""
        if name not in self._files.codes:
            self._files.codes.append(name)
        packed = schema.OperatorT(opcodeIndex=self._files.codes.index(name), inputs=list(inputs), outputs=list(outputs))
        if options is not None:
            packed.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
            packed.builtinOptions = options
        self.ops.append(packed)

    def variable(self) -> int:
        """The one resource variable of the model, as this graph knows it."""
        handle = self.tensor((), "RESOURCE")
        self.op("VAR_HANDLE", [], [handle], schema.VarHandleOptionsT(container="", sharedName="v"))
        return handle


def looking_up(path: Path, *, once: bool) -> Path:
    """int64 [1] -> int64 [1]: adds what a hash table has for a word, which the samples or CALL_ONCE put there."""
    files = Files()
    main = files.graph()
    sample, found, added = (main.tensor((1,), "INT64") for _ in range(3))
    main.inputs, main.outputs = [sample], [added]
    if once:
        main.op("CALL_ONCE", [], [], schema.CallOnceOptionsT(initSubgraphIndex=1))
    table, word = main.table(), main.word(b"a")
    if not once:
        main.op("HASHTABLE_IMPORT", [table, word, sample], [], schema.HashtableImportOptionsT())
    nothing = main.constant(np.array([-1], np.int64))
    main.op("HASHTABLE_FIND", [table, word, nothing], [found], schema.HashtableFindOptionsT())
    main.op("ADD", [sample, found], [added], schema.AddOptionsT())
    if once:
        fills = files.graph()
        values = fills.constant(np.array([1000], np.int64))
        fills.op("HASHTABLE_IMPORT", [fills.table(), fills.word(b"a"), values], [], schema.HashtableImportOptionsT())
    return files.write(path)


def drawing_in_a_branch(path: Path, seed: int) -> Path:
    """float [1, 4] -> float [1, 4]: adds random numbers where the first number is more than 0.4, else its tanh."""
    files = Files()
    main = files.graph()
    x, first, large, result = main.tensor((1, 4)), main.tensor((1, 1)), main.tensor((1, 1), "BOOL"), main.tensor((1, 4))
    main.inputs, main.outputs = [x], [result]
    begin, size = main.constant(np.array([0, 0], np.int32)), main.constant(np.array([1, 1], np.int32))
    main.op("SLICE", [x, begin, size], [first], schema.SliceOptionsT())
    main.op("GREATER", [first, main.constant(np.full((1, 1), 0.4, np.float32))], [large], schema.GreaterOptionsT())
    main.op("IF", [large, x], [result], schema.IfOptionsT(thenSubgraphIndex=1, elseSubgraphIndex=2))
    draws = files.graph()
    given, drawn, added = (draws.tensor((1, 4)) for _ in range(3))
    draws.inputs, draws.outputs = [given], [added]
    shape = draws.constant(np.array([1, 4], np.int32))
    draws.op("RANDOM_UNIFORM", [shape], [drawn], schema.RandomOptionsT(seed=seed, seed2=0))
    draws.op("ADD", [given, drawn], [added], schema.AddOptionsT())
    computes = files.graph()
    given, made = computes.tensor((1, 4)), computes.tensor((1, 4))
    computes.inputs, computes.outputs = [given], [made]
    computes.op("TANH", [given], [made])
    return files.write(path)


def refused_by_one(path: Path, by: Literal["XNNPACK", "the kernels"]) -> Path:
    """A model that the other runs: a sum and axes named twice, or a sigmoid in steps that are none of 1/256."""
    files = Files()
    main = files.graph()
    if by == "XNNPACK":
        given, added, result = main.tensor((1, 1)), main.tensor((1, 1)), main.tensor((1, 1))
        main.op("ADD", [given, main.constant(np.ones((1, 1), np.float32))], [added], schema.AddOptionsT())
        axes = main.constant(np.array([1, 1], np.int32))
        main.op("TRANSPOSE", [added, axes], [result], schema.TransposeOptionsT())
    else:
        steps = [schema.QuantizationParametersT(scale=[scale], zeroPoint=[3]) for scale in (0.1, 0.5)]
        given, result = (main.tensor((1, 8), "INT8", quantization=each) for each in steps)
        main.op("LOGISTIC", [given], [result])
    main.inputs, main.outputs = [given], [result]
    return files.write(path)


def quantised(scales: Sequence[float], zero_point: int = 0, axis: int = 0) -> Any:
    """What a tensor's steps stand for; several scales are one for each place on the axis."""
    return schema.QuantizationParametersT(
        scale=list(scales), zeroPoint=[zero_point] * len(scales), quantizedDimension=axis
    )


def reshaped(
    path: Path, taken: Sequence[int], given: Sequence[int], kind: str, inside: Any = None, outside: Any = None
) -> Path:
    """A model that gives what it takes, in another shape.

    Args:
        path: Of the file.
        taken: The input's shape.
        given: The output's.
        kind: Of both.
        inside: What the input's steps stand for.
        outside: What the output's do.
    """
    files = Files()
    graph = files.graph()
    graph.inputs = [graph.tensor(taken, kind, quantization=inside)]
    graph.outputs = [graph.tensor(given, kind, quantization=outside)]
    shape = graph.constant(np.array(given, np.int32))
    graph.op("RESHAPE", [*graph.inputs, shape], graph.outputs, schema.ReshapeOptionsT(newShape=list(given)))
    return files.write(path)


def of_one_state(path: Path, kept: Literal["a variable tensor", "random numbers"]) -> Path:
    """float [1, 4] -> float [1, 4]: an SVDF with three steps of memory, or the sum with random numbers of a seed."""
    files = Files()
    main = files.graph()
    given, result = main.tensor((1, 4)), main.tensor((1, 4))
    main.inputs, main.outputs = [given], [result]
    if kept == "random numbers":
        drawn, shape = main.tensor((1, 4)), main.constant(np.array([1, 4], np.int32))
        main.op("RANDOM_UNIFORM", [shape], [drawn], schema.RandomOptionsT(seed=7, seed2=0))
        main.op("ADD", [given, drawn], [result], schema.AddOptionsT())
        return files.write(path)
    draws = np.random.default_rng(0)
    features, times = (main.constant(draws.standard_normal((4, size)).astype(np.float32)) for size in (4, 3))
    memory = main.tensor((1, 12), isVariable=True)
    main.op("SVDF", [given, features, times, -1, memory], [result], schema.SVDFOptionsT(rank=1))
    return files.write(path)
