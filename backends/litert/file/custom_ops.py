"""Operators that the runtime may have no kernel for, and what to do about them."""

from __future__ import annotations

from pathlib import Path

from backends.base import ModelRejected
from backends.litert.file.model_file import OperatorCode
from backends.litert.file.model_reader import read_model, read_operator_codes
from backends.litert.select_tf import INSTALL, library

EDGETPU_OP = "edgetpu-custom-op"
POST_PROCESSING_OP = "TFLite_Detection_PostProcess"
_SELECT = "Flex"
"""How the names of select TensorFlow ops begin (LRT tflite/util.h, kFlexCustomCodePrefix)."""
_BUILTIN_CUSTOM_OPS = frozenset({POST_PROCESSING_OP, "Mfcc", "AudioSpectrogram", "NumericVerify"})
"""Custom ops that the runtime brings along (LRT tflite/core/kernels/register.cc)."""


def operator_names(path: Path) -> tuple[str, ...]:
    """The names of all the model's operators, in order.

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    return tuple(operator.name for operator in read_model(path).operators)


def foreign_ops(path: Path) -> tuple[str, ...]:
    """The custom ops for which this runtime has no kernel, each once.

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    return tuple(dict.fromkeys(operator.name for operator in read_model(path).operators if _is_foreign(operator.code)))


def select_ops(path: Path) -> tuple[str, ...]:
    """The select TensorFlow ops that the file declares. Nothing where it is corrupt."""
    try:
        codes = read_operator_codes(path)
    except ModelRejected:
        # The runtime's own words say best what is wrong with it.
        return ()
    return tuple(code.name for code in codes if code.custom and is_select(code.name))


def is_select(name: str) -> bool:
    """Whether a custom op of this name is TensorFlow's own: the runtime goes by how it begins, too."""
    return name.startswith(_SELECT)


def _is_foreign(code: OperatorCode) -> bool:
    return code.custom and code.name not in _BUILTIN_CUSTOM_OPS


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
    if all(is_select(op) for op in foreign):
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
