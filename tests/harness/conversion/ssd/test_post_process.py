"""SSD's post-processing, added to the stand-in's own raw boxes and scores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.conversion.model_objects import read_objects, text, write_objects
from harness.conversion.ssd.options import PostProcess, read_post_process
from harness.conversion.ssd.post_process import OP, add_post_process
from harness.errors import ConfigError
from harness.zoo.files.official import cache_dir
from harness.zoo.standins.library import standin_path
from harness.zoo.standins.ssd import anchors
from tests.harness.conversion.conftest import ask

MAPS = "[[19, 19], [10, 10], [5, 5], [3, 3], [2, 2], [1, 1]]"
BY_RULE = f"anchors: {{feature_maps: {MAPS}}}\nnms_score_threshold: 0.3\n"


@pytest.fixture(scope="module")
def whole() -> Path:
    """The stand-in, with the op that its writer gave it."""
    return standin_path("ssd_mobilenet_v2_float32", cache_dir()).path


@pytest.fixture(scope="module")
def raw(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in without the op: encoded boxes, and scores."""
    model = read_objects(whole)
    graph = model.subgraphs[0]
    last = graph.operators.pop()
    assert text(model.operatorCodes.pop(last.opcodeIndex).customCode) == OP
    graph.outputs = list(last.inputs[:2])
    model.signatureDefs = None
    path = tmp_path_factory.mktemp("raw") / "raw.tflite"
    write_objects(model, path)
    return path


def options(folder: Path, text: str) -> PostProcess:
    (folder / "ssd.yaml").write_text(text, encoding="ascii")
    return read_post_process(folder / "ssd.yaml")


def test_the_op_is_that_of_the_exporters_by_rule_and_by_a_file_of_anchors(
    whole: Path, raw: Path, tmp_path: Path
) -> None:
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 300, 300, 3)).astype(np.float32)
    right = ask(whole, picture)
    np.save(tmp_path / "anchors.npy", anchors())
    np.savetxt(tmp_path / "anchors.csv", anchors(), delimiter=",")
    for number, said in enumerate(
        (BY_RULE, *(f"anchors: anchors.{kind}\nnms_score_threshold: 0.3\n" for kind in ("npy", "csv")))
    ):
        add_post_process(raw, options(tmp_path, said), place := tmp_path / f"made_{number}.tflite")
        found = ask(place, picture)
        assert [each.shape for each in found] == [(1, 10, 4), (1, 10), (1, 10), (1,)]
        assert all((one == other).all() for one, other in zip(found, right, strict=True))
    signature = read_objects(place).signatureDefs[0]
    assert [text(one.name) for one in signature.outputs] == [OP, f"{OP}:1", f"{OP}:2", f"{OP}:3"]
    assert [text(one.name) for one in signature.inputs] == ["normalized_input_image_tensor"]


