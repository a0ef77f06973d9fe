"""A process that times a model as `litert-benchmark` does, by that tool's own parts, a round when it is asked for one.

Started by `benchmarks.any_model` with the model as its only word; it answers `harness.messages.bench.Run` as bench's does.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from ai_edge_litert.tools import benchmark_litert_model as tool

from harness.machine.control import Control
from harness.messages.bench import Ran, Ready, Run
from harness.turns.answering import Begun, answer_questions

_WARM_UPS = 5
"""The tool's own default."""


def _begin(_: Control, words: Sequence[str]) -> Begun[Run]:
    (model,) = words
    sys.argv = ["litert-benchmark", "--model", model]
    arguments = tool.parse_args()
    compiled_model, accelerator, environment, environment_options, options, cpu_options = tool._import_litert()
    chosen = tool.build_hardware_accelerators(arguments, accelerator)
    compiled: Any = compiled_model.from_file(
        model,
        environment=tool.create_environment(arguments, environment, environment_options),
        options=tool.create_model_options(arguments, options, cpu_options, chosen),
    )
    key = next(iter(compiled.get_signature_list()))
    details = compiled.get_input_tensor_details(key)
    inputs = {name: compiled.create_input_buffer_by_name(key, name) for name in details}
    outputs = {
        name: compiled.create_output_buffer_by_name(key, name) for name in compiled.get_output_tensor_details(key)
    }
    for name, buffer in inputs.items():
        tool.fill_random_input(buffer, details[name])

    def run() -> float:
        """As the tool's loop has it, in ms."""
        t0 = time.perf_counter()
        compiled.run_by_name(key, inputs, outputs)
        return (time.perf_counter() - t0) * 1000

    for __ in range(_WARM_UPS):
        run()

    def answer(question: Run) -> Ran:
        times: list[float] = []
        began = time.perf_counter()
        while len(times) < question.pace.least_runs or time.perf_counter() - began < question.pace.least_s:
            times.append(run())
        return Ran(int(statistics.median(times) * 1e6), len(times), time.perf_counter() - began)

    return Begun(Ready(), answer)


if __name__ == "__main__":
    sys.exit(answer_questions(_begin, [Run]))
