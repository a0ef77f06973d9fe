"""Layouts of recordings of machines, and what they say of each."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tasks.audio.machine_sounds import find_recordings
from tasks.base import DataMissing


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def told(root: Path) -> list[tuple[str, str, int | None]]:
    return [(each.name, each.machine, each.anomalous) for each in find_recordings(root)]


def test_dcase_counts_every_machines_test_folder_and_no_training_recording(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        "ToyCar/train/normal_id_01_00000000.wav",
        "ToyCar/test/normal_id_01_00000000.wav",
        "fan/test/anomaly_id_02_00000003.wav",
    )
    assert told(root) == [
        ("ToyCar/test/normal_id_01_00000000.wav", "ToyCar id_01", 0),
        ("fan/test/anomaly_id_02_00000003.wav", "fan id_02", 1),
    ]


def test_toyadmos_tells_by_its_folders_and_a_flat_folder_by_names_alone(tmp_path: Path) -> None:
    assert told(
        files(tmp_path / "a", "ToyCar/case1/AnomalousSound_IND/ab01.wav", "ToyCar/case1/NormalSound_IND/1.wav")
    ) == [
        ("ToyCar/case1/AnomalousSound_IND/ab01.wav", "ToyCar case1", 1),
        ("ToyCar/case1/NormalSound_IND/1.wav", "ToyCar case1", 0),
    ]
    assert told(files(tmp_path / "b", "normal_id_01_00000003_hist_librosa.bin", "hum.wav")) == [
        ("hum.wav", "", None),
        ("normal_id_01_00000003_hist_librosa.bin", "id_01", 0),
    ]


def test_an_archive_is_read_in_place_as_its_folder_would_be(tmp_path: Path) -> None:
    names = ("ToyCar/train/normal_id_01_1.wav", "ToyCar/test/normal_id_01_0.wav", "ToyCar/test/anomaly_id_01_2.wav")
    files(tmp_path / "set", *names)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in (*names, "__MACOSX/ToyCar/test/._normal_id_01_0.wav"):
            archive.writestr(name, name)
    assert told(tmp_path / "set.zip") == told(tmp_path / "set")
    assert [each.read().decode() for each in find_recordings(tmp_path / "set.zip")] == [names[2], names[1]]
    with zipfile.ZipFile(tmp_path / "labelled.zip", "w") as archive:
        archive.writestr("hum.bin", b"")
        archive.writestr("y_labels.csv", "hum.bin,2,1\n")
    assert told(tmp_path / "labelled.zip") == [("hum.bin", "", 1)]


def test_a_list_of_labels_has_the_last_word_and_must_be_of_these_files(tmp_path: Path) -> None:
    root = files(tmp_path, "hum.bin")
    (root / "y_labels.csv").write_text("hum.bin,2,1,2560,512\n")
    assert told(root) == [("hum.bin", "", 1)]
    (root / "y_labels.csv").write_text("other.bin,2,1,2560,512\n")
    with pytest.raises(DataMissing, match=r"labels 1 files that are not there: other\.bin"):
        find_recordings(root)
    (root / "y_labels.csv").write_text("hum.bin,10,1\n")
    with pytest.raises(DataMissing, match=r"line 1 is 'hum\.bin,10,1'"):
        find_recordings(root)


@pytest.mark.parametrize(
    ("name", "said"),
    [("absent", "is not there"), ("set.zip", "neither a folder nor a zip archive"), ("empty", "no recordings")],
)
def test_nothing_to_hear_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataMissing, match=said):
        find_recordings(tmp_path / name)
