"""Anomaly detection: windows, errors and areas from recordings and feature files, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accuracy.answers.log import Answer, LogError
from accuracy.answers.raw_tensors import tensor_header
from backends.base import TensorSpec
from tasks.anomaly_detection import AnomalyDetection
from tasks.audio.wav import wav_bytes
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.anomaly_detection import AnomalyDetectionOptions

FLOATS = TensorSpec("window", (1, 640), np.dtype(np.float32))
NOTHING = tensor_header("float32", 0.0, 0) + np.zeros(640, np.float32).tobytes()


def feature_file(folder: Path, name: str, value: float, frames: int = 7) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(np.full((frames, 128), value, "<f4").tobytes())
    return folder


def task_of(folder: Path, count: int | None = None, **options: Any) -> AnomalyDetection:
    return AnomalyDetection(DataRef(folder, None, count), AnomalyDetectionOptions(**options))


def score(task: AnomalyDetection) -> Any:
    """Of a model that gives zeros back: a recording's score is the mean square of its features."""
    return task.score(Answer(index, NOTHING) for index in range(len(task)))


@pytest.fixture
def two_machines(tmp_path: Path) -> Path:
    for name, value in {
        "normal_id_01_0": 1,
        "anomaly_id_01_0": 3,
        "normal_id_02_0": 4,
        "anomaly_id_02_0": 5,
        "normal_id_02_1": 6,
    }.items():
        feature_file(tmp_path, f"{name}_hist.bin", value)
    return tmp_path


def test_a_recordings_score_is_the_mean_over_its_windows_and_areas_are_by_machine_and_pooled(
    two_machines: Path,
) -> None:
    found = score(task_of(two_machines))
    scores: Mapping[str, float] = found.details["anomaly_score"]
    assert scores["anomaly_id_01_0_hist.bin"] == pytest.approx(9)
    assert found.details["auc_by_machine"] == {"id_01": 1.0, "id_02": 0.5}
    assert found["auc"] == 0.75
    assert found["auc_pooled"] == pytest.approx(3 / 6)
    assert found.count == 5


def test_recordings_are_shown_by_what_they_cost_of_the_area(two_machines: Path) -> None:
    task = task_of(two_machines)
    answers = [Answer(index, NOTHING) for index in range(len(task))]
    found = task.exhibits(answers, 100)
    scores = task.score(answers).details["anomaly_score"]
    assert {one.name for one in found.exhibits} == set(scores)
    assert found.judged == len(scores)
    qualities = [one.quality for one in found.exhibits]
    assert qualities == sorted(qualities)
    # The mean of the parts is the area, machine by machine: of anomalies as of normal recordings.
    parts = {one.name: one.quality for one in found.exhibits if one.truth == "an anomaly"}
    by_machine = task.score(answers).details["auc_by_machine"]
    means = [np.mean([part for name, part in parts.items() if machine in name]) for machine in by_machine]
    assert means == pytest.approx(list(by_machine.values()))
    assert all(one.picture is not None and one.picture.shape[::2] == (128, 3) for one in found.exhibits)


def test_a_machine_with_one_kind_is_in_no_mean_and_a_set_with_one_is_refused(two_machines: Path) -> None:
    (two_machines / "anomaly_id_02_0_hist.bin").unlink()
    found = score(task_of(two_machines))
    assert found["auc"] == 1.0
    assert "id_02 is in no mean" in found.notes[0]
    with pytest.raises(
        DataMissing, match=r"compares normal recordings with anomalies, .* in its first 3 windows has anomalies"
    ):
        score(task_of(two_machines, count=3))
    (two_machines / "anomaly_id_01_0_hist.bin").unlink()
    with pytest.raises(DataMissing, match="has normal recordings alone"):
        task_of(two_machines).check_truth()


def test_a_window_is_five_frames_one_behind_the_other_rounded_to_the_models_steps(tmp_path: Path) -> None:
    values = np.random.default_rng(7).permutation(7 * 128).astype("<f4").reshape(7, 128) / 10
    (tmp_path / "normal_id_01_0.bin").write_bytes(values.tobytes())
    task = task_of(tmp_path)
    assert len(task) == 3
    (window,) = task.codec([FLOATS], [FLOATS]).preprocess(2)
    assert (window == values[2:7].reshape(1, 640)).all()
    quantised = TensorSpec("window", (1, 640), np.dtype(np.int8), 0.5, 3)
    (window,) = task.codec([quantised], [quantised]).preprocess(0)
    assert (window[0] == np.clip(np.rint(values[:5].reshape(-1) / np.float32(0.5)) + 3, -128, 127)).all()


