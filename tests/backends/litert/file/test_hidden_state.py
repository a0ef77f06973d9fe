"""Which models answer by what they were asked before, told from their files and held against the runtime itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from backends.litert.file.hidden_state import HiddenState, hidden_state
from backends.litert.file.model_file import ModelFile, Operator, OperatorCode, Subgraph
from backends.litert.file.model_reader import read_model


def answers(interpreter: Any, times: int) -> list[bytes]:
    detail = interpreter.get_input_details()[0]
    given = np.arange(np.prod(detail["shape"])).reshape(detail["shape"]).astype(detail["dtype"])
    found = []
    for _ in range(times):
        interpreter.set_tensor(detail["index"], given)
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes())
    return found


def opened(model: Path) -> Any:
    interpreter = Interpreter(model_path=str(model))
    interpreter.allocate_tensors()
    return interpreter


def test_variable_tensors_live_on_and_are_reset(recurrent_keyword_model: Path) -> None:
    assert hidden_state(read_model(recurrent_keyword_model)) == HiddenState(variables=1)
    interpreter = opened(recurrent_keyword_model)
    first, second = answers(interpreter, 2)
    assert first != second
    interpreter.reset_all_variables()
    assert answers(interpreter, 2) == [first, second]


def test_resource_variables_live_on_and_only_another_interpreter_has_them_as_they_were(counting_model: Path) -> None:
    state = hidden_state(read_model(counting_model))
    assert state == HiddenState(resources=("ASSIGN_VARIABLE",))
    assert state.only_anew
    interpreter = opened(counting_model)
    first, second = answers(interpreter, 2)
    assert first != second
    interpreter.reset_all_variables()
    interpreter.allocate_tensors()
    assert answers(interpreter, 1) != [first]
    assert answers(opened(counting_model), 2) == [first, second]


def test_a_model_that_only_computes_keeps_nothing(keyword_model: Path) -> None:
    state = hidden_state(read_model(keyword_model))
    assert not state
    assert str(state) == "nothing"
    assert len(set(answers(opened(keyword_model), 3))) == 1


@pytest.mark.parametrize(
    ("name", "custom", "expected"),
    [
        ("RANDOM_UNIFORM", "", HiddenState(draws=("RANDOM_UNIFORM",))),
        ("CUSTOM", "FlexAssignVariableOp", HiddenState(resources=("FlexAssignVariableOp",))),
        ("CUSTOM", "FlexRandomUniform", HiddenState(draws=("FlexRandomUniform",))),
        ("CUSTOM", "AssignSeats", HiddenState()),
        ("CUSTOM", "ASSIGN_VARIABLE", HiddenState()),
        ("CUSTOM", "RANDOM_UNIFORM", HiddenState()),
        ("READ_VARIABLE", "", HiddenState()),
    ],
)
def test_ops_are_known_by_what_they_do(name: str, custom: str, expected: HiddenState) -> None:
    code = OperatorCode(getattr(schema.BuiltinOperator, name), custom, 1)
    graph = Subgraph("", (), (Operator(code, (), ()),), (), ())
    assert hidden_state(ModelFile(Path("m"), 0, 3, "", (code,), (graph,), (), ())) == expected


def test_what_a_loops_body_writes_counts_and_what_is_written_once_does_not() -> None:
    def graph(*operators: Operator) -> Subgraph:
        return Subgraph("", (), operators, (), ())

    def call(name: str, *graphs: int) -> Operator:
        return Operator(OperatorCode(getattr(schema.BuiltinOperator, name), "", 1), (), (), graphs)

    writes = graph(call("ASSIGN_VARIABLE"))
    model = ModelFile(Path("m"), 0, 3, "", (), (graph(call("CALL_ONCE", 1)), writes), (), ())
    assert not hidden_state(model)
    model = ModelFile(Path("m"), 0, 3, "", (), (graph(call("WHILE", 2, 1)), writes, graph()), (), ())
    assert hidden_state(model).resources == ("ASSIGN_VARIABLE",)


def test_the_recurrent_models_of_the_zoo_are_known(zoo: Path) -> None:
    keeping = {
        path.name: hidden_state(read_model(path)).variables
        for path in (zoo / "models").rglob("*.tflite")
        if hidden_state(read_model(path))
    }
    assert keeping == {
        "keras_lstm_mnist_ptq.tflite": 2,
        "dtln_noise_suppression.tflite": 4,
        "trained_lstm.tflite": 2,
        "trained_lstm_int8.tflite": 2,
    }
