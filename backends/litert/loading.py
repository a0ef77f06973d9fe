"""How LiteRT's interpreter is loaded: the one place that makes one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.base import ModelRejected
from backends.litert.coverage import delegate_nodes
from backends.litert.file.custom_ops import explain_foreign_ops, select_ops
from backends.litert.file.model_file import Shape
from backends.litert.file.model_reader import check_model_file, read_model
from backends.litert.file.opened_file import name_of, opened
from backends.litert.select_tf import Flex, apply_flex
from backends.litert.weight_cache import share_weights
from backends.litert.without_xnnpack import nor_without_xnnpack, runs_without_xnnpack

_MOST_VALUES = 1 << 31
XNNPACK = "(TfLiteXNNPackDelegate)"
"""How the runtime names the nodes that XNNPACK took."""
_OF_DELEGATES = "use --set backend.options.xnnpack=false, which --backend external has"
"""How what a delegate leaves is run by the runtime's own kernels."""
_AXIS = "quantized_dimension must be in range"
"""How it refuses what `backends.litert.copies.repair` mends."""


@dataclass(frozen=True, slots=True)
class Loading:
    """What is decided of an interpreter before it is made."""

    threads: int
    xnnpack: bool = True
    """False keeps the built-in kernels: the runtime does not apply XNNPACK."""
    reference_kernels: bool = False
    """Run everything that no delegate took on the plain C++ reference kernels."""
    weight_cache: str = ""
    """A file for XNNPACK's packed weights, which all instances of the model share (`backends.litert.weight_cache`)."""
    input_shapes: Sequence[Shape] | None = None
    """Resize the inputs to these, in the model's input order, before allocation."""
    delegate: Any = None
    """Of `ai_edge_litert.interpreter.load_delegate`; it chooses its ops before XNNPACK does."""


@dataclass(frozen=True, slots=True)
class LoadedInterpreter:
    """An interpreter with its tensors allocated."""

    interpreter: Any
    """`ai_edge_litert.interpreter.Interpreter`."""
    flex: Flex | None
    """TensorFlow's delegate, where the model has select ops."""
    delegate_nodes: frozenset[int] | None
    """The nodes that stand for the partitions of `Loading.delegate`; None without one."""
    nodes_before_xnnpack: int
    """Nodes that stand for delegates' partitions before XNNPACK chose."""


def load_interpreter(model: Path, asked: Loading) -> LoadedInterpreter:
    """Loads a model (the file is memory-mapped) and allocates its tensors.

    Raises:
        ModelRejected: The file is no model, or the runtime cannot run it.
        BackendUnavailable: The model needs TensorFlow's delegate, whose library is broken.
    """
    check_model_file(model)
    try:
        return _load(model, asked)
    except ModelRejected as error:
        if XNNPACK not in str(error):
            raise
        raise ModelRejected(f"{error} {_without_xnnpack(model, asked)}") from None


def _load(model: Path, asked: Loading) -> LoadedInterpreter:
    from ai_edge_litert.interpreter import Interpreter

    with refusals_explained(model):
        with opened(model) as file:
            interpreter: Any = Interpreter(
                model_path=name_of(file, model),
                num_threads=asked.threads,
                experimental_op_resolver_type=_kernels(asked),
            )
        details = interpreter.get_input_details()
        for detail, shape in zip(details, asked.input_shapes or (), strict=bool(asked.input_shapes)):
            if tuple(detail["shape"]) != shape:
                interpreter.resize_tensor_input(detail["index"], shape)
        # First, since without it the graph cannot be shown to another delegate.
        flex = apply_flex(interpreter) if select_ops(model) else None
        nodes = None if asked.delegate is None else _apply(interpreter, asked.delegate)
        # XNNPACK's come now, or when the tensors are allocated.
        before_xnnpack = len(delegate_nodes(interpreter))
        if asked.weight_cache:
            share_weights(interpreter, asked.weight_cache, asked.threads)
        interpreter.allocate_tensors()
        if nodes and not nodes & delegate_nodes(interpreter):
            # The runtime says nothing, takes all delegates away and goes on without (LiteRT 2.3.0, tried).
            raise RuntimeError(
                f"XNNPACK refuses what the delegate leaves of it {XNNPACK}, and the delegate goes with it."
            )
    return LoadedInterpreter(interpreter, flex, nodes, before_xnnpack)


@contextmanager
def refusals_explained(model: Path) -> Iterator[None]:
    """What the runtime says against the model, as `ModelRejected` with what to do."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ModelRejected(f"{model} is corrupt: the name of a tensor is no text ({error.object[:40]!r})") from None
    except (ValueError, RuntimeError) as error:
        if not str(error).strip() and (large := _too_large(model)):
            raise ModelRejected(f"the runtime refuses {model} without a word: {large}") from None
        why = _why_foreign(model, error) or f"the runtime refuses {model}: {first_line(error)}{_hint(error)}"
        raise ModelRejected(why) from None


def _too_large(model: Path) -> str:
    """The tensor of which a size in the file is more than the runtime counts; "" where there is none."""
    for tensor in read_model(model).main.tensors:
        if math.prod(tensor.declared_shape) >= _MOST_VALUES:
            shape = list(tensor.declared_shape)
            return f"its tensor {tensor.name} is {tensor.dtype} {shape}, of more values than it can hold"
    return ""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if _AXIS in line:
        # It says so of every tensor, all in one line.
        return line.partition("Tensor ")[0]
    return line


def _without_xnnpack(model: Path, asked: Loading) -> str:
    """Whether the runtime's own kernels run what XNNPACK refuses, and how to have them."""
    try:
        _load(model, replace(asked, xnnpack=False, weight_cache=""))
    except ModelRejected as error:
        return nor_without_xnnpack(str(error))
    return runs_without_xnnpack() if asked.delegate is None else runs_without_xnnpack(_OF_DELEGATES)


def _kernels(asked: Loading) -> Any:
    from ai_edge_litert.interpreter import OpResolverType

    if asked.reference_kernels:
        return OpResolverType.BUILTIN_REF
    # With a weight cache XNNPACK is applied by hand.
    by_itself = asked.xnnpack and not asked.weight_cache
    return OpResolverType.AUTO if by_itself else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def _apply(interpreter: Any, delegate: Any) -> frozenset[int]:
    """Hands the graph to the delegate; returns the nodes that stand for its partitions.

    The interpreter's own argument for it would come before the inputs are resized, after which they cannot be.
    """
    others = delegate_nodes(interpreter)
    interpreter._interpreter.ModifyGraphWithDelegate(delegate._get_native_delegate_pointer())
    return delegate_nodes(interpreter) - others


def _hint(error: BaseException) -> str:
    if _AXIS in str(error):
        return (
            " An old converter wrote an axis that the tensor does not have: have it mended in a copy with "
            "--set model.repair=quantized_dimension"
        )
    return ". The file is cut or corrupt: get it again." if "not a valid Flatbuffer" in str(error) else ""


def _why_foreign(model: Path, error: BaseException) -> str | None:
    foreign = "unresolved custom op" in str(error) or "Select TensorFlow op" in str(error)
    return explain_foreign_ops(model) if foreign else None
