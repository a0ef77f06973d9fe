from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_labels, unpack_labels
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.keyword_spotting import KeywordSpottingOptions, other_reading
from tasks.keyword_spotting import KeywordSpotting

SCALE, ZERO_POINT = 0.5847029089927673, 83
FEATURES = np.arange(490).astype(np.int8)


def spec(dtype: Any, shape: tuple[int, ...] = (1, 49, 10, 1), scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("features", shape, np.dtype(dtype), scale, zero_point)


INT8 = spec(np.int8, scale=SCALE, zero_point=ZERO_POINT)
SCORES = TensorSpec("scores", (1, 12), np.dtype(np.int8))


def feature_set(folder: Path, labels: str | None = "a.bin,12,7\nb.bin,12,2\n") -> Path:
    (folder / "a.bin").write_bytes(FEATURES.tobytes())
    (folder / "b.bin").write_bytes(FEATURES[::-1].tobytes())
    if labels is not None:
        (folder / "y_labels.csv").write_text(labels)
    return folder


def task_of(path: Path, count: int | None = None, **options: Any) -> KeywordSpotting:
    return KeywordSpotting(DataRef(path, None, count), KeywordSpottingOptions(**options))


def test_a_model_quantised_as_the_files_gets_their_bytes(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([INT8], [SCORES])
    (prepared,) = codec.preprocess(0)
    assert prepared.shape == (1, 49, 10, 1)
    assert prepared.dtype == np.int8
    assert prepared.tobytes() == FEATURES.tobytes()
    assert codec.cache_key() is None


def test_a_float_model_gets_the_features_themselves(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([spec(np.float32)], [SCORES])
    (prepared,) = codec.preprocess(0)
    expected = [(int(value) - ZERO_POINT) * SCALE for value in FEATURES]
    assert prepared.dtype == np.float32
    assert prepared.ravel().tolist() == pytest.approx(expected, rel=1e-6)


def test_a_model_quantised_otherwise_gets_the_features_quantised_anew(tmp_path: Path) -> None:
    tensor = spec(np.int8, scale=1.0, zero_point=10)
    codec = task_of(feature_set(tmp_path)).codec([tensor], [SCORES])
    (prepared,) = codec.preprocess(0)
    expected = [max(-128, min(127, round((int(value) - ZERO_POINT) * SCALE) + 10)) for value in FEATURES]
    assert prepared.ravel().tolist() == expected


def test_a_model_that_names_no_quantisation_gets_the_bytes(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([spec(np.int8, (1, 490))], [SCORES])
    assert codec.preprocess(0)[0].tobytes() == FEATURES.tobytes()


@pytest.mark.parametrize("size", [0, 489, 491, 1960])
def test_a_file_of_another_size_is_named(tmp_path: Path, size: int) -> None:
    (feature_set(tmp_path) / "b.bin").write_bytes(bytes(size))
    codec = task_of(tmp_path).codec([INT8], [SCORES])
    with pytest.raises(DataMissing, match=rf"b\.bin has {size} bytes, but a feature file has 490"):
        codec.preprocess(1)


def test_the_best_label_is_logged(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([INT8], [SCORES])
    output = np.full((1, 12), -128, np.int8)
    output[0, 11] = output[0, 5] = 127
    assert unpack_labels(codec.postprocess([output]), 12) == [5]


def test_answers_are_scored_by_index(tmp_path: Path) -> None:
    task = task_of(feature_set(tmp_path))
    task.check_truth()
    assert task.score([Answer(1, pack_labels([2])), Answer(0, pack_labels([2]))]) == {"top1": 0.5}


def test_more_samples_than_there_are_is_an_error_that_speaks_of_files(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"3 files are wanted, but .* has 2"):
        task_of(feature_set(tmp_path), count=3)


def test_an_answer_that_is_no_label_is_refused_with_its_file(tmp_path: Path) -> None:
    task = task_of(feature_set(tmp_path))
    for use in (task.score, lambda answers: list(task.rewrite(answers, task))):
        with pytest.raises(LogError, match=r"sample 1( \(b\.bin\))?: an answer names the label 12"):
            use([Answer(0, pack_labels([2])), Answer(1, pack_labels([12]))])


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (None, "no ground truth"),
        ("a.bin,12,7\n", r"no label for b\.bin"),
        ("a.bin,10,7\nb.bin,10,2\n", "is of 10 classes, but the task has 12"),
        ("a.bin,12,7\nb.bin,12,12\n", "line 2: the label 12 is out of range"),
    ],
)
def test_labels_that_do_not_belong_show_before_the_run(tmp_path: Path, labels: str | None, complaint: str) -> None:
    with pytest.raises(DataMissing, match=complaint):
        task_of(feature_set(tmp_path, labels)).check_truth()


@pytest.mark.parametrize(
    ("tensor", "output", "complaint"),
    [
        (
            spec(np.uint8),
            SCORES,
            r"uint8 \[1, 49, 10, 1\], but keyword spotting needs int8 or float32 \[1, 49, 10, 1\]",
        ),
        (spec(np.int8, (1, 96, 96, 3)), SCORES, r"\[1, 96, 96, 3\], but"),
        (INT8, TensorSpec("scores", (1, 10), np.dtype(np.int8)), "has 10 classes, but keyword spotting has 12"),
    ],
)
def test_a_model_that_spots_no_keywords_is_refused(
    tmp_path: Path, tensor: TensorSpec, output: TensorSpec, complaint: str
) -> None:
    with pytest.raises(ModelMismatch, match=complaint):
        task_of(feature_set(tmp_path)).codec([tensor], [output])


@pytest.mark.parametrize(("option", "value"), [("scale", 0.0), ("scale", -1.0), ("zero_point", 128)])
def test_an_option_that_cannot_be_used_is_refused_with_its_value(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} is {value}"):
        KeywordSpottingOptions(**{option: value})  # type: ignore[arg-type]


def test_a_task_describes_its_data(tmp_path: Path) -> None:
    described = task_of(feature_set(tmp_path), count=1).describe_data()
    assert described["count"] == 1
    assert described["truth"] == str(tmp_path / "y_labels.csv")


def spoken(zero_point: int = ZERO_POINT) -> Any:
    """int8 [49, 10] that change slowly from frame to frame and lie around the zero point, the first coefficient below it."""
    frames, coefficients = np.arange(49)[:, None], np.arange(10)[None]
    waves = np.sin(frames / 9 + coefficients * 2.5) * (14 - coefficients) - 90 * (coefficients == 0)
    return np.clip(np.rint(waves) + zero_point, -128, 127).astype(np.int8)


@pytest.mark.parametrize("zero_point", [83, 0, -20])
def test_features_written_as_uint8_or_transposed_are_refused_by_name(tmp_path: Path, zero_point: int) -> None:
    features = spoken(zero_point)
    spoilt = {
        "looks like uint8": (features.astype(np.int16) + 128).astype(np.uint8),
        "looks transposed, 10 rows of 49": features.T,
    }
    (tmp_path / "a.bin").write_bytes(features.tobytes())
    tensor = spec(np.int8, scale=SCALE, zero_point=zero_point)
    for says, other in spoilt.items():
        (tmp_path / "b.bin").write_bytes(np.ascontiguousarray(other).tobytes())
        codec = task_of(tmp_path, zero_point=zero_point).codec([tensor], [SCORES])
        assert codec.preprocess(0)[0].tobytes() == features.tobytes()
        with pytest.raises(DataMissing, match=rf"b\.bin {says}"):
            codec.preprocess(1)


def test_not_one_of_the_published_features_is_taken_for_another_reading_and_each_other_reading_is_seen(
    zoo: Path,
) -> None:
    files = sorted((zoo / "datasets/kws01").glob("*.bin"))
    assert len(files) == 500
    for file in files:
        features = np.fromfile(file, np.int8).reshape(49, 10)
        assert other_reading(features, ZERO_POINT) is None, file.name
        assert "uint8" in str(other_reading(features ^ np.int8(-128), ZERO_POINT)), file.name
        assert "transposed" in str(other_reading(features.T.copy().reshape(49, 10), ZERO_POINT)), file.name


def test_a_folder_of_feature_files_a_word_is_a_data_set_whatever_the_folders_order(tmp_path: Path) -> None:
    for word in ("yes", "_silence_", "Down"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "a.bin").write_bytes(FEATURES.tobytes())
    task = task_of(tmp_path)
    task.check_truth()
    assert task.describe_data()["truth"] == "the folders' names"
    answers = [Answer(index, pack_labels([label])) for index, label in enumerate((0, 10, 9))]
    assert task.score(answers) == {"top1": 1.0}
    assert [reading.words for reading in task.readings()]


def test_a_folder_that_is_called_by_no_word_is_named(tmp_path: Path) -> None:
    for word in ("yes", "bed"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "a.bin").write_bytes(FEATURES.tobytes())
    with pytest.raises(DataMissing, match=r"1 of the 2 classes .* are none of the 12 in the 12 words .*: bed"):
        task_of(tmp_path).check_truth()


def test_folders_and_a_list_of_labels_are_two_truths_of_which_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "yes").mkdir()
    (tmp_path / "no").mkdir()
    for name in ("yes/a.bin", "no/b.bin"):
        (tmp_path / name).write_bytes(FEATURES.tobytes())
    labels = tmp_path / "y_labels.csv"
    labels.write_text("a.bin,12,7\nb.bin,12,2\n")
    with pytest.raises(DataMissing, match=r"labels in y_labels\.csv\. Name that file with --truth"):
        task_of(tmp_path).check_truth()
    task = KeywordSpotting(DataRef(tmp_path, labels), KeywordSpottingOptions())
    assert task.score([Answer(0, pack_labels([7])), Answer(1, pack_labels([2]))]) == {"top1": 1.0}


def test_what_is_read_is_said_of_the_files_that_the_task_reads(tmp_path: Path) -> None:
    (feature_set(tmp_path) / "c.wave").write_bytes(b"RIFF")
    (said,) = task_of(tmp_path).warnings()
    assert "1 .wave): what is read is .bin" in said
