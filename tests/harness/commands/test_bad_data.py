"""What the command line says of data it cannot use, or of too few open files: one message, the exit status, no result."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import message_of
from tasks.base import DataMissing

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


def no_result(out: Path) -> bool:
    """Nothing there, or at least nothing that could be taken for a result."""
    return not out.exists() or not [path for path in out.rglob("*") if path.is_file()]


PICTURES = ["--task", "mobilenet_edgetpu"]


@pytest.fixture
def pictures(make_picture_data: Callable[[int], Path]) -> Path:
    """A set of pictures to spoil."""
    return make_picture_data(12)


@pytest.fixture
def classify(
    call: Cli, picture_model: Path, pictures: Path, short: list[str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return call(
            *PICTURES, "--model", picture_model, "--dataset", pictures, *short, "--out", tmp_path / "run", *words
        )

    return run


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_an_empty_picture_folder_is_refused(
    mode: str, classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    for picture in pictures.glob("*.jpg"):
        picture.unlink()
    done = classify("--mode", mode)
    assert done.returncode == 2
    assert f"{pictures} holds no pictures" in complaint(done)


def test_pictures_that_are_missing_are_named_and_the_set_is_not_shrunk_in_silence(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    for number in (3, 7):
        (pictures / f"picture_{number:04}.jpg").unlink()
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    message = complaint(done)
    assert "has labels for files that are not there: picture_0003.jpg, picture_0007.jpg (2 in all)" in message
    assert no_result(tmp_path / "run")


def test_more_pictures_than_there_are_is_an_error(classify: Cli, complaint: Complaint) -> None:
    done = classify("--count", "13")
    assert done.returncode == 2
    assert "13 pictures are wanted" in complaint(done)
    assert "has 12" in complaint(done)


def test_labels_that_do_not_match_the_pictures_are_refused(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    (pictures / "labels.csv").unlink()
    (pictures / "val_map.txt").write_text("1\n2\n3\n", encoding="ascii")
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "val_map.txt has 3 labels by position, but the data set has 12 samples" in complaint(done)
    assert no_result(tmp_path / "run")


def test_two_ground_truths_are_an_error_that_names_both(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    shutil.copy(pictures / "labels.csv", pictures / "y_labels.csv")
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "labels.csv, y_labels.csv. Choose one with --truth" in complaint(done)
    assert no_result(tmp_path / "run")


def test_no_ground_truth_stops_an_accuracy_run_but_no_performance_run(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    (pictures / "labels.csv").unlink()
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "no ground truth in or beside" in complaint(done)
    assert no_result(tmp_path / "run")
    assert classify().returncode == 0


@pytest.mark.parametrize("number", [0, 11])
@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_corrupt_picture_is_named_whether_it_is_met_before_or_inside_loadgen(
    number: int,
    mode: str,
    classify: Cli,
    pictures: Path,
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    """The calibration looks at the first eight; the others are loaded inside LoadGen's callback."""
    picture = pictures / f"picture_{number:04}.jpg"
    picture.write_bytes(picture.read_bytes()[:300])
    done = classify("--mode", mode)
    assert done.returncode == 2
    assert picture.name in complaint(done)
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert read_result(tmp_path / "run")["accuracy"] is None


@pytest.mark.parametrize("limit", [8, 12, 16])
def test_too_few_open_files_are_not_blamed_on_what_could_not_be_opened(
    limit: int, command: list[str], environment: dict[str, str], keywords: list[str], tmp_path: Path
) -> None:
    words = [*command, *keywords, "--scenario", "Offline", "--set", "backend.workers=processes", "--instances", "8"]
    done = subprocess.run(
        ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "bash", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"tflite-loadgen: the limit of open files was met: a process may have {limit} here, which is too few. Allow more in "
        "this shell and run again: ulimit -n 1024"
    )


def test_an_error_of_too_many_open_files_is_known_through_what_was_made_of_it() -> None:
    def read() -> None:
        try:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a.png")
        except OSError:
            raise DataMissing("a.png is no picture") from None

    with pytest.raises(DataMissing) as caught:
        read()
    assert message_of(caught.value).startswith("the limit of open files was met")
    # Of the whole system, not of a process: no shell can allow more.
    assert "Allow more" not in message_of(OSError(errno.ENFILE, os.strerror(errno.ENFILE)))
