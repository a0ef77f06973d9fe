"""Which graph of a file runs, and under which names, in both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from backends.cpu import open_cpu
from backends.litert.compiled import unfit_for_compiling
from backends.litert.copies.signatures import choose_signature, with_signature_first
from backends.litert.file.model_reader import read_model
from harness.model.file_tensors import described_outputs, output_names
from harness.zoo.graph.writer import Graph
from tests.graphs import Files

Join = Callable[..., Path]
Engine = Literal["Interpreter", "CompiledModel"]
ENGINES: list[Engine] = ["Interpreter", "CompiledModel"]


def adding(path: Path, name: str, amount: float) -> Path:
    """float [4] -> float [4]: so much more."""
    graph = Graph(name)
    given, more = graph.input(f"to_{name}", (4,), np.float32), graph.tensor(f"of_{name}", (4,), np.float32)
    graph.operator(
        "ADD", [given, graph.constant("amount", np.full(4, amount, np.float32))], [more], schema.AddOptionsT()
    )
    graph.output(more)
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    return {name: adding(tmp_path / name, name, amount) for name, amount in (("a", 1.0), ("b", 10.0), ("c", 100.0))}


def run(engine: Engine, path: Path) -> tuple[str, str, list[float]]:
    backend = open_cpu(path, threads=1, engine=engine)
    (answer,) = backend.invoke([np.zeros(4, np.float32)])
    names = backend.inputs[0].name, backend.outputs[0].name
    backend.close()
    return *names, answer.tolist()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("keys", "asked", "runs"),
    [
        # TensorFlow's converter sorts signatures by name, so the serving graph comes second.
        (["auxiliary", "serving_default"], None, "b"),
        (["serving_default", "training"], None, "a"),
        (["auxiliary", "other", "serving_default"], None, "c"),
        (["auxiliary", "other", "serving_default"], "other", "b"),
        (["auxiliary", "serving_default"], "auxiliary", "a"),
        (["only"], None, "a"),
        (["only"], "only", "a"),
    ],
)
def test_the_serving_signature_runs_or_the_one_that_was_asked_for(
    engine: Engine,
    keys: list[str],
    asked: str | None,
    runs: str,
    parts: dict[str, Path],
    join_models: Join,
    tmp_path: Path,
) -> None:
    path = join_models(tmp_path / "joined.tflite", list(zip(keys, parts.values(), strict=False)))
    model = read_model(path)
    signature = choose_signature(model, asked)
    copy, changed = with_signature_first(model, signature, "5" * 64, tmp_path / "copies")
    amount = {"a": 1.0, "b": 10.0, "c": 100.0}[runs]
    assert run(engine, copy) == (f"to_{runs}", f"of_{runs}", [amount] * 4)
    assert (copy == path) is (len(keys) == 1) is (changed == "")
    # Nothing but the order was changed, and the file itself not at all.
    assert read_model(copy).size_bytes == model.size_bytes
    assert [each.key for each in read_model(copy).signatures] == [signature.key if signature else ""]
    assert with_signature_first(model, signature, "5" * 64, tmp_path / "copies") == (copy, changed)


def test_several_signatures_without_a_serving_one_are_asked_about(
    parts: dict[str, Path], join_models: Join, tmp_path: Path
) -> None:
    path = join_models(tmp_path / "joined.tflite", [("encode", parts["a"]), ("decode", parts["b"])])
    with pytest.raises(ModelRejected, match=r"'encode', 'decode'.*--signature NAME"):
        choose_signature(read_model(path))
    with pytest.raises(ModelRejected, match=r"no signature 'serve': it has 'encode', 'decode'"):
        choose_signature(read_model(path), "serve")


@pytest.mark.parametrize("key", ["serving_default", "same"])
def test_two_signatures_of_one_name_that_run_other_graphs_are_refused_whether_it_is_named_or_not(
    key: str, parts: dict[str, Path], join_models: Join, tmp_path: Path
) -> None:
    path = join_models(tmp_path / "joined.tflite", [(key, parts["a"]), (key, parts["b"])])
    with pytest.raises(ModelRejected, match=f"2 signatures called '{key}', which are not the same"):
        choose_signature(read_model(path), key)
    with pytest.raises(ModelRejected, match="2 signatures"):
        choose_signature(read_model(path))


def test_a_model_without_signatures_runs_its_first_graph(keyword_model: Path, counting_model: Path) -> None:
    model = read_model(counting_model)
    assert choose_signature(model) is None
    assert with_signature_first(model, None, "5" * 64, Path("/nowhere")) == (counting_model, "")
    with pytest.raises(ModelRejected, match="it has none: leave --signature out"):
        choose_signature(model, "serving_default")


def test_a_signature_whose_graph_stands_behind_the_first_is_run_though_it_is_the_only_one(
    parts: dict[str, Path], join_models: Join, tmp_path: Path
) -> None:
    path = join_models(tmp_path / "joined.tflite", [("auxiliary", parts["a"]), ("serving_default", parts["b"])])
    first, _ = with_signature_first(read_model(path), choose_signature(read_model(path)), "5" * 64, tmp_path / "copies")
    # Now the other way round: the graph of a's stands second and has no signature any more.
    assert run("Interpreter", first)[2] == [10.0] * 4
    again = read_model(first)
    assert (len(again.subgraphs), again.main.input_tensors[0].name) == (2, "to_b")


def two_answers(path: Path, named: list[tuple[str, int]], *, key: str = "serving_default", twice: bool = False) -> Path:
    """float [4] -> its exponents, tensor 1, and its squares, tensor 2; a signature names what it is told."""
    files = Files()
    graph = files.graph()
    graph.inputs = [graph.tensor((4,))]
    answers = graph.tensor((4,)), graph.tensor((4,))
    for op, made in zip(("EXP", "SQUARE"), answers, strict=True):
        graph.op(op, graph.inputs, [made])
    graph.outputs = [answers[0]] * 2 if twice else list(answers)
    maps = [schema.TensorMapT(name=name, tensorIndex=index) for name, index in named]
    given = [schema.TensorMapT(name="x", tensorIndex=0)]
    files.more["signatureDefs"] = [schema.SignatureDefT(signatureKey=key, inputs=given, outputs=maps)]
    return files.write(path)


EXPONENTS, SQUARES = float(np.exp(np.float32(2))), 4.0


@pytest.mark.parametrize(
    ("engine", "named", "answered"),
    [
        ("Interpreter", [("scores", 2)], {"scores": SQUARES}),
        ("Interpreter", [("scores", 1)], {"scores": EXPONENTS}),
        # In another order than the graph's: names go with their tensors.
        ("Interpreter", [("squares", 2), ("exponents", 1)], {"exponents": EXPONENTS, "squares": SQUARES}),
        ("CompiledModel", [("squares", 2), ("exponents", 1)], {"exponents": EXPONENTS, "squares": SQUARES}),
    ],
)
def test_a_signature_answers_with_the_outputs_that_it_names_and_no_others(
    engine: Engine, named: list[tuple[str, int]], answered: dict[str, float], tmp_path: Path
) -> None:
    path = two_answers(tmp_path / "two.tflite", named)
    backend = open_cpu(path, threads=1, engine=engine)
    found = backend.invoke([np.full(4, 2, np.float32)])
    values = {spec.name: float(array[0]) for spec, array in zip(backend.outputs, found, strict=True)}
    backend.close()
    assert values == pytest.approx(answered, rel=1e-5)
    assert output_names(path, None) == tuple(answered)
    assert tuple(spec.name for spec in described_outputs(read_model(path))) == tuple(answered)


def test_the_engine_that_takes_no_signature_of_some_outputs_is_not_tried_and_says_which_are_left_out(
    tmp_path: Path,
) -> None:
    path = two_answers(tmp_path / "two.tflite", [("scores", 2)])
    assert unfit_for_compiling(path) == "its signature leaves out the output t1"
    with pytest.raises(ModelRejected, match=r"leaves out t1\. Use --backend cpu"):
        open_cpu(path, threads=1, engine="CompiledModel")


def test_two_names_of_a_tensor_that_its_graph_gives_twice_are_two_outputs(tmp_path: Path) -> None:
    twice = two_answers(tmp_path / "twice.tflite", [("a", 1), ("b", 1)], twice=True)
    assert [answer.name for answer in read_model(twice).main_answers] == ["a", "b"]
    once = two_answers(tmp_path / "once.tflite", [("a", 1), ("b", 1)])
    assert [answer.name for answer in read_model(once).main_answers] == ["a"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_signature_of_an_empty_name_runs(engine: Engine, tmp_path: Path) -> None:
    path = two_answers(tmp_path / "empty.tflite", [("exponents", 1), ("scores", 2)], key="")
    backend = open_cpu(path, threads=1, engine=engine)
    assert [spec.name for spec in backend.outputs] == ["exponents", "scores"]
    assert backend.invoke([np.full(4, 2, np.float32)])[1].tolist() == [SQUARES] * 4
    backend.close()


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ([], "names no output, so that it answers nothing"),
        ([("inner", 0)], "names an output 'inner' that its graph does not give"),
        ([("same", 1), ("same", 2)], "gives the name 'same' to two tensors"),
    ],
)
def test_a_signature_whose_outputs_cannot_be_had_is_refused(
    named: list[tuple[str, int]], says: str, tmp_path: Path
) -> None:
    model = read_model(two_answers(tmp_path / "odd.tflite", named))
    with pytest.raises(ModelRejected, match=says):
        with_signature_first(model, choose_signature(model), "5" * 64, tmp_path / "copies")