def test_logits_get_their_sigmoid_and_outputs_that_are_neither_stay(tmp_path: Path) -> None:
    from harness.zoo.graph.writer import Graph

    graph = Graph("raw outputs")
    inputs = {
        name: graph.input(name, shape, np.float32)
        for name, shape in (("boxes_in", (1, 2, 4)), ("logits_in", (1, 2, 3)), ("more_in", (1, 5)))
    }
    for name, tensor in inputs.items():
        given = graph.tensor(name.replace("_in", ""), tensor.shape, np.float32)
        graph.operator("NEG", [tensor], [given])
        graph.output(given)
    with (tmp_path / "raw.tflite").open("wb") as file:
        graph.write(file)
    np.save(tmp_path / "two.npy", np.array([[0.25, 0.25, 0.2, 0.2], [0.75, 0.75, 0.4, 0.4]], np.float32))
    add_post_process(
        tmp_path / "raw.tflite", options(tmp_path, "anchors: two.npy\nscores_are: sigmoid\n"), tmp_path / "made.tflite"
    )
    # Of the background and two classes; NEG turns them.
    logits = np.array([[[0, -3, 2], [0, -1, -2]]], np.float32)
    boxes, classes, scores, count, more = ask(
        tmp_path / "made.tflite", np.zeros((1, 2, 4), np.float32), logits, np.ones((1, 5), np.float32)
    )
    assert (more == -1).all()
    assert count[0] >= 2
    np.testing.assert_allclose(boxes[0, :2], [[0.15, 0.15, 0.35, 0.35], [0.55, 0.55, 0.95, 0.95]], atol=1e-6)
    assert classes[0, :2].tolist() == [0, 1]
    np.testing.assert_allclose(scores[0, :2], 1 / (1 + np.exp([-3.0, -2.0])), atol=1e-6)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("anchors: {feature_maps: [[19, 19], [10, 10]]}\n", "1,683 anchors, but the boxes of .* have 1,917 rows"),
        ("anchors: gone.npy\n", r"cannot read the anchors .*gone\.npy"),
        ("anchors: wide.npy\n", r"are float64 \[2, 3\], but must be finite numbers \[anchors, 4\]"),
        (
            f"boxes: Sqeeze\n{BY_RULE}",
            r"boxes: .* has no output 'Sqeeze'; it has Squeeze \[1, 1917, 4\]; convert_scores",
        ),
        (
            f"scores: Squeeze\nbackground: false\nboxes: convert_scores\n{BY_RULE}",
            r"but convert_scores is \[1, 1917, 91\]",
        ),
        (f"max_detection: 10\n{BY_RULE}", "max_detection"),
        (
            "nms_iou_threshold: 0\nanchors: {feature_maps: []}\n",
            "nms_iou_threshold",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_both_sides(raw: Path, tmp_path: Path, said: str, why: str) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((2, 3)))
    with pytest.raises(ConfigError, match=why):
        add_post_process(raw, options(tmp_path, said), tmp_path / "made.tflite")
    assert not (tmp_path / "made.tflite").exists()


def test_a_model_that_has_the_op_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has a TFLite_Detection_PostProcess already"):
        add_post_process(whole, options(tmp_path, BY_RULE), tmp_path / "made.tflite")


def test_a_detector_in_int8_takes_bytes_and_gives_the_floats_of_its_op(raw: Path, call: Any, tmp_path: Path) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    options(tmp_path, BY_RULE)
    made = tmp_path / "made"
    done = call(
        "convert", raw, "-o", made, "--post-process", tmp_path / "ssd.yaml", "--to=int8", "--task=ssd_mobilenet_v2",
        "--dataset=builtin", "--calibration-samples=4", "--only-convert",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    picture = np.random.default_rng(0).integers(-128, 128, (1, 300, 300, 3)).astype(np.int8)
    assert [each.dtype for each in ask(made / "raw_int8.tflite", picture)] == [np.float32] * 4


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("anchors: {feature_maps: [[2, 2]], aspect_ratios: [0]}", ": anchors.aspect_ratios.0: "),
        ("anchors: {feature_maps: [[2, 2]], aspect_ratios: [-1]}", ": anchors.aspect_ratios.0: "),
        ("anchors: {feature_maps: [[100000, 1]]}", ": anchors.feature_maps.0.0: "),
        ("anchors: {feature_maps: [[-1, 2]]}", ": anchors.feature_maps.0.0: "),
        (f"box_scales: [0, 10, 5, 5]\n{BY_RULE}", "box_scales.0"),
        (f"box_scales: [10, 10, -5, 5]\n{BY_RULE}", "box_scales.2"),
        (f"max_detections: 99999999999999\n{BY_RULE}", "max_detections"),
    ],
)
def test_numbers_of_which_no_anchors_or_boxes_come_are_refused_by_field(tmp_path: Path, said: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(wrong)) as caught:
        options(tmp_path, said)
    assert str(caught.value).startswith("a mistake in ")


def test_one_output_cannot_be_the_boxes_and_the_scores(raw: Path, tmp_path: Path) -> None:
    boxes = next(
        text(raw_graph.tensors[index].name)
        for raw_graph in read_objects(raw).subgraphs
        for index in raw_graph.outputs
        if list(raw_graph.tensors[index].shape)[2:] == [4]
    )
    with pytest.raises(ConfigError, match="both the boxes and the scores"):
        add_post_process(
            raw, options(tmp_path, f"boxes: {boxes}\nscores: {boxes}\n{BY_RULE}"), tmp_path / "made.tflite"
        )
