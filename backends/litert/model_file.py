"""What a TFLite file says of itself, read from the flatbuffer without the runtime."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from backends.base import ModelRejected
from backends.litert.select_tf import INSTALL, library

_IDENTIFIER = b"TFL3"
"""At byte 4 of every TFLite flatbuffer (LRT tflite/schema/schema.fbs, file_identifier)."""
EDGETPU_OP = "edgetpu-custom-op"
POST_PROCESSING_OP = "TFLite_Detection_PostProcess"
_SELECT = "Flex"
"""How the names of select TensorFlow ops begin (LRT tflite/util.h, kFlexCustomCodePrefix)."""
_BUILTIN_CUSTOM_OPS = frozenset({POST_PROCESSING_OP, "Mfcc", "AudioSpectrogram", "NumericVerify"})
"""Custom ops that the runtime brings along (LRT tflite/core/kernels/register.cc)."""


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


def read_model(data: bytes | bytearray | mmap.mmap) -> Any:
    """The schema's accessor over a file's bytes."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAs(data, 0)


@lru_cache(maxsize=8)
def operators(path: Path) -> tuple[str, ...]:
    """The model's ops in order: builtin ones by their name in the schema, custom ones by their own.

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}

    def read() -> Iterator[str]:
        model = read_model(path.read_bytes())
        codes = [model.OperatorCodes(number) for number in range(model.OperatorCodesLength())]
        for number in range(model.SubgraphsLength()):
            graph = model.Subgraphs(number)
            for place in range(graph.OperatorsLength()):
                code = codes[graph.Operators(place).OpcodeIndex()]
                custom = code.CustomCode()
                # Files of before 2020 have the number in the older field, which holds one byte.
                builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
                yield custom.decode(errors="replace") if custom else names.get(builtin, f"builtin {builtin}")

    check_model_file(path)
    try:
        return tuple(read())
    except OSError as error:
        raise ModelRejected(f"cannot read the model {path}: {error.strerror}") from None
    except Exception as error:
        # A corrupt offset ends in whatever error the reader happens to meet.
        raise ModelRejected(f"{path} is cut or corrupt: {error}. Get it again.") from None


def unfit_for_compiling(path: Path) -> str | None:
    """Why nobody should compile the model who need not: what a compiled model does wrongly, or was not seen to do rightly.

    With outputs of a shape that only running tells, it writes past its buffers (seen with an SSD's post-processing).

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    own = [op for op in dict.fromkeys(operators(path)) if _is_custom(op)]
    model = read_model(path.read_bytes())
    if own:
        return f"it has custom ops ({', '.join(own)})"
    if model.SubgraphsLength() != 1:
        return f"it has {model.SubgraphsLength()} graphs"
    return "the file does not say what shape its outputs have" if shapeless_outputs(model) else None


def shapeless_outputs(model: Any) -> list[str]:
    """Names of the main graph's outputs whose shape neither the file nor the shape of the inputs tells."""
    graph = model.Subgraphs(0)
    inputs = [graph.Tensors(graph.Inputs(place)) for place in range(graph.InputsLength())]
    outputs = [graph.Tensors(graph.Outputs(place)) for place in range(graph.OutputsLength())]
    # An open batch size is the inputs' and the outputs' alike.
    resizable = any(map(_is_open, inputs))
    return [
        (tensor.Name() or b"?").decode(errors="replace")
        for tensor in outputs
        if (not tensor.ShapeLength() and not tensor.HasRank()) or (_is_open(tensor) and not resizable)
    ]


def _is_open(tensor: Any) -> bool:
    return any(tensor.ShapeSignature(axis) < 0 for axis in range(tensor.ShapeSignatureLength()))


def foreign_ops(path: Path) -> tuple[str, ...]:
    """The custom ops for which this runtime has no kernel, each once."""
    return tuple(dict.fromkeys(op for op in operators(path) if _is_foreign(op)))


def select_ops(path: Path) -> tuple[str, ...]:
    """The select TensorFlow ops that the file declares, read without reading the file whole. Nothing where it is corrupt."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model = read_model(data)
            codes = [model.OperatorCodes(number).CustomCode() for number in range(model.OperatorCodesLength())]
            return tuple(code.decode(errors="replace") for code in codes if code and code.startswith(_SELECT.encode()))
    except Exception:
        # The runtime's own words say best what is wrong with it.
        return ()


def _is_custom(op: str) -> bool:
    return not (op.isupper() or op.startswith("builtin "))


def _is_foreign(op: str) -> bool:
    return _is_custom(op) and op not in _BUILTIN_CUSTOM_OPS


def explain_foreign_ops(path: Path) -> str | None:
    """What to do about the ops that this runtime has no kernel for; None where there are none."""
    foreign = foreign_ops(path)
    if not foreign:
        return None
    named = ", ".join(foreign)
    if EDGETPU_OP in foreign:
        return (
            f"{path} was compiled for an Edge TPU ({EDGETPU_OP}) and runs on nothing else: use --backend edgetpu, "
            "or the file from before edgetpu_compiler"
        )
    if all(op.startswith(_SELECT) for op in foreign):
        needs = (
            f"{path} needs select TensorFlow ops, which LiteRT has no kernels for: {named}. TensorFlow's Flex delegate "
        )
        if library() is not None:
            return f"{needs}has them and is here"
        return f"{needs}has them: {INSTALL}. Or convert the model with TFLITE_BUILTINS alone"
    return (
        f"{path} needs custom ops that this runtime has no kernel for: {named}. A delegate that brings them can be "
        "named with --backend external:PATH"
    )
