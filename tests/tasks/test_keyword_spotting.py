from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_labels
from tasks.base import DataMissing, DataRef
from tasks.codecs.keyword_spotting import KeywordSpottingOptions, other_reading
from tasks.keyword_spotting import KeywordSpotting
from tests.tasks.feature_sets import FEATURES, SCALE, SCORES, ZERO_POINT, feature_set, spec, task_of


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
    assert [reading.words for reading in task.readings(list)]


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


def test_recordings_that_are_not_read_are_in_the_result(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "0.bin").write_bytes(bytes(490))
    (tmp_path / "no" / "1.flac").write_bytes(b"fLaC")
    assert KeywordSpotting(DataRef(tmp_path), KeywordSpottingOptions()).describe_data()["left_out"] == {".flac": 1}
