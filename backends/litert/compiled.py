"""The `CompiledModel` engine of LiteRT: the way to its GPU and NPU accelerators."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import (
    Array,
    Backend,
    BackendInfo,
    BackendUnavailable,
    Coverage,
    ModelRejected,
    Stages,
    TensorSpec,
    TimeShare,
)
from backends.litert.file.custom_ops import POST_PROCESSING_OP, select_ops
from backends.litert.file.model_file import ModelFile, Subgraph
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import name_of, opened
from backends.litert.interpreter import InterpreterBackend
from backends.litert.loading import first_line
from backends.litert.stderr import overheard
from backends.litert.times.compiled_profile import compiled_node_timer, compiled_time_share
from backends.litert.times.node_timer import NodeTimer

_BUFFER_TYPES = frozenset(map(np.dtype, ("float32", "float16", "int32", "int8", "uint8", "bool")))
"""Types that the engine has buffers for (ai_edge_litert.tensor_buffer)."""
_RESIZED = "a compiled model with other shapes than the file's is not profiled"


class CompiledBackend(Backend):
    """A compiled model with one buffer for each input and output, written and read in place of new ones.

    Subclasses say which accelerators and options, and what came of it.
    """

    def __init__(
        self,
        model: Path,
        *,
        options: Any,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
        why_not: Callable[[str], str] | None = None,
    ) -> None:
        """Compiles the model.

        Args:
            model: The TFLite file.
            options: `ai_edge_litert.compiled_model.Options`.
            input_shapes: Resize the inputs to these shapes, in the model's input order.
            why_not: From what the runtime wrote when it failed: why the backend is not here.

        Raises:
            ModelRejected: The file is no model, or has tensors this engine has no buffers for.
            BackendUnavailable: The runtime cannot compile it; the message holds its reason.
        """
        if ops := select_ops(model):
            raise ModelRejected(
                f"CompiledModel runs no select TensorFlow ops ({', '.join(ops)} in {model}): use --backend cpu, whose "
                "interpreter takes TensorFlow's Flex delegate"
            )
        # The compiled model knows no quantisation, and may take inputs in another order.
        plain = InterpreterBackend(model, name="", threads=1, xnnpack=False, input_shapes=input_shapes)
        self.inputs, self.outputs = plain.inputs, plain.outputs
        self._tensor_shapes = plain.tensor_shapes()
        plain.close()
        self._nodes = len(read_model(model).operators)
        _check_types(model, (*self.inputs, *self.outputs))
        _check_outputs(model)
        self._model, self.said = _compile(model, options, why_not)
        signature, names = next(iter(self._model.get_signature_list().items()))
        places = self._places(model, signature, names)
        self._file, self._input_places, self._resized = model, places[0], input_shapes is not None
        if input_shapes is not None:
            for spec in self.inputs:
                number = names["inputs"].index(spec.name)
                self._model.resize_input_tensor(number, spec.shape, strict=False)
        self._in, self._out = self._model.create_input_buffers(0), self._model.create_output_buffers(0)
        self._writes = [self._in[place].write for place in places[0]]
        self._reads = [
            (self._out[place].read, int(np.prod(spec.shape, dtype=np.int64)), spec.dtype, spec.shape)
            for place, spec in zip(places[1], self.outputs, strict=True)
        ]

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        """Copies the inputs into their buffers, runs, copies the outputs out."""
        for write, array in zip(self._writes, inputs, strict=True):
            write(array)
        self._model.run_by_index(0, self._in, self._out)
        return [read(count, dtype).reshape(shape) for read, count, dtype, shape in self._reads]

    def stages(self) -> Stages | None:
        """What `invoke` does, step by step. Of an accelerator `read` may wait for what `run` has only begun."""
        if type(self).invoke is not CompiledBackend.invoke:
            return None
        compiled, given, answers, reads, writes = self._model, self._in, self._out, self._reads, self._writes

        def write(inputs: Sequence[Array]) -> None:
            for put, array in zip(writes, inputs, strict=True):
                put(array)

        return Stages(
            write,
            lambda: compiled.run_by_index(0, given, answers),
            lambda: [read(count, dtype).reshape(shape) for read, count, dtype, shape in reads],
        )

    def info(self) -> BackendInfo:
        """The engine; subclasses add what they know."""
        return BackendInfo(name="compiled", engine="CompiledModel", delegate=None)

    def share_with(self, hardware: int, options: Mapping[str, str], inputs: Sequence[Array]) -> TimeShare:
        """The CPU's part of the time, of the same model compiled once more. Frees this one first.

        Args:
            hardware: See `compiled_time_share`.
            options: See `compiled_time_share`.
            inputs: As for `invoke`.
        """
        if self._resized:
            return TimeShare(None, _RESIZED)
        self.close()
        return compiled_time_share(
            self._file, hardware=hardware, options=options, inputs=self._ordered(inputs), outputs=len(self.outputs)
        )

    def time_nodes(self, hardware: int, options: Mapping[str, str], inputs: Sequence[Array]) -> NodeTimer:
        """A clock around each node of the same model, compiled once more. Frees this one first.

        Args:
            hardware: See `compiled_time_share`.
            options: See `compiled_time_share`.
            inputs: As for `invoke`.

        Raises:
            BackendUnavailable: It cannot be had.
        """
        if self._resized:
            raise BackendUnavailable(_RESIZED)
        self.close()
        return compiled_node_timer(
            self._file, hardware=hardware, options=options, inputs=self._ordered(inputs), outputs=len(self.outputs)
        )

    def tensor_shapes(self) -> dict[int, tuple[int, ...]]:
        """As an interpreter has allocated them."""
        return self._tensor_shapes

    def _ordered(self, inputs: Sequence[Array]) -> list[Array]:
        """In the signature's order."""
        pairs = sorted(zip(self._input_places, inputs, strict=True), key=lambda pair: pair[0])
        return [array for _, array in pairs]

    def close(self) -> None:
        """Frees the buffers, then the model."""
        self._writes, self._reads, self._in, self._out = [], [], [], []
        self._model = None

    @property
    def fully_accelerated(self) -> bool:
        """What the runtime says of it."""
        return bool(self._model.is_fully_accelerated())

    @property
    def whole(self) -> Coverage:
        """All ops in the accelerator."""
        return Coverage(self._nodes, self._nodes, None)

    def _places(self, model: Path, signature: str, names: Mapping[str, list[str]]) -> tuple[list[int], list[int]]:
        """Where the model's inputs and outputs are among the signature's."""
        del signature
        try:
            return (
                [names["inputs"].index(spec.name) for spec in self.inputs],
                [names["outputs"].index(spec.name) for spec in self.outputs],
            )
        except ValueError:
            raise ModelRejected(
                f"CompiledModel names the inputs and outputs of {model} {names['inputs']} and {names['outputs']}, the "
                f"interpreter {[spec.name for spec in self.inputs]} and {[spec.name for spec in self.outputs]}: "
                "they cannot be matched. Use --backend cpu."
            ) from None