def test_frames_of_a_recording_are_those_that_the_options_name(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-3000, 3000, 16000).astype(np.int16)
    (tmp_path / "normal_id_01_0.wav").write_bytes(wav_bytes(noise, 16000))
    assert len(task_of(tmp_path, first_frame=0, frame_count=None)) == 32 - 4
    assert len(task_of(tmp_path, first_frame=3, frame_count=10)) == 6
    with pytest.raises(DataMissing, match="is too short: it has 0 frames of 32 ms behind the first 50"):
        task_of(tmp_path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0" * 513, "513 bytes, which is no whole number of frames"),
        (np.full((5, 128), np.nan, "<f4").tobytes(), "no numbers"),
        (np.zeros((4, 128), "<f4").tobytes(), "4 frames of 32 ms, and a window needs 5"),
    ],
)
def test_a_broken_feature_file_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "normal_id_01_0.bin").write_bytes(data)
    with pytest.raises(DataMissing, match=said):
        task_of(tmp_path)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda frames: frames.astype("<f8"), "no loudness|no numbers"),
        (lambda frames: frames.astype("<f2"), "no loudness|no numbers"),
        (lambda frames: frames.astype(">f4"), "no loudness|no numbers"),
        (lambda frames: np.ascontiguousarray(frames.T), "looks transposed, 128 rows of 40"),
    ],
)
def test_features_of_another_type_or_order_are_refused_though_their_number_fits(
    tmp_path: Path, written: Callable[[Any], Any], said: str
) -> None:
    loudness = np.linspace(-60, -5, 128) + np.random.default_rng(5).normal(0, 3, (40, 128))
    (tmp_path / "normal_id_01_0.bin").write_bytes(loudness.astype("<f4").tobytes())
    assert len(task_of(tmp_path)) == 36
    (tmp_path / "normal_id_01_0.bin").write_bytes(written(loudness.astype("<f4")).tobytes())
    with pytest.raises(DataMissing, match=said):
        task_of(tmp_path)


def test_names_that_say_nothing_are_refused_where_a_score_is_wanted(tmp_path: Path) -> None:
    task = task_of(feature_file(tmp_path, "hum.bin", 1))
    with pytest.raises(DataMissing, match=r"nothing says whether 1 recordings .* hum\.bin.*normal_ or anomaly_"):
        task.check_truth()


def test_a_model_of_another_window_and_an_answer_of_another_length_are_refused(two_machines: Path) -> None:
    task = task_of(two_machines)
    other = TensorSpec("window", (1, 320), np.dtype(np.float32))
    with pytest.raises(ModelMismatch, match=r"window is float32 \[1, 320\], but .* of 640 values"):
        task.codec([FLOATS], [other])
    with pytest.raises(LogError, match="sample 0: an output tensor of 639 values; 640 are expected"):
        task.score([Answer(0, NOTHING[:-4])])
    with pytest.raises(LogError, match="value 0 of the answer is no number"):
        task.score([Answer(0, tensor_header("float32", 0.0, 0) + np.full(640, np.nan, "<f4").tobytes())])


def test_recordings_in_another_format_are_said_and_exchanged_kinds_are_tried(tmp_path: Path) -> None:
    for name, value in (("normal_id_01_0", 5), ("anomaly_id_01_0", 1)):
        feature_file(tmp_path, f"{name}.bin", value)
    assert task_of(tmp_path).warnings() == ()
    for name in ("normal_id_01_1.flac", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    task = task_of(tmp_path)
    assert "1 files of" in task.warnings()[0]
    assert "(1 .flac)" in task.warnings()[0]
    assert task.describe_data()["left_out"] == {".flac": 1}
    given = [Answer(index, NOTHING) for index in range(len(task))]
    assert task.score(given)["auc"] == 0.0
    (exchanged,) = task.readings(lambda: given)
    assert exchanged.score(given) == 1.0
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(tmp_path.glob("*id_01*")):
            archive.write(path, path.name)
    assert "(1 .flac)" in task_of(tmp_path / "set.zip").warnings()[0]
