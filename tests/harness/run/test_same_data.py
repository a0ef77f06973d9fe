"""`score DIR` holds the data against what the run read: whatever has changed is refused and named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Process = subprocess.CompletedProcess[str]
Cli = Callable[..., Process]
Make = Callable[[int], Path]


def refused(done: Process, *said: str) -> None:
    """The message names what has changed, and the exit status is the user's."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot be scored, since its data are not what the run read" in done.stderr
    for words in (*said, "run once more with the data that are there now"):
        assert words in done.stderr


def overwrite(path: Path, data: bytes) -> None:
    """Other bytes in the same file, at the same time."""
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture
def keyword_run(call: Cli, keyword_model: Path, make_keyword_data: Make, tmp_path: Path) -> tuple[Path, Path]:
    """An accuracy run of 20 feature files: their folder, the run's."""
    data, out = make_keyword_data(20), tmp_path / "run"
    done = call(
        "--task", "kws", "--model", keyword_model, "--dataset", data, "--mode", "accuracy", "--out", out
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return data, out


def test_a_run_keeps_what_it_has_read_and_scores_the_same_again(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    kept = json.loads((out / "samples.json").read_text(encoding="ascii"))
    assert [(item["name"], item["size"]) for item in kept["samples"]] == [
        (f"sample_{number:04}.bin", 490) for number in range(20)
    ]
    assert all(len(item["sha256"]) == 64 for item in kept["samples"])
    [labels] = kept["files"]
    assert (labels["name"], labels["size"]) == (
        str(data / "y_labels.csv"),
        (data / "y_labels.csv").stat().st_size,
    )
    done = call("score", out)
    assert done.returncode == 0
    assert done.stdout.split()[:3] == ["top1", "80.00", "%"]
    assert "samples.json" not in done.stdout


def test_feature_files_that_changed_after_the_run_are_named(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    third, extra = data / "sample_0003.bin", data / "sample_0100.bin"
    before = third.read_bytes()
    overwrite(third, before[::-1])
    refused(call("score", out), "changed: 1 of 20 samples, the first is sample_0003.bin")
    third.unlink()
    refused(call("score", out), "gone: 1 of 20 samples, the first is sample_0003.bin")
    third.write_bytes(before)
    extra.write_bytes(before)
    refused(call("score", out), "added to 20 samples: 1, the first is sample_0100.bin")
    extra.unlink()
    third.rename(extra)
    refused(
        call("score", out),
        "gone: 1 of 20 samples, the first is sample_0003.bin",
        "added to 20 samples: 1, the first is",
    )
    extra.rename(third)
    assert call("score", out).stdout.split()[:3] == ["top1", "80.00", "%"]


def test_labels_that_were_edited_or_removed_after_the_run_are_named(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    labels = data / "y_labels.csv"
    before = labels.read_bytes()
    lines = before.splitlines(keepends=True)
    overwrite(labels, b"".join([lines[0].replace(b", 0", b", 1"), *lines[1:]]))
    assert labels.read_bytes() != before
    refused(call("score", out), f"{labels} has changed")
    labels.unlink()
    refused(call("score", out), f"{labels} is gone")


def test_a_run_that_kept_nothing_of_its_data_is_scored_with_a_note(keyword_run: tuple[Path, Path], call: Cli) -> None:
    _, out = keyword_run
    (out / "samples.json").unlink()
    done = call("score", out)
    assert done.returncode == 0
    assert "the run kept no samples.json" in done.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": 2, "samples": [], "files": []}'])
def test_a_damaged_record_of_the_data_is_refused(keyword_run: tuple[Path, Path], call: Cli, text: str) -> None:
    _, out = keyword_run
    (out / "samples.json").write_text(text, encoding="ascii")
    done = call("score", out)
    assert done.returncode == 2
    assert "samples.json is" in done.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_that_changed_after_the_run_are_named_also_where_the_run_took_them_from_the_cache(
    packed: bool, call: Cli, picture_model: Path, make_picture_data: Make, tmp_path: Path
) -> None:
    data = folder = make_picture_data(8)
    truth = folder / "labels.csv"
    if packed:
        truth = tmp_path / "labels.csv"
        shutil.move(folder / "labels.csv", truth)

    def pack() -> Path:
        if not packed:
            return folder
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
            for picture in sorted(folder.iterdir()):
                archive.write(picture, picture.name)
        return tmp_path / "pictures.zip"

    data = pack()
    for name in ("prepared", "cached"):
        done = call(
            "--task", "classification", "--model", picture_model, "--dataset", data, "--truth", truth,
            "--mode", "accuracy", "--out", tmp_path / name,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    found = [(tmp_path / name / "samples.json").read_bytes() for name in ("prepared", "cached")]
    assert found[0] == found[1]
    out = tmp_path / "cached"
    first, second = sorted(folder.glob("*.jpg"))[:2]
    before = second.read_bytes()
    overwrite(second, first.read_bytes())
    pack()
    refused(call("score", out), f"changed: 1 of 8 samples, the first is {second.name}")
    second.unlink()
    pack()
    refused(call("score", out), f"gone: 1 of 8 samples, the first is {second.name}")
    second.write_bytes(before)
    shutil.copy(first, folder / "zzz.jpg")
    pack()
    refused(call("score", out), "added to 8 samples: 1, the first is zzz.jpg")
    (folder / "zzz.jpg").unlink()
    pack()
    assert call("score", out).stdout.split()[:3] == ["top1", "75.00", "%"]