def _compile(model: Path, options: Any, why_not: Callable[[str], str] | None) -> tuple[Any, str]:
    from ai_edge_litert.compiled_model import CompiledModel

    try:
        with overheard() as said, opened(model) as file:
            compiled = CompiledModel.from_file(name_of(file, model), options=options)
    except (RuntimeError, ValueError) as error:
        reason = why_not(said()) if why_not else f"{first_line(error)}{_last_error(said())}"
        raise BackendUnavailable(f"the runtime cannot compile {model}: {reason}") from None
    return compiled, said()


def _last_error(said: str) -> str:
    """What the runtime wrote last against a model, without the place in its source; "" for nothing."""
    errors = re.findall(r"^ERROR: (?:\[.*?\] )?(.+)$", said, re.MULTILINE)
    return f" ({errors[-1]})" if errors else ""


def why_not_compiled(model: Path, plain: Backend) -> str | None:
    """Why a model that the interpreter runs had better not be compiled; None if nothing speaks against it.

    Args:
        model: The file.
        plain: The interpreter with it.

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    wrong = _without_buffers((*plain.inputs, *plain.outputs))
    return f"it has no buffers for {', '.join(wrong)}" if wrong else unfit_for_compiling(model)


def unfit_for_compiling(path: Path) -> str | None:
    """Why nobody should compile the model who need not: what a compiled model does wrongly, or was not seen to do rightly.

    With outputs of a shape that only running tells, it writes past its buffers (seen with an SSD's post-processing).

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    model = read_model(path)
    own = dict.fromkeys(operator.name for operator in model.operators if operator.code.custom)
    if own:
        return f"it has custom ops ({', '.join(own)})"
    if left_out := _left_out(model):
        return f"its signature leaves out the output {left_out}"
    if len(model.subgraphs) != 1:
        return f"it has {len(model.subgraphs)} graphs"
    return "the file does not say what shape its outputs have" if unfit_outputs(model.main) else None


def unfit_outputs(graph: Subgraph) -> list[str]:
    """The outputs that a compiled model has no buffer for: neither the file nor the shape of the inputs tells their own."""
    # An open batch size is the inputs' and the outputs' alike.
    resizable = any(tensor.is_open for tensor in graph.input_tensors)
    return [
        tensor.name or "?"
        for tensor in graph.output_tensors
        if (not tensor.shape and not tensor.has_rank) or (tensor.is_open and not resizable)
    ]


def _without_buffers(specs: Sequence[TensorSpec]) -> list[str]:
    return [f"{spec.name} is {spec.dtype}" for spec in specs if spec.dtype not in _BUFFER_TYPES]


def _check_types(model: Path, specs: Sequence[TensorSpec]) -> None:
    packed = [f"{spec.name} is {spec.stored_as}" for spec in specs if spec.stored_as]
    if wrong := [*_without_buffers(specs), *packed]:
        raise ModelRejected(
            f"CompiledModel has no buffers for tensors of {model}: {', '.join(wrong)}. Use --backend cpu, or convert the "
            "model with 32-bit integers."
        )


def _left_out(model: ModelFile) -> str:
    """An output of its graph that the signature does not name, for which the engine refuses it; "" for none."""
    graph, named = model.main, {answer.place for answer in model.main_answers}
    return next((graph.tensors[index].name for place, index in enumerate(graph.outputs) if place not in named), "")


def _check_outputs(path: Path) -> None:
    model = read_model(path)
    if left_out := _left_out(model):
        raise ModelRejected(
            f"CompiledModel takes no model whose signature names only some of its graph's outputs: that of {path} leaves out "
            f"{left_out}. Use --backend cpu."
        )
    if all(operator.name != POST_PROCESSING_OP for operator in model.operators):
        return
    if shapeless := unfit_outputs(model.main):
        raise ModelRejected(
            f"CompiledModel writes past the buffers of outputs whose shape {path} leaves open: {', '.join(shapeless)} "
            f"({POST_PROCESSING_OP}). Use --backend cpu."
        )
