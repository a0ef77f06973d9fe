"""The `Interpreter` engine of LiteRT (TFLite), with or without a delegate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import Array, Backend, BackendInfo, Coverage, ModelRejected, TensorSpec

_IDENTIFIER = b"TFL3"
"""At byte 4 of every TFLite flatbuffer (LRT tflite/schema/schema.fbs, file_identifier)."""


def check_model_file(path: Path) -> None:
    """Refuses what can be seen to be no TFLite model before the runtime gets to see it.

    Raises:
        ModelRejected: Missing, unreadable, empty or of another format.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelRejected(f"cannot read the model {path}: {error.strerror}") from None
    if len(head) < 8 or head[4:8] != _IDENTIFIER:
        raise ModelRejected(
            f"{path} is not a TFLite model: bytes 4 to 8 are {head[4:8]!r}, not {_IDENTIFIER!r}. "
            "A web page or a pointer file saved under this name is the usual cause."
        )


class InterpreterBackend(Backend):
    """One interpreter. `invoke` releases the GIL while the model runs."""

    def __init__(
        self,
        model: Path,
        *,
        name: str,
        threads: int,
        xnnpack: bool = True,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Loads the model (the file is memory-mapped) and allocates its tensors.

        Args:
            model: The TFLite file.
            name: The backend's name, for the result.
            threads: CPU threads of this interpreter.
            xnnpack: False keeps the built-in kernels (the XNNPACK delegate is not applied).
            input_shapes: Resize the inputs to these shapes, in the model's input order, before allocation.

        Raises:
            ModelRejected: The file is no model, or the runtime cannot run it.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        check_model_file(model)
        resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = Interpreter(
                model_path=str(model), num_threads=threads, experimental_op_resolver_type=resolver
            )
            details = self._interpreter.get_input_details()
            for detail, shape in zip(details, input_shapes or (), strict=bool(input_shapes)):
                if tuple(detail["shape"]) != shape:
                    self._interpreter.resize_tensor_input(detail["index"], shape)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelRejected(f"the runtime refuses {model}: {_first_line(error)}{_hint(error)}") from None
        self._name, self._threads, self._xnnpack = name, threads, xnnpack
        names = _signature_names(self._interpreter)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.inputs = tuple(_spec(detail, names) for detail in inputs)
        self.outputs = tuple(_spec(detail, names) for detail in outputs)
        self._input_indexes = [int(detail["index"]) for detail in inputs]
        self._output_indexes = [int(detail["index"]) for detail in outputs]

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        """Copies the inputs in, runs, copies the outputs out: views of tensors would block the next invoke."""
        interpreter = self._interpreter
        for index, array in zip(self._input_indexes, inputs, strict=True):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in self._output_indexes]

    def info(self) -> BackendInfo:
        """Names XNNPACK as the delegate only where it took at least one node."""
        coverage = read_coverage(self._interpreter)
        return BackendInfo(
            name=self._name,
            engine="Interpreter",
            delegate="XNNPACK" if coverage.partitions else None,
            options={"xnnpack": self._xnnpack},
            coverage=coverage,
        )


def read_coverage(interpreter: Any) -> Coverage:
    """Counts ops and those that a delegate took over.

    The runtime lists the replaced ops beside the DELEGATE nodes that stand for them. An op belongs to a DELEGATE node
    when one of the node's outputs depends on it without passing through one of the node's inputs.
    """
    ops = interpreter._get_ops_details()
    delegates = [op for op in ops if op["op_name"] == "DELEGATE"]
    plain = [op for op in ops if op["op_name"] != "DELEGATE"]
    producer = {int(tensor): op["index"] for op in plain for tensor in op["outputs"]}
    by_index = {op["index"]: op for op in plain}
    taken: set[int] = set()
    for delegate in delegates:
        borders = {int(tensor) for tensor in delegate["inputs"]}
        pending = [int(tensor) for tensor in delegate["outputs"]]
        while pending:
            tensor = pending.pop()
            index = producer.get(tensor)
            if tensor in borders or index is None or index in taken:
                continue
            taken.add(index)
            pending += [int(source) for source in by_index[index]["inputs"]]
    return Coverage(nodes=len(plain), delegated_nodes=len(taken), partitions=len(delegates))


def _signature_names(interpreter: Any) -> Mapping[int, str]:
    """Tensor index -> the name the first signature gives it (exported models hide the good names there)."""
    signatures = interpreter.get_signature_list()
    if not signatures:
        return {}
    runner = interpreter.get_signature_runner(next(iter(signatures)))
    details = {**runner.get_input_details(), **runner.get_output_details()}
    return {int(detail["index"]): name for name, detail in details.items()}


def _spec(detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        name=names.get(int(detail["index"]), str(detail["name"])),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _hint(error: BaseException) -> str:
    return ". The file is cut or corrupt: get it again." if "not a valid Flatbuffer" in str(error) else ""


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
