"""The shapes of all graphs as the runtime allocates them, and those that only a run tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.allocated import allocated_graphs
from backends.litert.file.model_reader import read_model
from harness.model.contents.costs import costs
from tests.graphs import Files

CONVOLUTION = {"padding": schema.Padding.SAME, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}


def branching(path: Path, inside: tuple[int, ...]) -> Path:
    """Either branch of an IF is a convolution of a picture of open size; `inside` is what the branches' files say of it."""
    files = Files()
    main = files.graph()
    picture, result, said = main.tensor((1, -1, -1, 3)), main.tensor((1, -1, -1, 3)), main.constant([True])
    main.op("IF", [said, picture], [result], schema.IfOptionsT(thenSubgraphIndex=1, elseSubgraphIndex=2))
    main.inputs, main.outputs = [picture], [result]
    for _ in range(2):
        branch = files.graph()
        given, made = branch.tensor(inside), branch.tensor(inside)
        weights, bias = branch.constant(np.ones((3, 3, 3, 3), np.float32)), branch.constant(np.zeros(3, np.float32))
        branch.op("CONV_2D", [given, weights, bias], [made], schema.Conv2DOptionsT(**CONVOLUTION))
        branch.inputs, branch.outputs = [given], [made]
    return files.write(path)


def resizing(path: Path) -> Path:
    """A convolution of a picture of the size that the second input says."""
    files = Files()
    graph = files.graph()
    picture, size = graph.tensor((1, 8, 8, 3)), graph.tensor((2,), "INT32")
    resized, made = graph.tensor((1, -1, -1, 3)), graph.tensor((1, -1, -1, 3))
    weights, bias = graph.constant(np.ones((3, 3, 3, 3), np.float32)), graph.constant(np.zeros(3, np.float32))
    graph.op("RESIZE_BILINEAR", [picture, size], [resized], schema.ResizeBilinearOptionsT())
    graph.op("CONV_2D", [resized, weights, bias], [made], schema.Conv2DOptionsT(**CONVOLUTION))
    graph.inputs, graph.outputs = [picture, size], [made]
    return files.write(path)


@pytest.mark.parametrize("inside", [(1, 1, 1, 3), (1, -1, -1, 3)])
def test_what_a_branch_costs_goes_by_what_the_inputs_are_given(inside: tuple[int, ...], tmp_path: Path) -> None:
    path = branching(tmp_path / "m.tflite", inside)
    graphs = allocated_graphs(path, [(1, 32, 16, 3)])
    assert graphs[1].shapes[0] == graphs[2].shapes[1] == (1, 32, 16, 3)
    counted = costs(read_model(path), graphs)
    assert counted.multiply_adds == 32 * 16 * 3 * 27
    assert counted.complete


def test_a_size_that_only_a_run_tells_is_not_counted_as_one(tmp_path: Path) -> None:
    path = resizing(tmp_path / "m.tflite")
    (graph,) = allocated_graphs(path)
    assert graph.sized_by_runs == (2, 3)
    counted = costs(read_model(path), [graph])
    assert counted.uncounted == (
        "tensors whose sizes are not known before the model runs",
        "a CONV_2D whose shapes are not known",
    )


@pytest.mark.parametrize("name", ["coral/mobilenet_v2_1.0_224_quant", "ssd/coco_ssd_mobilenet_v1_1.0_quant_detect"])
def test_a_model_of_which_all_sizes_are_known_is_counted_whole(name: str, zoo: Path) -> None:
    path = zoo / "models" / f"{name}.tflite"
    graphs = allocated_graphs(path)
    assert not any(graph.sized_by_runs for graph in graphs)
    assert costs(read_model(path), graphs).complete


def test_what_lies_inside_of_a_delegate_keeps_the_shapes_of_the_file(zoo: Path) -> None:
    graphs = allocated_graphs(zoo / "models/mediapipe/selfie_segmentation.tflite")
    assert not any(graph.sized_by_runs for graph in graphs)
