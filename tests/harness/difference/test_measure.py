"""Differences whose size is known, measured in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from backends.base import BackendUnavailable, ModelRejected
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.difference.measure import measure
from harness.difference.record import KERNELS, AskedDifference, DiffResult, Kernels
from harness.difference.report import metrics_proto, render, spoilt
from harness.difference.side import AnsweringSide
from harness.errors import ConfigError
from harness.messages.conversation import Progressed
from harness.model.comparison import Tolerance
from harness.model.subject import Subject
from harness.zoo.graph.tensors import GraphTensor, Quantization
from harness.zoo.graph.writer import Graph

OFFSET = 0.5


def subject(model: Path, cache: Path, **backend: object) -> Subject:
    section = BackendSection(**({"name": "cpu"} | backend))  # type: ignore[arg-type]
    invocation = Invocation().model_dump(mode="json")
    digest = str(hash(model.read_bytes()))
    return Subject(model, digest, model.stem, "file", section.model_dump(mode="json"), invocation, 1, cache)


def asked(
    test: Subject, *, runs: int = 4, kernels: Kernels = "auto", bisect: bool = False, model: Path | None = None
) -> AskedDifference:
    reference = subject(model or test.model, test.cache_dir, options=dict(KERNELS[kernels]))
    return AskedDifference(test, reference, runs, {}, bisect, Tolerance(max_steps=1, max_share=0.001))


def run(what: AskedDifference) -> DiffResult:
    return measure(what, nobody)


def nobody(_: Progressed) -> None:
    """Hears of no progress."""


def written(path: Path, graph: Graph) -> Path:
    with path.open("wb") as file:
        graph.write(file)
    return path


def binary(graph: Graph, op: str, left: GraphTensor, right: GraphTensor, name: str) -> GraphTensor:
    made = graph.tensor(name, left.shape, np.float32)
    graph.operator(op, [left, right], [made], schema.AddOptionsT() if op == "ADD" else schema.MulOptionsT())
    return made


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x -> MUL doubled -> ADD added -> MUL tripled, and x -> MUL halved; -> MUL both. The one ADD is op 2 of 5."""
    graph = Graph("branches")
    x = graph.input("x", (1, 6), np.float32)
    doubled = binary(graph, "MUL", x, graph.constant("two", np.full(6, 2, np.float32)), "doubled")
    halved = binary(graph, "MUL", x, graph.constant("half", np.full(6, 0.5, np.float32)), "halved")
    added = binary(graph, "ADD", doubled, graph.constant("one", np.ones(6, np.float32)), "added")
    tripled = binary(graph, "MUL", added, graph.constant("three", np.full(6, 3, np.float32)), "tripled")
    both = binary(graph, "MUL", tripled, halved, "both")
    graph.output(halved)
    graph.output(tripled)
    graph.output(both)
    return written(tmp_path_factory.mktemp("models") / "branches.tflite", graph)


@pytest.mark.parametrize("seed", [0, 7])
def test_random_numbers_without_a_seed_are_no_difference(seed: int, tmp_path: Path) -> None:
    graph = Graph("draws")
    given, drawn = graph.input("x", (1, 3), np.float32), graph.tensor("drawn", (1, 3), np.float32)
    size = graph.constant("size", np.array([1, 3], np.int32))
    graph.operator("RANDOM_UNIFORM", [size], [drawn], schema.RandomOptionsT(seed=seed, seed2=0))
    graph.output(binary(graph, "ADD", given, drawn, "sum"))
    model = subject(written(tmp_path / "m.tflite", graph), tmp_path)
    if seed:
        assert run(asked(model)).outputs[0].max_error == 0
        return
    with pytest.raises(ModelRejected, match=r"draws random numbers \(RANDOM_UNIFORM\), .* Export it with a seed"):
        run(asked(model))


@pytest.fixture(scope="module")
def wrong(branches: Path, delegate_library: Path, tmp_path_factory: pytest.TempPathFactory) -> DiffResult:
    """A delegate that adds a half too much to every sum, and where it does."""
    options = {"library": str(delegate_library), "delegate_options": {"offset": OFFSET}}
    test = subject(branches, tmp_path_factory.mktemp("cache"), name="external", options=options)
    return run(asked(test, bisect=True))


