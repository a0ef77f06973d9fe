"""What the runtime makes of a model, told by a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.litert.file.model_reader import read_model
from harness.machine.child_process import ChildAnswer
from harness.machine.json_line import encode
from harness.model.contents import allocation
from harness.model.contents.allocation import Allocation, allocate
from harness.model.file_tensors import described_inputs


def test_a_models_tensors_come_with_their_shapes(keyword_model: Path) -> None:
    found = allocate(keyword_model)
    assert found.why == ""
    (graph,) = found.graphs or ()
    assert graph.shapes
    assert all(isinstance(index, int) for index in graph.shapes)
    assert all(isinstance(shape, tuple) for shape in graph.shapes.values())
    assert graph.sized_by_runs == ()


def test_a_file_that_the_runtime_refuses_is_told_by_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"no model")
    found = allocate(tmp_path / "m.tflite")
    assert found.graphs is None
    assert found.why
    assert "\n" not in found.why


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            ChildAnswer(None, how="was killed by SIGSEGV"),
            "the runtime crashed on it: its process was killed by SIGSEGV",
        ),
        (ChildAnswer(None, hangs=True), "it did not load within 600 s"),
        (ChildAnswer(encode(Allocation(None, "no kernel")).encode()), "no kernel"),
    ],
)
def test_a_process_that_crashes_or_hangs_is_a_reason(
    answer: ChildAnswer, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocation, "answer_of", lambda *_, **__: answer)
    assert allocate(Path("m.tflite")) == Allocation(None, found)


def test_inputs_are_given_the_shapes_that_are_asked_for(flexible_keyword_model: Path) -> None:
    (shape,) = [tensor.shape for tensor in described_inputs(read_model(flexible_keyword_model))]
    found = allocate(flexible_keyword_model, [(3, *shape[1:])])
    assert found.why == ""
    (graph,) = found.graphs or ()
    assert (3, *shape[1:]) in graph.shapes.values()
