from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.file.schema import Builtin, builtin_operators
from harness.model.classes import _side_of_classes, score_columns
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Graph], Path]:
    def write(graph: Graph) -> Path:
        path = tmp_path / "model.tflite"
        with path.open("wb") as file:
            graph.write(file)
        return path

    return write


def test_a_classifier_has_as_many_columns_as_scores(picture_model: Path, keyword_model: Path) -> None:
    assert (score_columns(picture_model), score_columns(keyword_model)) == (1001, 12)


def test_a_map_is_chosen_from_what_its_argmax_sees(write: Callable[[Graph], Path]) -> None:
    graph = Graph("argmax")
    scores = graph.input("scores", (1, 4, 4, 21), np.float32)
    chosen = graph.tensor("chosen", (1, 4, 4), np.int32)
    axis = graph.constant("axis", np.array(3, np.int32))
    graph.operator("ARG_MAX", [scores, axis], [chosen], schema.ArgMaxOptionsT(outputType=schema.TensorType.INT32))
    graph.output(layers.reshape(graph, "map", chosen, (1, 4, 4, 1)))
    assert score_columns(write(graph)) == 21


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 4), (1, 1, 4, 4), (1, 4, 4, 1)])
def test_a_map_without_its_argmax_does_not_tell(write: Callable[[Graph], Path], shape: tuple[int, ...]) -> None:
    graph = Graph("map")
    graph.output(graph.input("map", shape, np.float32))
    assert score_columns(write(graph)) is None


def test_what_is_no_model_does_not_tell(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"no model")
    assert score_columns(tmp_path / "model.tflite") is None


def test_a_detectors_classes_are_those_of_its_op(zoo: Path) -> None:
    assert score_columns(zoo / "models/ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite") == 91
    assert score_columns(zoo / "models/mlperf_mobile/deeplabv3_mnv2_ade20k_uint8.tflite") == 32


@pytest.mark.parametrize(("name", "columns"), [("ic_pretrainedResnet_float", 10), ("vww_96_int8", 2)])
def test_a_batch_that_the_file_leaves_open_is_no_side(zoo: Path, name: str, columns: int) -> None:
    assert score_columns(zoo / f"models/mlperf_tiny/{name}.tflite") == columns


@pytest.mark.parametrize(
    ("shape", "columns"),
    [
        ((1, 7, 1, 1), 7),
        ((1, 9, 9, 21), 21),
        ((1, 21, 9, 9), 21),
        ((1, 21, 64, 128), 21),
        ((1, 64, 128, 21), 21),
        ((64, 128, 21), 21),
        ((1, 1), None),
        ((1, -1), None),
        ((-1, 10), 10),
        ((-1, 1, 1, 10), 10),
        ((-1, 21, 64, 64), 21),
        ((-1, 64, 128, 21), 21),
        ((-1, -1), None),
        ((-1, -1, -1, 21), 21),
    ],
)
def test_classes_stand_last_or_before_the_sides_of_a_map(shape: tuple[int, ...], columns: int | None) -> None:
    assert _side_of_classes(shape) == columns


def test_operators_that_are_looked_for_by_number_have_those_of_the_schema() -> None:
    for operator in Builtin:
        assert builtin_operators()[operator] == operator.name
