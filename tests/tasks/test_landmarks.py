"""Landmarks: points back in the picture, errors in eye distances, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

from accuracy.answers.log import Answer, LogError
from accuracy.answers.raw_tensors import tensor_header
from backends.base import TensorSpec
from harness.api.answers import Points
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.landmarks import LandmarkOptions
from tasks.landmarks import Landmarks
from tasks.pictures.pixels.preprocess import WHOLE

PICTURE = TensorSpec("picture", (1, 8, 8, 3), np.dtype(np.float32))
POINTS = TensorSpec("points", (1, 9), np.dtype(np.float32))
SMALL: dict[str, Any] = {"points": 3, "unit": (0, 1), "frame": (8, 8)}
WANTED = np.array([[4.0, 10, 0], [24, 10, 0], [14, 30, -6]])


def face_set(
    folder: Path, header: str = "file,x0,y0,z0,x1,y1,z1,x2,y2,z2", points: np.ndarray[Any, Any] = WANTED
) -> Path:
    Image.new("RGB", (32, 40)).save(folder / "a.png")
    (folder / "landmarks.csv").write_text(f"{header}\na.png,{','.join(map(str, points.reshape(-1)))}\n")
    return folder


def answer(values: np.ndarray[Any, Any]) -> Answer:
    return Answer(0, tensor_header("float32", 0.0, 0) + values.astype("<f4").tobytes())


def task_of(folder: Path, **options: Any) -> Landmarks:
    return Landmarks(DataRef(folder), LandmarkOptions(**{**SMALL, **options}))


def test_points_of_the_input_are_measured_in_the_picture_by_the_distance_of_the_eyes(tmp_path: Path) -> None:
    task = task_of(face_set(tmp_path))
    task.check_truth()
    of_input = WANTED * np.array([8 / 32, 8 / 40, 8 / 32])
    assert task.score([answer(of_input)])["nme"] == pytest.approx(0)
    # One of three points 5 pixels too far right, then 12 pixels too deep besides; the eyes are 20 apart.
    moved = of_input + np.array([[0, 0, 0], [0, 0, 0], [5 * 8 / 32, 0, 12 * 8 / 32]])
    found = task.score([answer(moved)])
    assert found["nme"] == pytest.approx(5 / 20 / 3)
    assert found["nme_3d"] == pytest.approx(13 / 20 / 3)
    fractions = task_of(tmp_path, size="fractions")
    assert fractions.score([answer(WANTED / np.array([32, 40, 32]))])["nme"] == pytest.approx(0)


def test_a_picture_is_shown_with_the_points_that_were_found_and_the_references(tmp_path: Path) -> None:
    task = task_of(face_set(tmp_path))
    of_input = WANTED * np.array([8 / 32, 8 / 40, 8 / 32])
    (one,) = task.exhibits([answer(of_input + np.array([8 * 2 / 32, 0, 0]))], 5).exhibits
    assert one.picture is not None
    height, width = one.picture.shape[:2]
    assert np.allclose(one.true_points, WANTED[:, :2] / [width, height])
    assert one.said_points[0][0] - one.true_points[0][0] == pytest.approx(2 / width)
    assert one.said == "the points are 10.0 % of the unit off in the mean"
    assert one.quality == pytest.approx(0.9)
    (close,) = task.exhibits([answer(of_input)], 5).exhibits
    assert close.quality == 1


def test_points_in_another_unit_than_the_options_say_are_refused(tmp_path: Path) -> None:
    pixels = WANTED * np.array([8 / 32, 8 / 40, 8 / 32])
    task = task_of(face_set(tmp_path), size="fractions")
    with pytest.raises(
        LogError, match=r"3 of 3 points lie far outside .* model\.size=fractions right .* or is it input"
    ):
        task.score([answer(pixels * 2)])
    with pytest.raises(LogError, match=r"all points lie in the first pixel of the input.* model\.size=fractions"):
        task_of(tmp_path).score([answer(pixels / 8)])
    assert task_of(tmp_path, size="fractions").score([answer(pixels / 8)])["nme"] == pytest.approx(0, abs=1e-6)


def test_a_first_answer_in_pixels_is_refused_where_fractions_were_promised(tmp_path: Path) -> None:
    pixels = (WANTED * np.array([8 / 32, 8 / 40, 8 / 32])).reshape(1, 9).astype(np.float32)
    answered = task_of(face_set(tmp_path), size="fractions").codec([PICTURE], [POINTS]).answerer()
    with pytest.raises(ModelMismatch, match=r"points of the first picture lie far outside it, up to 6 of its sides"):
        answered([pixels])
    assert answered([pixels / 8]) == answered([pixels / 8])


def test_a_reference_without_depth_and_a_model_with_more_values_a_point_go_together(tmp_path: Path) -> None:
    task = task_of(face_set(tmp_path, "file,x0,y0,x1,y1,x2,y2", WANTED[:, :2]), values_per_point=5)
    values = np.concatenate([WANTED * np.array([8 / 32, 8 / 40, 8 / 32]), np.ones((3, 2))], axis=1)
    assert task.score([answer(values)]).metrics == {"nme": pytest.approx(0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,x0,y0\na.png,1,2\n", "3 points in 2 dimensions"),
        ("file,x0,y0,x1,y1,x2,y2\na.png,1,2,3,4,5,much\n", "line 2 is no file name and 6 numbers"),
        ("file,x0,y0,x1,y1,x2,y2\nb.png,1,2,3,4,5,6\n", r"no points for 1 of the pictures: a\.png"),
        ("file,x0,y0,x1,y1,x2,y2\n", "only a header"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    face_set(tmp_path)
    (tmp_path / "landmarks.csv").write_text(text)
    with pytest.raises(DataMissing, match=said):
        task_of(tmp_path).check_truth()


def test_a_model_of_other_points_or_another_size_is_refused(tmp_path: Path) -> None:
    task = task_of(face_set(tmp_path))
    other = TensorSpec("points", (1, 63), np.dtype(np.float32))
    with pytest.raises(ModelMismatch, match=r"of which 0 have 3 points of 3 values \(9\)"):
        task.codec([PICTURE], [other])
    with pytest.raises(ModelMismatch, match=r"takes 8x8 pixels, but model\.frame is \[16, 16\]"):
        task_of(tmp_path, frame=(16, 16)).codec([PICTURE], [POINTS])
    with pytest.raises(ValueError, match="unit is"):
        LandmarkOptions(unit=(0, 468))


def test_points_are_drawn_where_they_are() -> None:
    drawn = np.asarray(Points(np.array([[10.0, 5.0, 1.0]]), np.zeros((20, 20, 3), np.uint8)).draw())
    assert drawn[5, 10].tolist() == [0, 230, 60]
    assert not drawn[15, 10].any()


def test_the_int8_face_mesh_is_near_the_float_one_and_its_default_kernels_near_the_reference_ones(zoo: Path) -> None:
    """On a drawn face: no picture of a person is needed to see that both put their points alike."""
    from harness.zoo.builtin.drawing import Chance
    from harness.zoo.builtin.faces import face

    picture, _ = face(200, 200, Chance("a face"))
    pixels = WHOLE["mobile"](picture, 192, 192)

    def points(model: Path, kernels: OpResolverType) -> np.ndarray[Any, Any]:
        interpreter = Interpreter(str(model), num_threads=1, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
        specs = [
            TensorSpec(each["name"], tuple(map(int, each["shape"])), np.dtype(each["dtype"]), *each["quantization"])
            for each in (taken, *given)
        ]
        options = LandmarkOptions(float_range="0..1")
        codec: Any = Landmarks.codec(_unbound(options), specs[:1], specs[1:])
        interpreter.set_tensor(taken["index"], codec._input.encode(pixels))
        interpreter.invoke()
        raw = interpreter.get_tensor(given[codec.place]["index"]).astype(np.float64)
        spec = specs[1 + codec.place]
        return options.in_picture((raw - spec.zero_point) * (spec.scale or 1), 192, 192)

    floats = points(zoo / "models/mediapipe/face_landmark.tflite", OpResolverType.AUTO)
    quantised = zoo / "models/efinix/mediapipe_face_landmark.tflite"
    default, reference = points(quantised, OpResolverType.AUTO), points(quantised, OpResolverType.BUILTIN_REF)
    eyes = np.linalg.norm(floats[33, :2] - floats[263, :2])
    assert np.linalg.norm(default - floats, axis=1).mean() < 0.15 * eyes
    assert abs(default - reference).max() <= 2 * 0.8808
    upside_down = floats * np.array([1, -1, 1]) + np.array([0, 192, 0])
    assert np.linalg.norm(upside_down - floats, axis=1).mean() > 0.15 * eyes


def _unbound(options: LandmarkOptions) -> Any:
    """A task without data: all that binding a model needs."""
    from tasks.pictures.folders import Pictures

    task = Landmarks.__new__(Landmarks)
    task._options, task._pictures = options, Pictures.none()
    return task
