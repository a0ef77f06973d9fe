"""The repair of scales' axes that are out of range: nothing else differs, and the runtime takes what it refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from backends.base import ModelRejected
from backends.litert.copies.repair import repair_quantized_dimensions
from backends.litert.loading import Loading, load_interpreter
from harness.model.run_file import find_run_file

SHA = "0" * 64


def broken(model: Path, place: Path) -> Path:
    """A copy in which every one-dimensional quantised tensor has the axis 3."""
    read = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model.read_bytes(), 0))
    for tensor in read.subgraphs[0].tensors:
        if len(tensor.shape) == 1 and tensor.quantization is not None:
            tensor.quantization.quantizedDimension = 3
    builder = Builder()
    builder.Finish(read.Pack(builder), b"TFL3")
    place.write_bytes(bytes(builder.Output()))
    return place


def test_a_file_that_is_refused_for_its_axes_runs_as_before_once_they_are_mended(
    keyword_model: Path, tmp_path: Path
) -> None:
    model = broken(keyword_model, tmp_path / "broken.tflite")
    with pytest.raises(ModelRejected, match=r"model\.repair=quantized_dimension"):
        load_interpreter(model, Loading(threads=1))
    place, said = repair_quantized_dimensions(model, SHA, tmp_path / "models")
    assert "quantized_dimension of 1 one-dimensional tensors" in said
    before, after = np.frombuffer(model.read_bytes(), np.uint8), np.frombuffer(place.read_bytes(), np.uint8)
    assert (before != after).sum() == 1
    load_interpreter(place, Loading(threads=1))


def test_it_is_done_only_where_it_is_asked_for_and_the_result_names_it(keyword_model: Path, tmp_path: Path) -> None:
    model = broken(keyword_model, tmp_path / "broken.tflite")
    as_it_is = find_run_file(model, SHA, tmp_path, signature=None, complete=True)
    assert (as_it_is.path, as_it_is.modified) == (model, None)
    mended = find_run_file(model, SHA, tmp_path, signature=None, complete=True, repair=True)
    assert mended.modified is not None
    assert mended.modified.startswith("repaired as asked")


def test_a_whole_file_is_left_alone(keyword_model: Path, tmp_path: Path) -> None:
    assert repair_quantized_dimensions(keyword_model, SHA, tmp_path) == (keyword_model, "")


def test_the_person_detector_is_mended_byte_for_byte_as_its_twin_in_the_zoo(zoo: Path, tmp_path: Path) -> None:
    folder = zoo / "models" / "tflite_micro"
    place, said = repair_quantized_dimensions(folder / "person_detect.tflite", SHA, tmp_path)
    assert "of 14 one-dimensional tensors" in said
    assert place.read_bytes() == (folder / "person_detect_repaired_qdim0.tflite").read_bytes()
