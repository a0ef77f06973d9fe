"""The CPU: LiteRT's kernels with the XNNPACK delegate, which the runtime applies by default."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from backends.base import Backend, BackendInfo, BackendUnavailable
from backends.litert.compiled import CompiledBackend
from backends.litert.interpreter import InterpreterBackend
from backends.litert.weight_cache import can_cache, in_memory

_DEFAULT_FLAGS = 1 | 2 | 8
"""Signed and unsigned 8-bit kernels, dynamic fully connected (LRT tflite/delegates/xnnpack/xnnpack_delegate.h)."""
_FORCE_FP16 = 4
ENGINES = ("auto", "Interpreter", "CompiledModel")


class CpuBackend(InterpreterBackend):
    """The default: an interpreter."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        xnnpack: bool = True,
        reference_kernels: bool = False,
        weight_cache: str = "",
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """See `InterpreterBackend`."""
        if weight_cache:
            _make_place(weight_cache, model)
        super().__init__(
            model,
            name="cpu",
            threads=threads,
            xnnpack=xnnpack,
            reference_kernels=reference_kernels,
            weight_cache=weight_cache,
            input_shapes=input_shapes,
        )


def _make_place(weight_cache: object, model: Path) -> None:
    """Makes the folder of packed weights and sees that they would fit: where XNNPACK cannot write, it aborts the process."""
    if not isinstance(weight_cache, str):
        raise BackendUnavailable(
            f"weight_cache of the cpu backend is {weight_cache!r}: set it to true or to the path of a file"
        )
    if any(letter in weight_cache for letter in '"\n\r'):
        raise BackendUnavailable(
            f"weight_cache of the cpu backend is {weight_cache!r}: LiteRT takes no quotes or line breaks"
        )
    file = Path(weight_cache)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # They take about what the model does.
        size = max(1, model.stat().st_size)
        if in_memory(weight_cache):
            return
        if not file.exists():
            with tempfile.TemporaryFile(dir=file.parent) as trial:
                os.posix_fallocate(trial.fileno(), 0, size)
        # What is no cache, or of another version, is written anew in its place.
        elif os.access(file, os.W_OK) and file.stat().st_size + _free_bytes(file.parent) < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise BackendUnavailable(
            f"packed weights cannot be written to {file}: {error.strerror}. Name a file elsewhere (weight_cache=PATH), "
            "or leave it out"
        ) from None


def _free_bytes(folder: Path) -> int:
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize


class CompiledCpuBackend(CompiledBackend):
    """The CPU through a compiled model, which has more of XNNPACK's options."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        flags: int | None = None,
        weight_cache: str = "",
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Compiles the model.

        Args:
            model: The TFLite file.
            threads: CPU threads.
            flags: XNNPACK's flags; None for its own choice.
            weight_cache: A file in which packed weights are kept and shared between instances.
            input_shapes: See `CompiledBackend`.
        """
        from ai_edge_litert.compiled_model import CpuOptions, HardwareAccelerator, Options

        if weight_cache:
            _make_place(weight_cache, model)
        cpu = CpuOptions(num_threads=threads, xnnpack_flags=flags, xnnpack_weight_cache_path=weight_cache)
        super().__init__(model, options=Options(HardwareAccelerator.CPU, cpu_options=cpu), input_shapes=input_shapes)
        self._options = {"flags": flags, "weight_cache": weight_cache or None}

    def info(self) -> BackendInfo:
        """The engine does not tell what XNNPACK took."""
        return BackendInfo(name="cpu", engine="CompiledModel", delegate=None, options=self._options)


def open_cpu(
    model: Path,
    *,
    threads: int,
    engine: Literal["auto", "Interpreter", "CompiledModel"] = "auto",
    xnnpack: bool = True,
    xnnpack_flags: int | None = None,
    force_fp16: bool = False,
    weight_cache: str = "",
    reference_kernels: bool = False,
    input_shapes: Sequence[tuple[int, ...]] | None = None,
) -> Backend:
    """The CPU, behind the engine that suits the options.

    `auto` is the interpreter wherever it can do what is asked; the harness measures whether the other would be quicker
    (`harness.worker.engine`).

    Args:
        model: The TFLite file.
        threads: CPU threads.
        engine: `auto`, `Interpreter` or `CompiledModel`.
        xnnpack: False keeps to the built-in kernels. Interpreter only.
        xnnpack_flags: XNNPACK's flags as a number. CompiledModel only.
        force_fp16: Compute float models in half precision. CompiledModel only.
        weight_cache: A file for XNNPACK's packed weights, which further instances share.
        reference_kernels: The plain C++ kernels. Interpreter only.
        input_shapes: See `InterpreterBackend`.

    Raises:
        BackendUnavailable: Options of both engines at once, or an engine that does not have them.
    """
    plain = [
        name for name, given in (("xnnpack=false", not xnnpack), ("reference_kernels", reference_kernels)) if given
    ]
    if weight_cache and plain:
        raise BackendUnavailable(f"only XNNPACK has a weight_cache, which {' and '.join(plain)} keeps out")
    of_compiled = {
        "xnnpack_flags": xnnpack_flags is not None,
        "force_fp16": force_fp16,
        # The interpreter's has one too, if this version of the runtime can be made to.
        "weight_cache": bool(weight_cache) and not can_cache(),
    }
    if _engine(engine, plain, [name for name, given in of_compiled.items() if given]) == "Interpreter":
        return CpuBackend(
            model,
            threads=threads,
            xnnpack=xnnpack,
            reference_kernels=reference_kernels,
            weight_cache=weight_cache,
            input_shapes=input_shapes,
        )
    flags = flags_of(xnnpack_flags, force_fp16=force_fp16)
    return CompiledCpuBackend(model, threads=threads, flags=flags, weight_cache=weight_cache, input_shapes=input_shapes)


def flags_of(xnnpack_flags: int | None, *, force_fp16: bool) -> int | None:
    """XNNPACK's flags by the options of `open_cpu`; None for its own choice."""
    if not force_fp16:
        return xnnpack_flags
    return (_DEFAULT_FLAGS if xnnpack_flags is None else xnnpack_flags) | _FORCE_FP16


def _engine(asked: str, plain: Sequence[str], compiled: Sequence[str]) -> str:
    """The engine that has what is asked.

    Args:
        asked: One of `ENGINES`.
        plain: Options given that only the interpreter has.
        compiled: Options given that only a compiled model has.

    Raises:
        BackendUnavailable: No such engine, or one that does not have them.
    """
    if asked not in ENGINES:
        raise BackendUnavailable(f"engine of the cpu backend is {asked!r}: choose one of {', '.join(ENGINES)}")
    chosen = asked if asked != "auto" else ("CompiledModel" if compiled else "Interpreter")
    other, lacking = ("Interpreter", plain) if chosen == "CompiledModel" else ("CompiledModel", compiled)
    if lacking:
        raise BackendUnavailable(f"the engine {chosen} of the cpu backend has no {', '.join(lacking)}: {other} has")
    return chosen
