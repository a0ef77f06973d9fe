"""What our backend interface costs a call above the bare API of the engine behind it: at most half of it again.

    python -m benchmarks.backend_overhead

The bare API is `set_tensor`, `invoke`, `get_tensor` of the interpreter, and writing, running and reading buffers of a
compiled model. Ours and the bare one take turns, call by call, on a model of one addition, so that only the calls are left.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from backends.base import Array
from backends.cpu import open_cpu
from benchmarks.rows import Row, render
from harness.zoo.graph.writer import Graph

_TARGET = 1.5
"""Times the bare API's call."""
_SHAPE = (1, 16, 16, 3)


def measure(calls: int = 20_000) -> list[Row]:
    """What `invoke`, and `runner()` as queries are timed with, take against the bare calls of both engines."""
    rows = []
    given = [np.ones(_SHAPE, np.float32)]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "add.tflite"
        _write(model)
        for engine, bare in (("Interpreter", _bare_interpreter), ("CompiledModel", _bare_compiled)):
            backend = open_cpu(model, threads=1, engine=engine)  # type: ignore[arg-type]
            for way, call in (("invoke", backend.invoke), ("runner", backend.runner())):
                ours, theirs = _take_turns(lambda call=call: call(given), bare(model, given), calls)  # type: ignore[misc]
                what = f"{engine}, {way} against the bare API"
                rows.append(Row(what, ours / theirs, "x", _TARGET, beside=f"{ours:.3f} : {theirs:.3f} us"))
    return rows


def _take_turns(first: Callable[[], Any], second: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Median microseconds of both."""
    now = time.perf_counter_ns
    times: tuple[list[int], list[int]] = ([], [])
    gc.disable()
    for _ in range(calls):
        for call, found in zip((first, second), times, strict=True):
            start = now()
            call()
            found.append(now() - start)
    gc.enable()
    return statistics.median(times[0]) / 1000, statistics.median(times[1]) / 1000


def _bare_interpreter(model: Path, given: list[Array]) -> Callable[[], Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def call() -> Any:
        interpreter.set_tensor(source, given[0])
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return call


def _bare_compiled(model: Path, given: list[Array]) -> Callable[[], Any]:
    from ai_edge_litert.compiled_model import CompiledModel, CpuOptions, HardwareAccelerator, Options

    compiled = CompiledModel.from_file(
        str(model), options=Options(HardwareAccelerator.CPU, cpu_options=CpuOptions(num_threads=1))
    )
    inputs, outputs = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
    count = int(np.prod(_SHAPE))

    def call() -> Any:
        inputs[0].write(given[0])
        compiled.run_by_index(0, inputs, outputs)
        return outputs[0].read(count, np.float32)

    return call


def _write(path: Path) -> None:
    graph = Graph("one addition")
    source = graph.input("given", _SHAPE, np.float32)
    one = graph.constant("one", np.ones((1, 1, 1, 3), np.float32))
    total = graph.tensor("sum", _SHAPE, np.float32)
    graph.operator("ADD", [source, one], [total], schema.AddOptionsT())
    graph.output(total)
    with path.open("wb") as file:
        graph.write(file)


if __name__ == "__main__":
    print(render(measure()))