def test_the_error_of_a_delegate_is_what_it_adds(wrong: DiffResult) -> None:
    halved, tripled, both = wrong.outputs
    assert (halved.name, halved.exact, halved.avg_error) == ("halved", True, 0)
    assert tripled.avg_error == pytest.approx(3 * OFFSET, rel=1e-6)
    assert tripled.std_dev == pytest.approx(0, abs=1e-6)
    assert tripled.largest == pytest.approx(3 * OFFSET, rel=1e-6)
    assert not both.exact
    assert wrong.same_sides == ""
    assert (wrong.test.delegate, wrong.test.delegated_nodes) == ("libdelegate.so", 1)


def test_bisect_names_the_tensor_with_its_op_and_shape(wrong: DiffResult) -> None:
    assert wrong.bisected is not None
    culprit = wrong.bisected.culprit
    assert culprit is not None
    assert (culprit.tensor, culprit.operator, culprit.operator_index) == ("added", "ADD", 2)
    assert (culprit.shape, culprit.dtype, culprit.scales) == ((1, 6), "float32", ())
    assert culprit.inputs == ("doubled",)
    assert culprit.largest == pytest.approx(OFFSET, rel=1e-6)
    assert "first beyond the tolerance: added: float32 [1, 6], not quantised" in render(wrong)
    assert not wrong.bisected.within_yet_beyond


def test_what_is_within_the_tolerance_is_not_searched(branches: Path, tmp_path: Path) -> None:
    found = run(asked(subject(branches, tmp_path, options={"xnnpack": False}), bisect=True))
    assert found.bisected is not None
    assert (found.bisected.culprit, found.bisected.cuts) == (None, 0)
    assert (
        found.bisected.why_none
        == "every output is within the tolerance, also on the inputs on which it was furthest off"
    )


def test_the_tools_own_message_has_the_figures_under_its_numbers(wrong: DiffResult) -> None:
    message = _metrics_message()()
    message.ParseFromString(metrics_proto(wrong))
    assert message.num_runs == 4
    profiled = message.process_metrics.inference_profiler_metrics
    assert profiled.output_errors[1].avg_value == wrong.outputs[1].avg_error
    assert profiled.output_errors[1].max_value == pytest.approx(wrong.outputs[1].max_error)
    assert profiled.reference_latency.avg_us == wrong.reference.latency_us
    assert profiled.test_latency.sum_us == round(wrong.test.latency_sum_us)


