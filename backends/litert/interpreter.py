"""The `Interpreter` engine of LiteRT (TFLite), with or without a delegate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import (
    Array,
    Backend,
    BackendInfo,
    BackendUnavailable,
    Coverage,
    Run,
    RunRaw,
    Stages,
    TimeShare,
)
from backends.litert.batch import Rows, RunBatch, filler, split
from backends.litert.coverage import delegate_nodes, read_coverage, read_partitions
from backends.litert.file.hidden_state import hidden_state
from backends.litert.file.model_reader import read_model
from backends.litert.loading import Loading, first_line, load_interpreter, refusals_explained
from backends.litert.tensor_memory import as_bytes, lasting_views
from backends.litert.tensor_specs import refuse_unreadable, spec_of
from backends.litert.times.node_timer import NodeTimer
from backends.litert.times.profile import NodeClocks, cpu_time_share
from backends.litert.weight_cache import told
from native import timed_path


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
        delegate: Any = None,
        reference_kernels: bool = False,
        weight_cache: str = "",
    ) -> None:
        """Loads the model (the file is memory-mapped) and allocates its tensors.

        Args:
            model: The TFLite file.
            name: The backend's name, for the result.
            threads: CPU threads of this interpreter.
            xnnpack: False keeps the built-in kernels (the XNNPACK delegate is not applied).
            input_shapes: Resize the inputs to these shapes, in the model's input order, before allocation.
            delegate: A delegate of `ai_edge_litert.interpreter.load_delegate`, which chooses its ops before XNNPACK does.
            reference_kernels: Run everything that no delegate took on the plain C++ reference kernels.
            weight_cache: A file for XNNPACK's packed weights, which all instances of the model share
                (`backends.litert.weight_cache`).

        Raises:
            ModelRejected: The file is no model, or the runtime cannot run it.
        """
        asked = Loading(threads, xnnpack, reference_kernels, weight_cache, input_shapes, delegate)
        self._model, self._asked, self._delegate = model, asked, delegate
        self._load()
        self._keeps = hidden_state(read_model(model))
        with refusals_explained(model):
            file = read_model(model)
            names = file.main_input_names
            inputs, of_graph = self._interpreter.get_input_details(), self._interpreter.get_output_details()
            outputs = [of_graph[answer.place] for answer in file.main_answers]
            self.inputs = tuple(spec_of(detail, names.get(int(detail["index"])), file) for detail in inputs)
            self.outputs = tuple(
                spec_of(detail, answer.name, file) for detail, answer in zip(outputs, file.main_answers, strict=True)
            )
        refuse_unreadable(model, (*inputs, *outputs), self.inputs, self.outputs)
        self._name = name
        self._options = {"xnnpack": xnnpack} | ({"weight_cache": told(weight_cache)} if weight_cache else {})
        self._input_indexes = [int(detail["index"]) for detail in inputs]
        self._output_indexes = [int(detail["index"]) for detail in outputs]
        # Now, while no tensor whose size only a run tells has any memory.
        self._memory = self._find_memory()

    def _load(self) -> None:
        loaded = load_interpreter(self._model, self._asked)
        self._interpreter, self._flex = loaded.interpreter, loaded.flex
        self._delegate_nodes, self._before_xnnpack = loaded.delegate_nodes, loaded.nodes_before_xnnpack

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        """Copies the inputs in, runs, copies the outputs out: views of tensors would block the next invoke."""
        interpreter = self._interpreter
        for index, array in zip(self._input_indexes, inputs, strict=True):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return self._get_outputs()

    def _output(self, index: int) -> Array:
        """A copy of an output. The runtime gives none of one that turns out to be empty."""
        try:
            array: Array = self._interpreter.get_tensor(index)
        except ValueError:
            detail = next(each for each in self._interpreter.get_output_details() if int(each["index"]) == index)
            if 0 not in detail["shape"]:
                raise
            return np.empty(tuple(int(size) for size in detail["shape"]), detail["dtype"])
        return array

    def runner(self) -> Run:
        """Writes to and reads from the tensors' own memory, where it stays in its place; else `invoke`."""
        memory = self._memory
        return self.invoke if memory is None else self._run_in(*memory)

    def raw_runner(self) -> RunRaw | None:
        """As `runner`."""
        memory = self._memory
        if memory is None:
            return None
        given, answers = [as_bytes(array) for array in memory[0]], memory[1]
        if timed_path is not None:
            interpreter = self._interpreter
            call = type(interpreter._interpreter).Invoke
            in_c: RunRaw = timed_path.RawRun(given, call, interpreter, "_interpreter", answers)
            return in_c
        return self._run_in(given, answers)

    def stages(self) -> Stages | None:
        """Where tensors stay in their places, the inputs are written there and the outputs read there, as `runner` does."""
        if type(self).invoke is not InterpreterBackend.invoke:
            return None
        memory, run = self._memory, type(self._interpreter._interpreter).Invoke
        if memory is None:
            return Stages(self._set_inputs, lambda: run(self._interpreter._interpreter), self._get_outputs)
        (given, answers), interpreter = memory, self._interpreter

        def write(inputs: Sequence[Array]) -> None:
            for tensor, one in zip(given, inputs, strict=True):
                tensor[:] = one

        # The wrapper is looked up each time: as long as anybody holds it, the interpreter's own invoke refuses.
        return Stages(write, lambda: run(interpreter._interpreter), lambda: answers)

    def _set_inputs(self, inputs: Sequence[Array]) -> None:
        for index, array in zip(self._input_indexes, inputs, strict=True):
            self._interpreter.set_tensor(index, array)

    def _get_outputs(self) -> list[Array]:
        return [self._output(index) for index in self._output_indexes]

    def _run_in(self, given: Sequence[Any], answers: list[Array]) -> Callable[[Sequence[Any]], list[Array]]:
        """Runs the model on what is copied into `given`, arrays or bytes."""
        interpreter, run = self._interpreter, type(self._interpreter._interpreter).Invoke
        if len(given) == 1:
            (only,) = given

            def run_one(inputs: Sequence[Any]) -> list[Array]:
                only[:] = inputs[0]
                # The wrapper is looked up each time: as long as anybody holds it, the interpreter's own invoke refuses.
                run(interpreter._interpreter)
                return answers

            return run_one

        def run_all(inputs: Sequence[Any]) -> list[Array]:
            for tensor, one in zip(given, inputs, strict=True):
                tensor[:] = one
            run(interpreter._interpreter)
            return answers

        return run_all

    def batch_runner(self) -> RunBatch:
        """As `runner`, of several samples."""
        memory = self._memory
        if memory is None:
            return super().batch_runner()
        fill, answers = filler(memory[0]), split(memory[1])
        interpreter, run = self._interpreter, type(self._interpreter._interpreter).Invoke

        def run_batch(rows: Rows) -> Rows:
            fill(rows)
            run(interpreter._interpreter)
            return answers

        return run_batch

    def _find_memory(self) -> tuple[list[Array], list[Array]] | None:
        """The inputs' and the outputs' own memory; None where it moves, or a backend built on this one wants to be asked."""
        # An interpreter that is opened anew has its tensors elsewhere.
        if type(self).invoke is not InterpreterBackend.invoke or self._keeps.only_anew:
            return None
        # The runtime unpacks them, and has texts as it likes: their memory is no array.
        if any(tensor.stored_as or tensor.dtype.hasobject for tensor in (*self.inputs, *self.outputs)):
            return None
        views = lasting_views(self._interpreter, [*self._input_indexes, *self._output_indexes])
        # Of no dimension: nothing could be written to all of it by a slice.
        if views is None or any(not view.ndim for view in views[: len(self._input_indexes)]):
            return None
        return views[: len(self._input_indexes)], views[len(self._input_indexes) :]

    def partitions(self) -> list[frozenset[int]]:
        """Of all delegates, XNNPACK among them."""
        return list(read_partitions(self._interpreter).values())

    def node_timer(self, inputs: Sequence[Array]) -> NodeTimer:
        """A clock around each node of this very interpreter."""
        clocks = NodeClocks()
        try:
            self._interpreter._interpreter.ModifyGraphWithDelegate(clocks.address)
            clocks.check()
        except (RuntimeError, ValueError) as error:
            clocks.take_away()
            raise BackendUnavailable(f"the runtime lets nobody look at its nodes: {first_line(error)}") from None
        return NodeTimer(clocks, lambda: self.invoke(inputs), read_partitions(self._interpreter))

    def tensor_shapes(self) -> dict[int, tuple[int, ...]]:
        """As the runtime has allocated them."""
        return {
            int(detail["index"]): tuple(int(size) for size in detail["shape"])
            for detail in self._interpreter.get_tensor_details()
        }

    @property
    def can_reset(self) -> bool:
        """False where it takes another interpreter and a delegate holds the graph of this one."""
        return self._delegate is None or not self._keeps.only_anew

    def reset(self) -> None:
        """Sets variable tensors to what they were; where that is not all that the model keeps, opens it once more."""
        if self._keeps.only_anew:
            self._load()
        elif self._keeps.variables:
            self._interpreter.reset_all_variables()

    def time_share(self, inputs: Sequence[Array]) -> TimeShare:
        """Measured node by node on this very interpreter; where there is no other delegate, of what XNNPACK left."""
        nodes = delegate_nodes(self._interpreter) if self._delegate_nodes is None else self._delegate_nodes
        return cpu_time_share(self._interpreter, nodes, lambda: self.invoke(inputs))

    def close(self) -> None:
        """Frees the interpreter, then the delegates that it points to."""
        self._interpreter = self._memory = None
        self._delegate = self._flex = None
        self._asked = replace(self._asked, delegate=None)

    @property
    def coverage(self) -> Coverage:
        """What the delegate took; XNNPACK's share where there is no other delegate."""
        return read_coverage(self._interpreter, self._delegate_nodes)

    def info(self) -> BackendInfo:
        """Names XNNPACK as the delegate only where it took at least one node, and TensorFlow where it runs ops."""
        coverage = self.coverage
        xnnpack = len(delegate_nodes(self._interpreter)) > self._before_xnnpack
        named = (["TensorFlow's Flex"] if self._flex else []) + (["XNNPACK"] if xnnpack else [])
        return BackendInfo(
            name=self._name,
            engine="Interpreter",
            delegate=" + ".join(named) or None,
            options=dict(self._options),
            coverage=coverage,
            device={"flex_library": str(self._flex.library)} if self._flex else {},
        )
