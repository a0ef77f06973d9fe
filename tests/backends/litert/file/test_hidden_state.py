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
from backends.litert.interpreter import InterpreterBackend
from tests.graphs import Files, looking_up


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
        ("RANDOM_UNIFORM", "", HiddenState(draws=("RANDOM_UNIFORM",), unseeded=("RANDOM_UNIFORM",))),
        ("CUSTOM", "FlexAssignVariableOp", HiddenState(resources=("FlexAssignVariableOp",))),
        ("CUSTOM", "FlexRandomUniform", HiddenState(draws=("FlexRandomUniform",))),
        ("CUSTOM", "FlexTruncatedNormal", HiddenState(draws=("FlexTruncatedNormal",))),
        ("CUSTOM", "FlexStatelessRandomUniformV2", HiddenState()),
        ("CUSTOM", "FlexResourceScatterNdUpdate", HiddenState(resources=("FlexResourceScatterNdUpdate",))),
        ("CUSTOM", "FlexResourceApplyAdam", HiddenState(resources=("FlexResourceApplyAdam",))),
        # It makes a tensor of another.
        ("CUSTOM", "FlexTensorScatterUpdate", HiddenState()),
        ("CUSTOM", "FlexLookupTableImportV2", HiddenState(tables=("FlexLookupTableImportV2",))),
        ("CUSTOM", "FlexLookupTableFindV2", HiddenState()),
        ("HASHTABLE_IMPORT", "", HiddenState(tables=("HASHTABLE_IMPORT",))),
        ("HASHTABLE_FIND", "", HiddenState()),
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


def once(path: Path, *, late: bool = False, draws: bool = False, seed: int = 0) -> Path:
    """float [1, 3] -> float [1, 3]: adds a resource variable that CALL_ONCE sets, before it is read or in a branch."""
    files = Files()
    main = files.graph()
    x, result = main.tensor((1, 3)), main.tensor((1, 3))
    main.inputs, main.outputs = [x], [result]
    main.op("CALL_ONCE", [], [], schema.CallOnceOptionsT(initSubgraphIndex=1))
    read, added = main.tensor((1, 3)), main.tensor((1, 3))
    main.op("READ_VARIABLE", [main.variable()], [read], schema.ReadVariableOptionsT())
    main.op("ADD", [x, read], [added], schema.AddOptionsT())
    # Which branch runs is told by the first number.
    begin, size = main.constant(np.array([0, 0], np.int32)), main.constant(np.array([1, 1], np.int32))
    first, positive = main.tensor((1, 1)), main.tensor((1, 1), "BOOL")
    main.op("SLICE", [x, begin, size], [first], schema.SliceOptionsT())
    main.op("GREATER", [first, main.constant(np.zeros((1, 1), np.float32))], [positive], schema.GreaterOptionsT())
    main.op("IF", [positive, added], [result], schema.IfOptionsT(thenSubgraphIndex=3, elseSubgraphIndex=4))
    for number in (1, 2):
        sets = files.graph()
        values = sets.constant(np.full((1, 3), number - 1, np.float32))
        if draws:
            values = sets.tensor((1, 3))
            shape = sets.constant(np.array([1, 3], np.int32))
            sets.op("RANDOM_UNIFORM", [shape], [values], schema.RandomOptionsT(seed=seed, seed2=0))
        sets.op("ASSIGN_VARIABLE", [sets.variable(), values], [], schema.AssignVariableOptionsT())
    for number in (3, 4):
        branch = files.graph()
        given, made = branch.tensor((1, 3)), branch.tensor((1, 3))
        if late and number == 3:
            branch.op("CALL_ONCE", [], [], schema.CallOnceOptionsT(initSubgraphIndex=2))
        branch.op("TANH", [given], [made])
        branch.inputs, branch.outputs = [given], [made]
    return files.write(path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, HiddenState()),
        # One that only some queries reach is reached by others after them.
        ({"late": True}, HiddenState(resources=("ASSIGN_VARIABLE",))),
        ({"draws": True, "seed": 7}, HiddenState()),
        ({"draws": True}, HiddenState(draws=("RANDOM_UNIFORM",), unseeded=("RANDOM_UNIFORM",))),
    ],
)
def test_what_is_called_once_is_a_state_where_others_find_it_otherwise(
    fields: dict[str, Any], expected: HiddenState, tmp_path: Path
) -> None:
    path = once(tmp_path / "once.tflite", **fields)
    assert hidden_state(read_model(path)) == expected
    # The second and the third are asked by what goes through the other branch, too.
    given, together = [np.array([[sign, 2, 3]], np.float32) for sign in (-1, 1, -1)], opened(path)
    in_a_row = [asked(together, each) for each in given]
    assert (in_a_row == [asked(opened(path), each) for each in given]) is not bool(expected)


@pytest.mark.parametrize(("filled", "expected"), [("once", ""), ("by a sample", "HASHTABLE_IMPORT")])
def test_a_table_that_a_sample_fills_is_a_state_and_one_that_is_filled_once_is_none(
    filled: str, expected: str, tmp_path: Path
) -> None:
    path = looking_up(tmp_path / "table.tflite", once=filled == "once")
    assert hidden_state(read_model(path)).tables == ((expected,) if expected else ())
    given, together = [np.array([number], np.int64) for number in (3, 5, 3)], opened(path)
    in_a_row = [asked(together, each) for each in given]
    # The first fills it for all: asked again, it says what it said.
    assert in_a_row[0] == in_a_row[2]
    assert (in_a_row == [asked(opened(path), each) for each in given]) is not bool(expected)
    backend = InterpreterBackend(path, name="cpu", threads=1)
    anew = []
    for each in given:
        backend.reset()
        anew.append(backend.invoke([each])[0].tobytes())
    assert anew == [asked(opened(path), each) for each in given]


def test_a_table_that_is_filled_once_after_a_look_into_it_is_a_state() -> None:
    def op(name: str, *graphs: int) -> Operator:
        return Operator(OperatorCode(getattr(schema.BuiltinOperator, name), "", 1), (), (), graphs)

    graphs = [
        Subgraph("", (), operators, (), ())
        for operators in ((op("HASHTABLE_FIND"), op("CALL_ONCE", 1)), (op("HASHTABLE_IMPORT"),))
    ]
    state = hidden_state(ModelFile(Path("m"), 0, 3, "", (), tuple(graphs), (), ()))
    assert state == HiddenState(tables=("HASHTABLE_IMPORT",))
    assert state.only_anew
    assert str(state) == "hash tables (HASHTABLE_IMPORT)"


def asked(interpreter: Any, given: Any) -> bytes:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
    interpreter.invoke()
    answer: bytes = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes()
    return answer


def test_a_variable_that_was_read_before_it_is_set_once_is_a_state() -> None:
    def op(name: str, *graphs: int) -> Operator:
        return Operator(OperatorCode(getattr(schema.BuiltinOperator, name), "", 1), (), (), graphs)

    def keeps(*main: Operator) -> HiddenState:
        graphs = [Subgraph("", (), operators, (), ()) for operators in (main, (op("ASSIGN_VARIABLE"),), (op("ADD"),))]
        return hidden_state(ModelFile(Path("m"), 0, 3, "", (), tuple(graphs), (), ()))

    assert not keeps(op("CALL_ONCE", 1), op("READ_VARIABLE"), op("IF", 2, 2))
    assert keeps(op("READ_VARIABLE"), op("CALL_ONCE", 1)).only_anew
    assert keeps(op("IF", 2, 2), op("CALL_ONCE", 1)).only_anew


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