def _metrics_message() -> Any:
    """The fields of evaluation_stages.proto that are written."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="stages.proto", package="t", syntax="proto2")
    numbers: dict[str, list[tuple[str, int, int, str]]] = {
        "Latency": [
            (name, at, kinds.TYPE_DOUBLE if at == 5 else kinds.TYPE_INT64, "")
            for at, name in enumerate(("last_us", "max_us", "min_us", "sum_us", "avg_us", "std_us"), start=1)
        ],
        "Accuracy": [
            (name, at, kinds.TYPE_DOUBLE if at == 3 else kinds.TYPE_FLOAT, "")
            for at, name in enumerate(("max_value", "min_value", "avg_value", "std_deviation"), start=1)
        ],
        "Profiler": [
            ("reference_latency", 1, kinds.TYPE_MESSAGE, "Latency"),
            ("test_latency", 2, kinds.TYPE_MESSAGE, "Latency"),
            ("output_errors", 3, kinds.TYPE_MESSAGE, "Accuracy"),
        ],
        "Process": [("inference_profiler_metrics", 5, kinds.TYPE_MESSAGE, "Profiler")],
        "Metrics": [("num_runs", 1, kinds.TYPE_INT32, ""), ("process_metrics", 2, kinds.TYPE_MESSAGE, "Process")],
    }
    for message, fields in numbers.items():
        made = file.message_type.add(name=message)
        for name, number, kind, of in fields:
            label = kinds.LABEL_REPEATED if name == "output_errors" else kinds.LABEL_OPTIONAL
            made.field.add(name=name, number=number, type=kind, label=label, type_name=f".t.{of}" if of else None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Metrics"))


def test_the_cpu_against_itself_is_no_test(keyword_model: Path, tmp_path: Path) -> None:
    found = run(asked(replace(subject(keyword_model, tmp_path), threads=2)))
    assert found.same_sides == "both sides are the same: one file, and the cpu's same kernels"
    assert found.outputs[0].exact
    assert found.outputs[0].argmax_agreement == 1
    other = run(asked(subject(keyword_model, tmp_path), kernels="reference"))
    assert other.same_sides == ""


def test_values_that_are_no_numbers_are_counted_and_never_averaged_away(logarithms: Path, tmp_path: Path) -> None:
    found = run(asked(subject(logarithms, tmp_path), runs=2))
    (output,) = found.outputs
    assert 400 < output.nan_test < 600  # half of 1,000 inputs are below 0
    assert output.nan_test == output.nan_reference
    assert (output.avg_error, output.std_dev, output.exact) == (None, None, False)
    assert f"{output.nan_test:,} values are no number (NaN) on the tested side" in spoilt(found)
    assert "avg_error=not measured" in render(found)


def test_where_both_sides_have_no_numbers_bisect_names_the_first_tensor_without(tmp_path: Path) -> None:
    graph = Graph("logarithms")
    x = graph.input("x", (1, 6), np.float32)
    one = graph.constant("one", np.array([0.1], np.float32))
    shifted = binary(graph, "ADD", x, one, "shifted")
    logs = graph.tensor("logs", (1, 6), np.float32)
    graph.operator("LOG", [shifted], [logs])
    graph.output(binary(graph, "ADD", logs, one, "last"))
    model = written(tmp_path / "logarithms.tflite", graph)
    found = run(asked(subject(model, tmp_path, options={"xnnpack": False}), bisect=True))
    assert found.bisected is not None
    assert found.bisected.culprit is not None
    assert (found.bisected.culprit.tensor, found.bisected.culprit.operator) == ("logs", "LOG")
    assert found.bisected.not_numbers
    text = render(found)
    assert "first without numbers: logs: float32 [1, 6]" in text
    assert "values are no number (NaN) on both sides" in text
    assert "within the tolerance" not in text


def late(path: Path, *more: str) -> Path:
    """The logarithm of 0.48 - x, and what else: of the documented inputs the sixth is the first that is more than that."""
    graph = Graph("late")
    x = graph.input("x", (1, 1), np.float32)
    left = graph.tensor("left", (1, 1), np.float32)
    graph.operator("SUB", [graph.constant("end", np.full((1, 1), 0.48, np.float32)), x], [left], schema.SubOptionsT())
    for op in ("LOG", *more):
        left, of = graph.tensor(op.lower(), (1, 1), np.float32), left
        graph.operator(op, [of], [left])
    graph.output(left)
    return written(path, graph)


def test_bisect_runs_the_inputs_of_the_worst_runs_wherever_they_are(tmp_path: Path) -> None:
    both = run(asked(subject(late(tmp_path / "both.tflite"), tmp_path), runs=7, bisect=True))
    assert (both.outputs[0].nan_test, both.outputs[0].nan_reference) == (1, 1)
    assert "first without numbers: log: float32 [1, 1]" in render(both)
    # XNNPACK's exponential of what is no number is 0, the other kernels' is none.
    test = subject(late(tmp_path / "one.tflite", "EXP"), tmp_path, options={"xnnpack": False})
    one = run(asked(test, runs=7, bisect=True))
    assert (one.outputs[0].nan_test, one.outputs[0].nan_reference) == (1, 0)
    assert "first beyond the tolerance: exp: float32 [1, 1]" in render(one)


def test_bisect_says_what_did_not_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test, answered = subject(late(tmp_path / "late.tflite"), tmp_path), AnsweringSide.answer

    def once(self: AnsweringSide, inputs: Any) -> Any:
        return [each * np.nan for each in answered(self, inputs)]

    monkeypatch.setattr(AnsweringSide, "answer", once)
    found = run(asked(test, runs=2, bisect=True))
    assert spoilt(found)
    text = render(found)
    assert "nothing found: what spoilt the figures did not come again on the inputs of the same runs" in text
    assert "within the tolerance" not in text


def test_a_quantised_model_is_held_against_a_real_one_in_real_values(tmp_path: Path) -> None:
    paths = []
    for dtype, quantization in ((np.int8, Quantization.per_tensor(0.25, 3)), (np.float32, None)):
        graph = Graph("rows")
        x = graph.input("x", (1, 8), dtype, quantization)
        made = graph.tensor("rows", (2, 4), dtype, quantization)
        shape = graph.constant("shape", np.array([2, 4], np.int32))
        graph.operator("RESHAPE", [x, shape], [made], schema.ReshapeOptionsT(newShape=[2, 4]))
        graph.output(made)
        paths.append(written(tmp_path / f"{np.dtype(dtype).name}.tflite", graph))
    found = run(asked(subject(paths[0], tmp_path), model=paths[1]))
    (output,) = found.outputs
    assert (output.unit, output.exact, output.largest_steps) == ("real", True, 0)
    with pytest.raises(ConfigError, match="--bisect cuts one graph"):
        run(asked(subject(paths[0], tmp_path), model=paths[1], bisect=True))


def test_models_that_do_not_belong_together_are_refused(branches: Path, keyword_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="input 'features' is "):
        run(asked(subject(keyword_model, tmp_path), model=_one_row(tmp_path)))
    with pytest.raises(ConfigError, match="the reference has 1 outputs, the model 3"):
        run(asked(subject(branches, tmp_path), model=_one_row(tmp_path)))


def _one_row(folder: Path) -> Path:
    graph = Graph("row")
    x = graph.input("x", (1, 6), np.float32)
    graph.output(binary(graph, "ADD", x, graph.constant("one", np.ones(6, np.float32)), "sum"))
    return written(folder / "row.tflite", graph)


def test_a_model_that_the_reference_cannot_run_is_refused_with_the_reason(
    edgetpu_model: Path, delegate_library: Path, tmp_path: Path
) -> None:
    options = {"library": str(delegate_library), "delegate_options": {"device": ":0"}}
    with pytest.raises(
        ModelRejected, match=r"the reference \(.*default kernels\) cannot run: .*compiled for an Edge TPU"
    ):
        run(asked(subject(edgetpu_model, tmp_path, name="external", options=options)))


def test_a_delegate_that_refuses_or_takes_nothing_is_no_difference(
    adds_model: Path, delegate_library: Path, tmp_path: Path
) -> None:
    for option, said in (({"refuse": "no licence"}, "no licence"), ({"claim": "none"}, "takes none of the model's")):
        options = {"library": str(delegate_library), "delegate_options": option}
        with pytest.raises(BackendUnavailable, match=said):
            run(asked(subject(adds_model, tmp_path, name="external", options=options)))


def test_a_model_that_keeps_something_is_put_back_before_each_invocation(
    recurrent_keyword_model: Path, tmp_path: Path
) -> None:
    test = subject(recurrent_keyword_model, tmp_path)
    once = run(asked(test, runs=1))
    assert once.outputs[0].exact
    kept = replace(test, invocation=Invocation(state="keep").model_dump(mode="json"))
    # One side's state lives on over the three invocations, the other's does not.
    apart = run(replace(asked(test, runs=1), test=kept))
    assert not apart.outputs[0].exact


def test_ids_that_no_table_has_are_refused_with_the_option_that_keeps_them_in_range(tmp_path: Path) -> None:
    graph = Graph("table")
    ids = graph.input("ids", (5,), np.int32)
    table = graph.constant("table", np.arange(20, dtype=np.float32).reshape(10, 2))
    rows = graph.tensor("rows", (5, 2), np.float32)
    graph.operator("GATHER", [table, ids], [rows], schema.GatherOptionsT(axis=0))
    graph.output(rows)
    test = subject(written(tmp_path / "table.tflite", graph), tmp_path)
    with pytest.raises(ModelRejected, match=r"gather index out of bounds.*--input_layer_value_range NAME,LOW,HIGH"):
        run(asked(test))
    assert run(replace(asked(test), ranges={"ids": (0.0, 9.0)})).outputs[0].exact
