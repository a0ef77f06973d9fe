"""A loop in C over the same library: the limit of what a harness can reach.

It is compiled by the system's compiler when first asked for; where there is none, nothing native is measured. The loop runs
twice: in a process of its own, and inside a Python process that has imported numpy. The second is slower by some per cent for
some models, with not a line of Python in the loop. A harness in Python is of the second kind.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from backends.base import TensorSpec
from backends.litert.interpreter import InterpreterBackend
from benchmarks.side_by_side import noise

_SOURCE = Path(__file__).with_name("native_loop.c")
_SAMPLES = 16
_INSIDE = """
import ctypes, sys
import numpy
words = [word.encode() for word in sys.argv]
ctypes.CDLL(sys.argv[0]).main(len(words), (ctypes.c_char_p * len(words))(*words))
"""


def native_loop(model: str, seconds: float, *, inside: bool = False, threads: int = 1) -> dict[str, float] | None:
    """Copies a sample in, runs, copies the answer out.

    Args:
        model: The TFLite file.
        seconds: For about how long.
        inside: In a Python process that has imported numpy.
        threads: Of the model.

    Returns:
        p50 and p90 in ns, count, per_second; None without a compiler, or where the engine refuses the model.
    """
    built = _built()
    if built is None:
        return None
    with tempfile.NamedTemporaryFile() as samples:
        for seed in range(_SAMPLES):
            for spec in _inputs(model):
                samples.write(noise(spec, seed).tobytes())
        samples.flush()
        words = [_library(), model, str(seconds), str(threads), samples.name]
        program, shared = built
        command = [sys.executable, "-P", "-c", _INSIDE.replace("sys.argv[0]", repr(shared))] if inside else [program]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        return None
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@functools.cache
def _built() -> tuple[str, str] | None:
    """The program, and the same as a shared library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="native-loop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program, shared = str(folder / "native_loop"), str(folder / "native_loop.so")
    for output, more in ((program, []), (shared, ["-shared", "-fPIC"])):
        subprocess.run([compiler, "-O2", *more, "-o", output, str(_SOURCE), "-ldl"], check=True)
    return program, shared


@functools.cache
def _inputs(model: str) -> tuple[TensorSpec, ...]:
    backend = InterpreterBackend(Path(model), name="", threads=1, xnnpack=False)
    backend.close()
    return backend.inputs


def _library() -> str:
    import ai_edge_litert

    return str(Path(ai_edge_litert.__path__[0]) / "libLiteRt.so")
